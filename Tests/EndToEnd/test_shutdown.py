"""How the gateway ends."""

import hashlib
import os
import signal
import threading
import time

import pytest

from support.gateway import wait_until
from support.rawhttp import Incomplete, answer, build, get, post

CONFIG = """
shutdown: { delay: DELAY, drain: DRAIN }
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: all, backends: [{ name: main }] }
"""


@pytest.fixture
def ending(proxies):
    def make(delay: str = "0s", drain: str = "5s"):
        return proxies(CONFIG.replace("DELAY", delay).replace("DRAIN", drain))

    return make


def refuses(proxy) -> bool:
    try:
        proxy.connect(timeout=2).close()
        return False
    except OSError:
        return True


def test_idle_gateway_ends_at_once(ending):
    proxy = ending(drain="60s")
    idle = proxy.connect()
    assert idle.exchange(get()).status == 200
    fresh = proxy.connect()
    started = time.monotonic()
    proxy.gateway.signal(signal.SIGTERM)
    assert proxy.gateway.wait_exit() == 0
    assert time.monotonic() - started < 12, "idle connections hold it up"
    for client in (idle, fresh):
        client.expect_end()
        client.close()


def test_interrupt_ends_too(ending):
    proxy = ending()
    proxy.gateway.signal(signal.SIGINT)
    assert proxy.gateway.wait_exit() == 0


def test_delay(ending):
    """Not ready at once, but still accepting until the delay is over; the admin side answers to the end."""
    proxy = ending(delay="1500ms", drain="9s")
    proxy.upstream.reply = lambda request, connection: (
        proxy.upstream.hold() if request.target == "/held" else None,
        answer(),
    )[1]
    held = proxy.connect().send(get("/held"))
    proxy.upstream.wait_requests(1)
    started = time.monotonic()
    proxy.gateway.signal(signal.SIGTERM)
    wait_until(lambda: proxy.gateway.admin_status("/readyz") == 503, 5, "/readyz says 503")
    assert proxy.gateway.admin_status("/healthz") == 200
    while time.monotonic() - started < 1.1:
        try:
            assert proxy.send(get("/during")).status == 200
        except (OSError, Incomplete):
            # Sent in time, and arrived too late.
            assert time.monotonic() - started >= 1.4, "refused before the delay is over"
        time.sleep(0.1)
    wait_until(lambda: refuses(proxy), 20, "nothing new is accepted")
    assert time.monotonic() - started >= 1.4
    assert proxy.gateway.admin_status("/readyz") == 503
    assert "sluice_requests_total" in proxy.gateway.admin("/metrics")[2]
    proxy.upstream.release()
    assert held.response().status == 200
    held.close()
    assert proxy.gateway.wait_exit() == 0


def test_requests_on_open_connections_are_served_with_close(ending):
    proxy = ending()
    proxy.upstream.reply = lambda request, connection: (
        proxy.upstream.hold() if request.target == "/held" else None,
        answer(request.target.encode()),
    )[1]
    held = proxy.connect().send(get("/held"))
    open_one = proxy.connect().send(build("POST", "/half", "x", "Content-Length: 10") + b"hello")
    # Both have begun: a connection that nobody has accepted yet ends with the listener.
    proxy.gateway.wait_metric("sluice_requests_in_flight", 2)
    proxy.upstream.wait_requests(1)
    proxy.gateway.signal(signal.SIGTERM)
    wait_until(lambda: refuses(proxy), 20, "nothing new is accepted")
    open_one.send(b"world")
    response = open_one.response()
    assert response.body == b"/half"
    assert "close" in response.tokens("connection")
    open_one.expect_end()
    proxy.upstream.release()
    response = held.response()
    assert response.body == b"/held"
    assert "close" in response.tokens("connection")
    held.expect_end()
    assert proxy.gateway.wait_exit() == 0
    for client in (held, open_one):
        client.close()


def test_drain_cuts_what_still_runs(ending):
    proxy = ending(drain="700ms")
    proxy.upstream.reply = proxy.upstream.holding()
    client = proxy.connect().send(get())
    proxy.upstream.wait_requests(1)
    started = time.monotonic()
    proxy.gateway.signal(signal.SIGTERM)
    assert proxy.gateway.wait_exit() == 0
    assert 0.6 <= time.monotonic() - started < 12
    try:
        assert client.response().status == 503
    except Incomplete:
        pass
    client.close()


@pytest.mark.parametrize("delay", ["0s", "60s"])
def test_second_signal_ends_at_once(ending, delay):
    proxy = ending(delay=delay, drain="60s")
    proxy.upstream.reply = proxy.upstream.holding()
    client = proxy.connect().send(get())
    proxy.upstream.wait_requests(1)
    proxy.gateway.signal(signal.SIGTERM)
    wait_until(lambda: proxy.gateway.admin_status("/readyz") == 503, 20, "draining")
    started = time.monotonic()
    proxy.gateway.signal(signal.SIGTERM)
    code = proxy.gateway.wait_exit()
    assert time.monotonic() - started < 12
    assert code in (0, 1, 143, -signal.SIGTERM), code
    client.close()


def test_queued_requests_are_served_while_draining(proxies):
    proxy = proxies(
        CONFIG.replace("DELAY", "0s")
        .replace("DRAIN", "10s")
        .replace(
            "endpoints: [{address}]", "endpoints: [{address}], limits: { inFlight: 1, queue: 5, queueTimeout: 30s }"
        )
    )
    proxy.upstream.reply = proxy.upstream.holding()
    clients = [proxy.connect().send(get(f"/{index}")) for index in range(3)]
    proxy.gateway.wait_metric("sluice_requests_queued", 2)
    proxy.gateway.signal(signal.SIGTERM)
    wait_until(lambda: refuses(proxy), 20, "nothing new is accepted")
    proxy.upstream.release()
    for client in clients:
        assert client.response().status in (200, 503)
        client.close()
    assert proxy.gateway.wait_exit() == 0


def test_terminated_in_the_middle_of_a_64_mib_upload(ending):
    """The upload ends well, byte for byte."""
    proxy = ending(drain="20s")
    digest, sent = hashlib.sha256(), hashlib.sha256()

    def serve(connection):
        head = connection.read_head()
        connection.reader.body(head, digest.update)
        connection.send(answer(digest.hexdigest().encode()))
        return True

    proxy.upstream.serve = serve
    block = os.urandom(1 << 20)
    with proxy.connect(timeout=30) as client:
        client.send(build("POST", "/", "x", f"Content-Length: {64 << 20}"))
        for index in range(64):
            if index == 32:
                proxy.gateway.signal(signal.SIGTERM)
                wait_until(lambda: refuses(proxy), 20, "nothing new is accepted")
            client.send(block)
            sent.update(block)
        response = client.response()
        assert (response.status, response.body) == (200, sent.hexdigest().encode())
        assert "close" in response.tokens("connection")
    assert proxy.gateway.wait_exit() == 0


def test_terminated_in_the_middle_of_a_download(ending):
    proxy = ending(drain="20s")
    size = 32 << 20

    def reply(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        connection.send(bytes(size // 2))
        proxy.upstream.hold()
        connection.send(bytes(size // 2))
        return b""

    proxy.upstream.reply = reply
    received = 0

    def count(part):
        nonlocal received
        received += len(part)

    with proxy.connect(timeout=30) as client:
        client.send(get())
        reader = threading.Thread(target=client.response, kwargs={"sink": count})
        reader.start()
        wait_until(lambda: received > 0, 10, "the answer has begun")
        proxy.gateway.signal(signal.SIGTERM)
        wait_until(lambda: refuses(proxy), 20, "nothing new is accepted")
        proxy.upstream.release()
        reader.join(20)
    assert received == size
    assert proxy.gateway.wait_exit() == 0


def test_no_request_is_lost_when_it_ends(ending):
    """Clients that keep sending see an answer or a closed connection between requests, never a broken exchange."""
    proxy = ending(drain="10s")
    failures, served = [], []

    def work():
        try:
            client = proxy.connect()
            while True:
                client.send(post(b"x"))
                response = client.response()
                assert response.status == 200
                served.append(1)
                if "close" in response.tokens("connection"):
                    client.close()
                    return
        except (OSError, Incomplete):
            # Closed while idle, before this request arrived: the one ending without a word that HTTP allows.
            return
        except BaseException as failure:
            failures.append(failure)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    wait_until(lambda: len(served) > 100, 10, "the load runs")
    proxy.gateway.signal(signal.SIGTERM)
    for worker in workers:
        worker.join(15)
    assert not failures
    assert proxy.gateway.wait_exit() == 0
    assert len(proxy.upstream.requests) == len(served), "the endpoint worked for nobody"


def test_drain_through_the_api(ending):
    """POST /api/v1/drain does what SIGTERM does to readiness."""
    proxy = ending(drain="2s")
    status, _, text = proxy.gateway.admin("/api/v1/drain", "POST", b"")
    assert status in (200, 202), text
    wait_until(lambda: proxy.gateway.admin_status("/readyz") in (503, 0), 20, "/readyz says 503")


@pytest.mark.parametrize("data", [b"", b"GET / HT", get("/1") + b"GET /2 HTTP/1.1\r\nHo"])
def test_unfinished_headers_do_not_hold_it_up(ending, data):
    """A header that has begun has another second: not the whole drain, nor its headerTimeout of ten seconds."""
    proxy = ending(drain="60s")
    with proxy.connect() as client:
        client.send(data)
        if data.startswith(get("/1")):
            assert client.response().status == 200
        proxy.gateway.signal(signal.SIGTERM)
        started = time.monotonic()
        assert proxy.gateway.wait_exit(20) == 0
        # With two seconds in which the client may read that it was refused.
        assert time.monotonic() - started < 9
