"""No line is lost or written twice, whatever happens to the file, and a share of the lines has all errors in it."""

import json
import re
import signal
import threading
import time
from collections import Counter

import pytest

from support.gateway import wait_until
from support.load import Clients, Grpc, H1
from support.rawhttp import answer, get
from support.ways import CALL, HTTP1, serving

CONFIG = """
loops: 2
accessLog: { path: access.log, format: FORMAT, samplePercent: SHARE }
backends:
  main: { endpoints: [<main>] }
  shadow: { endpoints: [<shadow>] }
routes:
  - { name: fixed, match: [{ path: { prefix: /fixed } }], respond: { status: 200, body: fixed } }
  - name: refused
    match: [{ path: { prefix: /refused } }]
    allowFrom: [10.0.0.0/8]
    backends: [{ name: main }]
  - { name: rest, backends: [{ name: main }], mirrors: [{ backend: shadow, maxInFlight: 10000 }] }
"""


@pytest.fixture
def logged(tmp_path):
    """Starts a gateway with a format and a share."""
    made = []

    def make(format: str = "json", share: float = 100):
        text = CONFIG.replace("FORMAT", format).replace("SHARE", str(share))
        made.append(serving(text, tmp_path, "main", "shadow"))
        return made[-1].__enter__()

    yield make
    for each in made:
        each.__exit__(None, None, None)


def text_of(site) -> str:
    """All logs there are, the rotated ones too."""
    return "".join(path.read_text() for path in sorted(site.gateway.workdir.glob("access*")) if path.is_file())


def paths(site) -> list[str]:
    return [json.loads(line)["path"] for line in text_of(site).splitlines()]


@pytest.fixture
def feed():
    """Requests with a number each, from four connections, until told to stop."""
    over, threads, sent = threading.Event(), [], []

    def work(gateway, worker: int) -> None:
        with HTTP1.connect(gateway) as client:
            for number in range(1_000_000):
                if over.is_set():
                    return
                path = f"/fixed/{worker}/{number}"
                assert client.ask(path, method="GET").status == 200
                sent.append(path)

    def start(gateway):
        threads.extend(threading.Thread(target=work, args=(gateway, worker)) for worker in range(4))
        for thread in threads:
            thread.start()
        return sent

    def stop() -> None:
        over.set()
        for thread in threads:
            thread.join()

    start.stop = stop
    yield start
    stop()


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGHUP], ids=["SIGUSR1", "SIGHUP"])
def test_rotation_under_load(logged, feed, number):
    """Rename, then the signal, again and again: every request has its line once, in one of the files."""
    site = logged()
    gateway = site.gateway
    path = gateway.workdir / "access.log"
    sent = feed(gateway)
    for index in range(12):
        begin = len(sent)
        wait_until(lambda: len(sent) > begin + 100 and path.exists() and path.stat().st_size > 0, 20, "more lines")
        path.rename(gateway.workdir / f"access.{index:02}")
        gateway.signal(number)
        wait_until(path.exists, 10, "the log is opened anew")
    feed.stop()
    gateway.stop()
    found = Counter(paths(site))
    assert found == Counter(sent), [each for each in (found - Counter(sent)) + (Counter(sent) - found)][:5]


def test_a_signal_for_logs_loads_no_configuration(logged):
    site = logged()
    before = site.gateway.metrics().sum("sluice_config_reloads_total")
    path = site.gateway.workdir / "access.log"
    path.unlink()
    site.gateway.signal(signal.SIGUSR1)
    wait_until(path.exists, 10, "the log is opened anew")
    assert site.gateway.metrics().sum("sluice_config_reloads_total") == before


def test_signals_without_a_file_do_no_harm(gateways):
    """Nobody may be able to end the gateway by what logrotate sends."""
    for text in ("", "accessLog: { path: stdout }\n"):
        gateway = gateways(text + "routes: [{ name: fixed, respond: { status: 200 } }]")
        for _ in range(5):
            gateway.signal(signal.SIGUSR1)
        assert gateway.admin_status("/readyz") == 200


def test_the_old_file_is_kept_where_no_new_one_can_be_made(logged):
    site = logged()
    gateway, path = site.gateway, site.gateway.workdir / "access.log"
    assert site.ask(HTTP1, "/fixed/1").status == 200
    wait_until(lambda: path.exists() and path.stat().st_size, 10, "a line")
    path.rename(path.with_suffix(".old"))
    path.mkdir()
    gateway.signal(signal.SIGUSR1)
    wait_until(lambda: "access.log" in gateway.stderr_text(), 10, "it is said")
    assert site.ask(HTTP1, "/fixed/2").status == 200
    wait_until(lambda: path.with_suffix(".old").read_text().count("\n") == 2, 10, "a second line in the old file")
    path.rmdir()
    gateway.signal(signal.SIGUSR1)
    wait_until(path.exists, 10, "the log is opened anew")
    assert site.ask(HTTP1, "/fixed/3").status == 200
    wait_until(lambda: "/fixed/3" in path.read_text(), 10, "the third line in the new file")


def test_reloads_lose_nothing(logged, feed):
    """Formats, shares and the log's very path change under load."""
    site = logged()
    sent = feed(site.gateway)
    for index in range(10):
        begin = len(sent)
        site.gateway.write_config(site.gateway.config_path.read_text().replace(
            "path: access.log" if index == 0 else f"path: access{index - 1}.log", f"path: access{index}.log"))
        status, text = site.gateway.reload()
        assert status == 200, text
        wait_until(lambda: len(sent) > begin + 100, 20, "more requests")
    feed.stop()
    site.gateway.stop()
    assert Counter(paths(site)) == Counter(sent)


def test_thousands_of_lines_are_all_objects(logged):
    """Calls and requests with mirrors from many connections, with reloads between: as many lines, each one JSON."""
    site = logged()
    port = site.gateway.port
    with Clients(lambda: H1(port), 6, ("get", "infer"), pause=0) as plain:
        with Clients(lambda: Grpc(port), 4, ("infer", "ready"), pause=0) as calls:
            for _ in range(6):
                time.sleep(0.25)
                site.gateway.write_config(site.gateway.config_path.read_text() + "\n# changed\n")
                assert site.gateway.reload()[0] == 200
            wait_until(lambda: len(plain.results) + len(calls.results) > 500, 30, "there are enough of them")
    assert not plain.failures and not calls.failures
    wait_until(lambda: site.gateway.metrics().sum("sluice_requests_in_flight") == 0, what="copies have ended")
    site.gateway.stop()
    records = [json.loads(line) for line in text_of(site).splitlines()]
    assert len(records) == len(plain.results) + len(calls.results) > 500
    assert len({record["requestId"] for record in records}) == len(records)
    assert all(record["model"] == "m" and record["mirrors"] == [{"backend": "shadow", "outcome": "ok"}]
               for record in records)
    assert {record.get("grpcStatus") for record in records} == {None, 0}


def test_a_line_that_waits_for_a_copy_is_written_at_the_end(logged):
    """The gateway is told to stop while a mirror still holds its copy."""
    site = logged()
    release = threading.Event()
    site["shadow"].http.reply = lambda asked, connection: release.wait(30) and None
    try:
        assert site.ask(HTTP1, "/held").is_good
        wait_until(lambda: b"/held" in site["shadow"].http.received(), 10, "the copy has arrived")
        assert "/held" not in text_of(site)
        site.gateway.stop()
        (record,) = [json.loads(line) for line in text_of(site).splitlines()]
        assert (record["path"], record["status"], len(record["mirrors"])) == ("/held", 200, 1)
    finally:
        release.set()


# --- a share of them


def fail_call(site, status: int):
    site["main"].grpc.serve = lambda stream: stream.wait_complete().head(
        ("content-type", "application/grpc"), ("grpc-status", str(status)), end=True)


def test_a_share_keeps_all_errors(logged):
    """What went wrong is never left out: a cause, 5xx, and calls that end with a status that means the same."""
    site = logged(share=0)
    site["main"].http.reply = lambda asked, connection: answer(b"x", {"/500": "500 Internal", "/503": "503 Busy"}.get(
        asked.target, "404 Not Found" if asked.target == "/404" else "200 OK"))
    with HTTP1.connect(site.gateway) as client:
        for _ in range(3):
            for path in ("/good", "/fixed", "/404", "/500", "/503", "/refused"):
                client.ask(path)
    for status in (0, 5, 13):
        fail_call(site, status)
        for _ in range(3):
            assert site.ask(CALL, f"/x.Y/{status}").grpc_status == status
    with HTTP1.connect(site.gateway) as client:
        client.client.send(get("/v2/../broken"))
        client.client.rest()
    site.gateway.stop()
    assert Counter(paths(site)) == {
        "/500": 3, "/503": 3, "/refused": 3, "/x.Y/13": 3, "/v2/../broken": 1}


def test_a_copy_that_fails_is_no_error_of_the_request(logged):
    site = logged(share=0)
    site["shadow"].http.reply = answer(b"", "500 Internal")
    for _ in range(5):
        assert site.ask(HTTP1, "/good").is_good
    site.gateway.wait_metric("sluice_mirror_requests_total", 5, outcome="error")
    site.gateway.stop()
    assert paths(site) == []


def test_a_share_of_the_good_ones(logged):
    site = logged(share=25)
    site["main"].http.reply = lambda asked, connection: answer(b"x", "500 X" if "bad" in asked.target else "200 OK")
    with HTTP1.connect(site.gateway) as client:
        for index in range(400):
            assert client.ask(f"/good/{index}").status == 200
            if index % 10 == 0:
                assert client.ask(f"/bad/{index}").status == 500
    site.gateway.stop()
    found = paths(site)
    assert len([path for path in found if path.startswith("/bad")]) == 40
    # Fewer or more come by chance once in ten thousand million times.
    assert 45 <= len([path for path in found if path.startswith("/good")]) <= 160
    assert len(set(found)) == len(found)


# --- text


def test_text_has_the_same(logged):
    site = logged("text")
    hostile = 'a" 200 "-" model=evil'
    assert site.ask(HTTP1, "/v2/models/m%22%20x/versions/3/infer", ("user-agent", hostile)).is_good
    assert site.ask(CALL, "/inference.GRPCInferenceService/ModelInfer", body=b"\x0a\x05a b\"c\x12\x012").is_good
    wait_until(lambda: text_of(site).count("\n") >= 2, 10, "two lines")
    lines = text_of(site).splitlines()
    assert len(lines) == 2
    first, second = sorted(lines, key=lambda line: "grpc_status=" in line)
    assert " version=3 " in first + " " and " version=2 " in second + " " and "grpc_status=0" in second
    assert "mirrors=shadow:ok" in first and "mirrors=shadow:ok" in second
    for line in lines:
        assert line.isascii() and line.isprintable() and re.sub(r'"(?:[^"\\]|\\.)*"', "", line).count(" model=") == 1 and " tries=1" in line
