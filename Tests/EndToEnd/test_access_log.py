"""One line for each exchange, and a log that never holds up a request."""

import base64
import json
import os
import re
import signal
import time

import pytest

from support import http2
from support.gateway import Gateway, wait_until
from support.http2 import H2Client
from support.rawhttp import answer, build, get, post

CONFIG = """
accessLog: { path: access.log, format: json }
backends:
  main: { endpoints: [{address}], limits: { inFlight: 1, queue: 5 } }
routes:
  - name: fixed
    match: [{ path: { prefix: /fixed } }]
    respond: { status: 200, body: fixed }
  - name: locked
    match: [{ path: { prefix: /locked } }]
    basicAuth: { users: { ann: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" } }
    backends: [{ name: main }]
  # A second to check.
  - name: slow
    match: [{ path: { prefix: /slow } }]
    basicAuth: { users: { ann: "$2y$14$BKGzonLDlGaaLJqBKRqfFusweiVlYtL8LGFraAhaSf0/OTCYFzIhq" } }
    backends: [{ name: main }]
  - name: infer
    match: [{ path: { prefix: /v2 } }]
    backends: [{ name: main, as: stable }]
"""


@pytest.fixture
def logged(proxies):
    return proxies(CONFIG)


def lines(proxy, count: int, name: str = "access.log") -> list:
    path = proxy.gateway.workdir / name
    return wait_until(
        lambda: path.exists() and len(found := path.read_bytes().decode().splitlines()) >= count and found,
        10,
        f"{count} lines in {name}",
    )


def records(proxy, count: int) -> list:
    found = [json.loads(line) for line in lines(proxy, count)]
    assert len(found) == count
    return found


def test_fields(logged):
    logged.upstream.reply = answer(b"y" * 2000)
    data = post(
        b"x" * 1000,
        "/v2/models/a/infer?q=1",
        "models.example.com",
        'User-Agent: test/1 "quoted"',
        "X-Request-Id: id-1",
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    assert logged.send(data).status == 200
    (record,) = records(logged, 1)
    expected = {
        "method": "POST",
        "path": "/v2/models/a/infer?q=1",
        "protocol": "HTTP/1.1",
        "host": "models.example.com",
        "route": "infer",
        "backend": "stable",
        "endpoint": logged.upstream.address,
        "status": 200,
        "requestId": "id-1",
        "userAgent": 'test/1 "quoted"',
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "requestBytes": 1000,
        "responseBytes": 2000,
    }
    assert {key: record.get(key) for key in expected} == expected
    assert record["client"].startswith("127.0.0.1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", record["time"])
    assert record.get("cause", "") == ""
    assert 0 <= record.get("queueSeconds", 0) <= record["firstByteSeconds"] <= record["durationSeconds"] < 5


def test_causes_and_users(logged):
    logged.upstream.reply = lambda request, connection: None if request.target == "/v2/broken" else answer()
    credentials = "Authorization: Basic " + base64.b64encode(b"ann:test").decode()
    assert logged.send(get("/locked")).status == 401
    assert logged.send(get("/locked", "x", credentials)).status == 200
    assert logged.send(post(b"x", "/v2/broken")).status == 502
    assert logged.send(get("/nowhere")).status == 404
    assert logged.send(get("/fixed")).status == 200
    found = {(record["path"], record["status"]): record for record in records(logged, 5)}
    assert found["/locked", 401]["cause"] == "unauthorized" and "user" not in found["/locked", 401]
    assert found["/locked", 200]["user"] == "ann"
    assert found["/v2/broken", 502]["cause"] == "upstream_reset"
    assert found["/v2/broken", 502]["endpoint"] == logged.upstream.address
    assert found["/nowhere", 404]["cause"] == "no_route" and "route" not in found["/nowhere", 404]
    assert found["/fixed", 200]["route"] == "fixed"


def test_nobody_is_named_before_it_is_certain(logged):
    """A client that leaves while its password is looked at has not proven who it is."""
    def leaves(number: int) -> dict:
        with H2Client(logged.gateway.host, logged.gateway.port) as client:
            wrong = "Basic " + base64.b64encode(b"ann:wrong %d" % number).decode()
            stream = client.open(http2.request("GET", "/slow", ("authorization", wrong)))
            client.settle()
            client.send(http2.reset(stream))
            client.settle()
        return records(logged, number)[-1]

    for number in range(1, 4):
        record = leaves(number)
        assert record["route"] == "slow" and "user" not in record
        if record["status"] == 499:
            return
        # This process stood still for longer than the check took.
        assert record["status"] == 401
    raise AssertionError("nobody left")


def test_made_request_ids_are_what_the_endpoint_saw(logged):
    assert logged.send(get("/v2/x")).status == 200
    assert records(logged, 1)[0]["requestId"] == logged.upstream.requests[0].get("x-request-id")


def test_durations(logged):
    logged.upstream.reply = lambda request, connection: (logged.upstream.hold(), time.sleep(0.3), answer())[2]
    first = logged.connect().send(get("/v2/1"))
    logged.upstream.wait_requests(1)
    second = logged.connect().send(get("/v2/2"))
    logged.gateway.wait_metric("sluice_requests_queued", 1)
    logged.upstream.release()
    assert first.response().status == second.response().status == 200
    one, two = sorted(records(logged, 2), key=lambda record: record["path"])
    # The second waited for as long as the first one's answer took.
    assert one.get("queueSeconds", 0) < 0.1 and 0.25 < two["queueSeconds"] < one["durationSeconds"] + 3
    assert two["durationSeconds"] >= two["queueSeconds"] + 0.25
    for client in (first, second):
        client.close()


def test_clients_that_leave(logged):
    logged.upstream.reply = lambda request, connection: connection.wait_end() and None
    client = logged.connect().send(get("/v2/x"))
    logged.upstream.wait_requests(1)
    client.reset()
    (record,) = records(logged, 1)
    assert (record["status"], record["cause"]) == (499, "client_closed")


def test_hostile_bytes_stay_in_their_line(logged):
    fields = ['User-Agent: a\t\xff\xe2\x80\xa8"\\ {}', "X-Request-Id: x"]
    assert logged.send(get("/v2/%0a%22?\"<>'", "h", *fields)).status in (200, 400)
    assert logged.send(get("/v2/x", "h", "User-Agent: \x1b[31m\x7f")).status in (200, 400)
    assert logged.send(get("/v2/%22%0d%0a{}", "h", *fields)).status == 200
    for line in lines(logged, 3):
        json.loads(line)
        assert not re.search(r"[\x00-\x1f\x7f]", line)


def test_text(proxies):
    proxy = proxies(CONFIG.replace("format: json", "format: text"))
    assert proxy.send(get("/v2/x", "h", 'User-Agent: evil" 200 "-"')).status == 200
    assert proxy.send(get("/v2/x", "h", "User-Agent: \x1b[0m")).status in (200, 400)
    # Two connections may be on two loops, whose lines come in either order.
    line = next(line for line in lines(proxy, 2) if "evil" in line)
    assert "127.0.0.1" in line and "GET /v2/x" in line and "200" in line and "infer" in line
    assert not any(ord(byte) < 32 for byte in "".join(lines(proxy, 2)))
    assert 'evil" 200 "-"' not in line, "a client writes fields of the line"


@pytest.mark.parametrize("target", ["stdout", "stderr"])
def test_standard_streams(proxies, target):
    proxy = proxies(CONFIG.replace("path: access.log", f"path: {target}"))
    assert proxy.send(get("/v2/findme")).status == 200
    read = proxy.gateway.stdout_text if target == "stdout" else proxy.gateway.stderr_text
    wait_until(lambda: '"path":"/v2/findme"' in read().replace('": "', '":"'), 10, f"the line is on {target}")


def test_no_log_unless_asked(proxies):
    proxy = proxies(CONFIG.replace("accessLog: { path: access.log, format: json }", ""))
    assert proxy.send(get("/v2/findme")).status == 200
    proxy.gateway.stop()
    assert "findme" not in proxy.gateway.stdout_text() + proxy.gateway.stderr_text()


def test_share(proxies):
    proxy = proxies(CONFIG.replace("format: json", "format: json, samplePercent: 25"))
    with proxy.connect() as client:
        for _ in range(400):
            assert client.exchange(get("/fixed")).status == 200
    proxy.gateway.stop()
    # Fewer or more come by chance once in ten thousand million times.
    assert 45 <= len(lines(proxy, 1)) <= 160


def test_every_line_is_written_before_it_ends(proxies):
    proxy = proxies(CONFIG)
    with proxy.connect() as client:
        for index in range(500):
            assert client.exchange(get(f"/fixed/{index}")).status == 200
    proxy.gateway.stop()
    assert [record["path"] for record in records(proxy, 500)] == [f"/fixed/{index}" for index in range(500)]


def test_a_sink_nobody_reads_stops_nothing(proxies):
    """The log goes into a full pipe: requests are served, and what cannot be written is counted."""
    reading, writing = os.pipe()
    try:
        # Each loop beyond the eighth has more room.
        proxy = proxies("loops: 1\n" + CONFIG.replace("path: access.log", "path: stdout"), stdout=writing)
        target, slowest = "/fixed/" + "x" * 2000, 0
        with proxy.connect() as client:
            for _ in range(4000):
                started = time.monotonic()
                assert client.exchange(get(target)).status == 200
                slowest = max(slowest, time.monotonic() - started)
        # One that waited for somebody to read would wait for ever.
        assert slowest < 5
        proxy.gateway.wait_metric("sluice_access_log_dropped_total", 1)
        assert proxy.gateway.rss() < 128 << 20
        proxy.gateway.stop()
    finally:
        os.close(reading)
        os.close(writing)


def test_a_full_disk_stops_nothing(proxies):
    proxy = proxies(CONFIG.replace("path: access.log", "path: /dev/full"))
    with proxy.connect() as client:
        for _ in range(200):
            assert client.exchange(get("/fixed")).status == 200
    proxy.gateway.wait_metric("sluice_access_log_dropped_total", 1)


def test_a_bad_request_has_a_line(logged):
    logged.send(build("GET", "/v2/../x"))
    (record,) = records(logged, 1)
    assert (record["status"], record["cause"]) == (400, "bad_request")


def test_rotation(logged):
    """logrotate's way: rename, then SIGHUP; no line is lost and none goes to the old file afterwards."""
    path = logged.gateway.workdir / "access.log"
    assert logged.send(get("/fixed/1")).status == 200
    lines(logged, 1)
    path.rename(path.with_suffix(".1"))
    logged.gateway.signal(signal.SIGHUP)
    wait_until(path.exists, 10, "the log is opened anew")
    assert logged.send(get("/fixed/2")).status == 200
    assert [record["path"] for record in records(logged, 1)] == ["/fixed/2"]
    assert len(lines(logged, 1, "access.1")) == 1


def test_a_log_that_cannot_be_opened(tmp_path):
    """Said at the start, not found out by its absence."""
    gateway = Gateway(
        CONFIG.replace("path: access.log", "path: /nowhere/access.log").replace("{address}", "127.0.0.1:1"), tmp_path
    )
    gateway.start(wait=False)
    assert gateway.wait_exit() not in (0, -6, -11)
    assert "/nowhere/access.log" in gateway.stderr_text()
