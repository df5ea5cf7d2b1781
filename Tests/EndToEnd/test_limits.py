"""What is too long, too much, too slow or too many."""

import socket
import threading
import time

import pytest

from support.gateway import wait_until
from support.rawhttp import Client, Incomplete, build, chunked, get, post

TIGHT = """
listeners:
  - address: 127.0.0.1:${port}
    limits: { headerBytes: 8KiB, headerTimeout: 500ms, idleTimeout: 700ms }
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: small, match: [{ path: { prefix: /small } }], maxBodySize: 1000, backends: [{ name: main }] }
  - { name: all, backends: [{ name: main }] }
"""


@pytest.fixture
def tight(proxies):
    return proxies(TIGHT)


def refused(proxy, data: bytes, status: int, cause: str):
    with proxy.connect() as client:
        client.send_all_it_takes(data)
        response = client.response()
        assert (response.status, response.cause) == (status, cause)
        assert response.body.startswith(b'{"error":')
        client.expect_end()


# --- sizes


def test_request_line_too_long(proxy):
    refused(proxy, get("/" + "x" * 100_000), 414, "uri_too_long")
    refused(proxy, b"GET /" + b"x" * 2_000_000, 414, "uri_too_long")
    assert proxy.requests_after_marker() == []


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(["X-Long: " + "x" * 100_000], id="one long"),
        pytest.param(["a: b"] * 20_000, id="many"),
        pytest.param(["x" * 100_000 + ": a"], id="long name"),
        pytest.param([f"X-{index}: {'x' * 1000}" for index in range(2000)], id="2 MB"),
    ],
)
def test_header_too_large(proxy, fields):
    refused(proxy, get("/", "test", *fields), 431, "headers_too_large")
    assert proxy.requests_after_marker() == []


def test_header_limit_of_the_listener(tight):
    assert tight.send(get("/", "test", "X-A: " + "x" * 7000)).status == 200
    refused(tight, get("/", "test", "X-A: " + "x" * 8192), 431, "headers_too_large")
    refused(tight, get("/", "test", *["X-A: " + "x" * 1000] * 9), 431, "headers_too_large")
    refused(tight, b"GET / HTTP/1.1\r\nHost: test\r\nX-A: " + b"x" * 10_000, 431, "headers_too_large")


def test_a_header_near_the_default_limit_passes(proxy):
    assert proxy.send(get("/", "test", *["X-A: " + "x" * 1000] * 60)).status == 200
    assert len(proxy.upstream.requests[0].all("x-a")) == 60


@pytest.mark.parametrize("size, status", [(0, 200), (999, 200), (1000, 200), (1001, 413), (1 << 20, 413)])
def test_body_limit(tight, size, status):
    for data in (
        post(bytes(size), "/small"),
        build("POST", "/small", "test", "Transfer-Encoding: chunked")
        + chunked(*[bytes(min(300, size - start)) for start in range(0, size, 300)]),
    ):
        with tight.connect() as client:
            client.send_all_it_takes(data)
            response = client.response()
        assert (response.status, response.cause) == (status, "body_too_large" if status == 413 else None)
    assert [len(request.body) for request in tight.upstream.requests] == ([size] * 2 if status == 200 else [])


def test_body_limit_by_length_is_said_at_once(tight):
    with tight.connect() as client:
        assert client.exchange(build("POST", "/small", "test", "Content-Length: 1001")).status == 413
    assert tight.upstream.accepted == 0


def test_no_body_limit_unless_written(proxy):
    received = 0

    def serve(connection):
        head = connection.read_head()

        def count(part):
            nonlocal received
            received += len(part)

        connection.reader.body(head, count)
        connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        return True

    proxy.upstream.serve = serve
    with proxy.connect(timeout=60) as client:
        client.send(build("POST", "/", "test", f"Content-Length: {256 << 20}"))
        for _ in range(256):
            client.send(bytes(1 << 20))
        assert client.response().status == 204
    assert received == 256 << 20


# --- slow clients


@pytest.mark.parametrize("data", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: test\r\nX-"])
def test_header_timeout(tight, data):
    started = time.monotonic()
    with tight.connect() as client:
        client.send(data)
        response = client.response()
        assert (response.status, response.cause) == (408, "header_timeout")
        client.expect_end()
        assert 0.45 <= time.monotonic() - started < 9


def test_header_timeout_is_not_reset_by_more_bytes(tight):
    """One byte at a time, faster than any idle limit, does not hold a connection."""
    with tight.connect() as client:
        started = time.monotonic()
        client.send(b"GET / HTTP/1.1\r\nHost: test\r\n")
        while not client.readable(0.05):
            assert time.monotonic() - started < 9
            client.send_all_it_takes(b"X")
        assert client.response().status == 408


def test_header_timeout_on_a_used_connection(proxies):
    tight = proxies(TIGHT.replace("idleTimeout: 700ms", "idleTimeout: 1m"))
    with tight.connect() as client:
        assert client.exchange(get()).status == 200
        client.send(b"GET / HTT")
        assert client.response().status == 408


def test_header_timeout_does_not_count_the_body(tight):
    with tight.connect() as client:
        client.send(build("POST", "/", "test", "Content-Length: 10") + b"hello")
        assert not client.readable(1.5)
        assert client.exchange(b"world").status == 200


@pytest.mark.parametrize("requests", [0, 1])
def test_idle_timeout_between_requests(tight, requests):
    # It begins when the connection is there or the answer has left, and both is later.
    started = time.monotonic()
    with tight.connect() as client:
        for _ in range(requests):
            assert client.exchange(get()).status == 200
        client.expect_end(8)
        assert time.monotonic() - started >= 0.65


def test_idle_timeout_does_not_count_waiting_for_an_answer(tight):
    tight.upstream.reply = tight.upstream.holding()
    with tight.connect() as client:
        client.send(get())
        assert not client.readable(1.5)
        tight.upstream.release()
        assert client.response().status == 200


def test_slow_clients_do_not_hold_others(proxies):
    """A hundred connections that trickle their headers, and may do so for longer than anybody waits."""
    proxy = proxies(TIGHT.replace("500ms", "1m").replace("700ms", "1m"))
    slow = [proxy.connect().send(b"GET / HTTP/1.1\r\n") for _ in range(100)]
    with proxy.connect() as client:
        for _ in range(50):
            assert client.exchange(get()).status == 200
    for client in slow:
        assert client.exchange(b"Host: test\r\n\r\n").status == 200, "nor are they sent away meanwhile"
        client.close()


# --- many connections


def test_connection_limit(proxies):
    proxy = proxies("""
listeners:
  - address: 127.0.0.1:${port}
    limits: { connections: 10 }
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: all, backends: [{ name: main }] }
""")
    clients = [proxy.connect() for _ in range(10)]
    for client in clients:
        assert client.exchange(get()).status == 200
    # One more is turned away or waits in the listen queue; it is not served.
    extra = proxy.connect()
    extra.send_all_it_takes(get("/extra"))
    served = extra.readable(0.5) and b"HTTP/1.1 200" in extra.rest()
    assert not served
    assert clients[0].exchange(get()).status == 200
    for client in clients:
        client.close()
    extra.close()

    def again():
        try:
            return proxy.send(get()).status == 200
        except (Incomplete, ConnectionError):
            return False

    assert wait_until(again, 10, "room for new connections")


@pytest.mark.slow
def test_ten_thousand_idle_clients(proxies):
    """They cost memory in proportion and no time; others are served as ever."""
    proxy = proxies()
    idle = []
    before = proxy.gateway.rss()
    try:
        for _ in range(10_000):
            idle.append(socket.create_connection((proxy.gateway.host, proxy.gateway.port), 10))
        proxy.gateway.wait_metric("sluice_connections_open", 10_000, 20)
        each = (proxy.gateway.rss() - before) / len(idle)
        assert each < 16 << 10, f"{each:.0f} bytes for an idle connection"
        with proxy.connect() as client:
            times = []
            for _ in range(300):
                started = time.monotonic()
                assert client.exchange(post(b"x")).status == 200
                times.append(time.monotonic() - started)
        # A machine may stop everybody now and then; what connections cost would be paid each time.
        assert sorted(times)[len(times) // 2] < 0.1

        def idles() -> bool:
            busy = proxy.gateway.cpu_seconds()
            time.sleep(1)
            return proxy.gateway.cpu_seconds() - busy < 0.1

        wait_until(idles, what="idle connections cost no time")
    finally:
        for sock in idle:
            sock.close()
    wait_until(
        lambda: proxy.gateway.metrics().sum("sluice_connections_open") <= 1, 20, "their descriptors are free again"
    )


def test_many_clients_at_once(proxy):
    """Thirty-two connections, each with its own requests and answers."""
    proxy.upstream.reply = lambda request, connection: (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(request.target) + request.target.encode()
    )
    failures = []

    def work(number):
        try:
            with Client(proxy.gateway.host, proxy.gateway.port) as client:
                for index in range(50):
                    target = f"/{number}/{index}"
                    assert client.exchange(post(b"x" * index, target)).body == target.encode()
        except BaseException as failure:
            failures.append(failure)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(32)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert not failures
