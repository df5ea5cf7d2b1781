"""/metrics: counts that agree with what was sent, in both formats."""

import shutil
import subprocess

import pytest

from support.gateway import wait_until
from support.rawhttp import Incomplete, answer, build, chunked, get, post

CONFIG = """
backends:
  main: { server: generic, endpoints: [{address}] }
  quiet: { server: generic, endpoints: [{address}] }
routes:
  - name: fixed
    match: [{ path: { prefix: /fixed } }]
    respond: { status: 204 }
  - name: small
    match: [{ path: { prefix: /small } }]
    maxBodySize: 10
    backends: [{ name: main }]
  - name: 'od"d\\name'
    match: [{ path: { prefix: /odd } }]
    backends: [{ name: main, as: 'la"bel' }]
  - name: infer
    match: [{ path: { prefix: /v2 } }]
    backends: [{ name: main, weight: 3 }, { name: quiet, weight: 0 }]
"""


@pytest.fixture
def measured(proxies):
    return proxies(CONFIG)


def test_requests_by_code_and_cause(measured):
    measured.upstream.reply = lambda request, connection: (
        answer(b"", "404 Not Found")
        if request.target.endswith("missing")
        else None
        if request.target.endswith("broken")
        else answer(b"ok")
    )
    with measured.connect() as client:
        for _ in range(5):
            assert client.exchange(get("/v2/ok")).status == 200
        for _ in range(3):
            assert client.exchange(get("/v2/missing")).status == 404
        assert client.exchange(post(b"x", "/v2/broken")).status == 502
        assert client.exchange(get("/fixed")).status == 204
        assert client.exchange(get("/nowhere")).status == 404
        assert client.exchange(post(b"x" * 11, "/small")).status == 413
    metrics = measured.gateway.metrics()
    count = lambda **labels: metrics.sum("sluice_requests_total", **labels)
    assert count(route="infer", backend="main", code="200", cause="") == 5
    assert count(route="infer", backend="main", code="404", cause="") == 3
    assert count(route="infer", backend="main", code="502", cause="upstream_reset") == 1
    assert count(route="fixed", code="204", cause="") == 1
    assert count(code="404", cause="no_route") == 1
    assert count(route="small", code="413", cause="body_too_large") == 1
    assert count() == 12
    assert metrics.sum("sluice_requests_in_flight") == 0


def test_bad_requests_are_counted(measured):
    measured.send(b"broken\r\n\r\n")
    measured.gateway.wait_metric("sluice_requests_total", 1, code="400", cause="bad_request")


def test_durations(measured):
    for _ in range(4):
        assert measured.send(post(b"x", "/v2/x")).status == 200
    metrics = measured.gateway.metrics()
    for name in (
        "sluice_request_duration_seconds",
        "sluice_queue_duration_seconds",
        "sluice_time_to_first_byte_seconds",
    ):
        assert metrics.sum(name + "_count", route="infer", backend="main") == 4
        buckets = metrics.select(name + "_bucket", route="infer", backend="main")
        ordered = sorted(buckets, key=lambda bucket: float(bucket[0]["le"]))
        values = [value for _, value in ordered]
        assert values == sorted(values) and values[-1] == 4
        assert ordered[-1][0]["le"] == "+Inf"
        assert len(ordered) >= 10
    assert 0 < metrics.sum("sluice_request_duration_seconds_sum", route="infer") < 40


def test_durations_are_those_of_the_clients(measured):
    measured.upstream.reply = measured.upstream.holding(answer(b"late"))
    client = measured.connect().send(get("/v2/x"))
    measured.upstream.wait_requests(1)
    assert measured.gateway.metrics().sum("sluice_requests_in_flight", backend="main") == 1
    assert not client.readable(0.5)
    measured.upstream.release()
    assert client.response().status == 200
    client.close()
    metrics = measured.gateway.metrics()
    whole = metrics.sum("sluice_request_duration_seconds_sum", route="infer")
    assert 0.5 <= metrics.sum("sluice_time_to_first_byte_seconds_sum", route="infer") <= whole < 10
    # Half a second of it was the endpoint's.
    assert metrics.sum("sluice_queue_duration_seconds_sum", route="infer") < whole - 0.4


def test_bytes(measured):
    measured.upstream.reply = answer(b"y" * 70_000)
    for _ in range(3):
        assert measured.send(post(b"x" * 50_000, "/v2/x")).status == 200
    data = build("POST", "/v2/x", "x", "Transfer-Encoding: chunked") + chunked(b"x" * 10_000)
    assert measured.send(data).status == 200
    metrics = measured.gateway.metrics()
    assert 160_000 <= metrics.sum("sluice_request_bytes_total", route="infer", backend="main") < 165_000
    assert 280_000 <= metrics.sum("sluice_response_bytes_total", route="infer", backend="main") < 285_000


def test_connections(measured):
    clients = [measured.connect() for _ in range(5)]
    for client in clients:
        assert client.exchange(get("/v2/x")).status == 200
    metrics = measured.gateway.metrics()
    assert metrics.sum("sluice_connections_open") == 5
    assert metrics.sum("sluice_connections_total") == 5
    labels = metrics.select("sluice_connections_open")[0][0]
    assert set(labels) == {"listener", "protocol"}
    assert metrics.sum("sluice_upstream_connections_open", backend="main", endpoint=measured.upstream.address) >= 1
    for client in clients:
        client.close()
    wait_until(
        lambda: measured.gateway.metrics().sum("sluice_connections_open") == 0, 10, "closed connections are not open"
    )
    assert measured.gateway.metrics().sum("sluice_connections_total") == 5


def test_gauges_and_process(measured):
    metrics = measured.gateway.metrics()
    assert metrics.sum("sluice_route_weight", route="infer", backend="main") == 3
    assert metrics.select("sluice_route_weight", route="infer", backend="quiet")[0][1] == 0
    assert metrics.sum("sluice_endpoint_up", backend="main", endpoint=measured.upstream.address) == 1
    assert metrics.sum("sluice_config_info") == 1
    assert metrics.select("sluice_config_info")[0][0]["hash"]
    assert metrics.sum("sluice_build_info") == 1
    assert metrics.sum("process_resident_memory_bytes") == pytest.approx(measured.gateway.rss(), rel=0.3)
    assert metrics.sum("process_open_fds") == pytest.approx(measured.gateway.fds(), abs=4)
    measured.gateway.wait_metric("process_cpu_seconds_total", 0.01)
    assert metrics.sum("process_start_time_seconds") > 1.5e9


def test_labels_are_escaped(measured):
    assert measured.send(get("/odd")).status == 200
    assert r'route="od\"d\\name"' in measured.gateway.admin("/metrics")[2]
    assert r'backend="la\"bel"' in measured.gateway.admin("/metrics")[2]


def test_paths_and_strangers_make_no_series(measured):
    """What clients choose is never a label."""
    before = len(measured.gateway.metrics())
    for index in range(100):
        measured.send(build(f"M{index}", f"/v2/models/m{index}", f"host{index}"))
        measured.send(get(f"/unknown/{index}"))
    assert len(measured.gateway.metrics()) < before + 150
    text = measured.gateway.admin("/metrics")[2]
    assert "m57" not in text and "host57" not in text and "unknown" not in text


def test_counts_survive_a_reload(measured):
    assert measured.send(get("/v2/x")).status == 200
    measured.gateway.write_config(
        CONFIG.replace("{address}", measured.upstream.address).replace("weight: 3", "weight: 4")
    )
    assert measured.gateway.reload()[0] == 200
    metrics = measured.gateway.metrics()
    assert metrics.sum("sluice_requests_total", route="infer", code="200") == 1
    assert metrics.sum("sluice_route_weight", route="infer", backend="main") == 4
    assert len(metrics.select("sluice_config_info")) == 1


def test_clients_that_left(measured):
    measured.upstream.reply = lambda request, connection: connection.wait_end() and None
    client = measured.connect().send(get("/v2/x"))
    measured.upstream.wait_requests(1)
    client.reset()
    measured.gateway.wait_metric("sluice_requests_total", 1, route="infer", code="499", cause="client_closed")
    assert measured.gateway.metrics().sum("sluice_requests_in_flight") == 0


def test_broken_off_answers_have_a_cause(measured):
    measured.upstream.reply = lambda request, connection: (
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx") and None
    )
    with measured.connect() as client:
        client.send(get("/v2/x"))
        try:
            client.response()
        except Incomplete:
            pass
    wait_until(lambda: measured.gateway.metrics().sum("sluice_requests_total", route="infer"), 10, "it is counted")
    assert measured.gateway.metrics().sum("sluice_requests_total", route="infer", cause="") == 0


@pytest.mark.parametrize(
    "accept, content_type, end",
    [
        (None, "text/plain; version=0.0.4", None),
        ("text/plain", "text/plain; version=0.0.4", None),
        ("*/*", "text/plain; version=0.0.4", None),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0", "# EOF\n"),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.9",
            "text/plain; version=0.0.4",
            None,
        ),
    ],
)
def test_formats(measured, accept, content_type, end):
    measured.send(get("/v2/x"))
    status, headers, text = measured.gateway.admin("/metrics", headers={"Accept": accept} if accept else {})
    assert status == 200
    assert headers["Content-Type"].startswith(content_type)
    assert "charset=utf-8" in headers["Content-Type"]
    assert text.endswith("\n")
    assert (text.endswith("# EOF\n")) == (end is not None)
    names = set()
    for line in text.splitlines():
        if line.startswith("# TYPE"):
            _, _, name, kind = line.split(" ")
            assert name not in names, f"{name} twice"
            names.add(name)
            assert not (end and kind == "counter" and name.endswith("_total"))


def test_promtool_has_no_complaint(measured):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed")
    measured.send(post(b"x", "/v2/x"))
    measured.send(get("/nowhere"))
    text = measured.gateway.admin("/metrics")[2]
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_scrapes_do_not_disturb(measured):
    """A scrape per request, and both are right."""
    with measured.connect() as client:
        for number in range(1, 51):
            assert client.exchange(get("/v2/x")).status == 200
            assert measured.gateway.metrics().sum("sluice_requests_total", route="infer") == number


def test_status_is_json_about_what_runs(measured):
    text = str(measured.gateway.status())
    for word in ("infer", "small", "main", "quiet", measured.upstream.address):
        assert word in text
