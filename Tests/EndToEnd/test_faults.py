"""Endpoints that refuse, hang, break off or talk without end, and clients that do not read."""

import hashlib
import threading
import time

import pytest

from support.gateway import settle, wait_until
from support.mock_upstream import MockUpstream, SilentPort, refused_port
from support.rawhttp import Incomplete, Malformed, answer, build, chunked, get, post

MIB = 1 << 20
# Within so many seconds ends what has less than one: the machine may stand still meanwhile, and clients give up later.
PROMPT = 8

TIMES = """
backends:
  main: { endpoints: [{address}], timeouts: { connect: 300ms, firstByte: 400ms } }
  patient: { endpoints: [{address}] }
routes:
  - { name: whole, match: [{ path: { prefix: /whole } }], timeout: 500ms, backends: [{ name: patient }] }
  - { name: idle, match: [{ path: { prefix: /idle } }], idleTimeout: 400ms, backends: [{ name: patient }] }
  - { name: all, backends: [{ name: main }] }
"""


def within(seconds: float, started: float, at_least: float = 0) -> None:
    taken = time.monotonic() - started
    assert at_least <= taken < seconds, f"took {taken:.2f} s"


# --- connecting


def test_refused(proxies):
    with refused_port() as port:
        proxy = proxies(TIMES.replace("{address}", f"127.0.0.1:{port.getsockname()[1]}"))
        with proxy.connect() as client:
            for data in (get(), post(b"hello"), post(bytes(100_000))):
                response = client.exchange(data)
                assert (response.status, response.cause) == (502, "connect_failed")
                assert response.body.startswith(b'{"error":')


def test_refused_then_up(proxies):
    """Nobody has to restart the gateway for an endpoint that comes back."""
    port = refused_port()
    number = port.getsockname()[1]
    proxy = proxies(TIMES.replace("{address}", f"127.0.0.1:{number}"))
    assert proxy.send(get()).status == 502
    port.close()
    with MockUpstream(port=number):
        assert wait_until(lambda: proxy.send(get()).status == 200, 10, "the endpoint is used again")


def test_connect_timeout(proxies):
    with SilentPort() as silent:
        proxy = proxies(TIMES.replace("{address}", f"127.0.0.1:{silent.port}"))
        started = time.monotonic()
        response = proxy.send(post(b"hello"))
        assert (response.status, response.cause) == (504, "connect_timeout")
        within(PROMPT, started, 0.25)


# --- waiting


def test_first_byte_timeout(proxies):
    proxy = proxies(TIMES)
    proxy.upstream.reply = lambda request, connection: connection.wait_end() and None
    started = time.monotonic()
    response = proxy.send(post(b"hello"))
    assert (response.status, response.cause) == (504, "first_byte_timeout")
    within(PROMPT, started, 0.35)
    assert proxy.upstream.connections[0].closed.wait(10), "the endpoint works on for nobody"


def test_first_byte_timeout_counts_from_the_end_of_the_request(proxies):
    proxy = proxies(TIMES)

    def is_answered() -> bool:
        with proxy.connect() as client:
            client.send(build("POST", "/", "test", "Content-Length: 10") + b"hello")
            assert not client.readable(0.8)
            return client.exchange(b"world").status == 200

    # An endpoint that stands still for a moment is as late as one that hangs.
    assert any(is_answered() for _ in range(3))


def test_exchange_timeout(proxies):
    proxy = proxies(TIMES)
    proxy.upstream.reply = lambda request, connection: connection.wait_end() and None
    started = time.monotonic()
    response = proxy.send(get("/whole"))
    assert (response.status, response.cause) == (504, "exchange_timeout")
    within(PROMPT, started, 0.45)


def drip(request, connection):
    """An answer that never ends but always moves."""
    try:
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.send(b"1\r\nx\r\n")
            time.sleep(0.05)
    except OSError:
        return None


def test_exchange_timeout_in_the_answer_breaks_it_off(proxies):
    proxy = proxies(TIMES)
    proxy.upstream.reply = drip
    started = time.monotonic()
    with proxy.connect() as client:
        client.send(get("/whole"))
        with pytest.raises(Incomplete):
            client.response()
    within(PROMPT, started, 0.45)
    proxy.gateway.wait_metric("sluice_requests_total", 1, route="whole", cause="exchange_timeout")


def test_idle_timeout(proxies):
    proxy = proxies(TIMES)
    proxy.upstream.reply = lambda request, connection: connection.wait_end() and None
    started = time.monotonic()
    response = proxy.send(get("/idle"))
    assert (response.status, response.cause) == (504, "idle_timeout")
    within(PROMPT, started, 0.35)


def test_idle_timeout_in_the_answer_breaks_it_off(proxies):
    proxy = proxies(TIMES)
    proxy.upstream.reply = lambda request, connection: (
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").wait_end() and None
    )
    with proxy.connect() as client:
        client.send(get("/idle"))
        with pytest.raises(Incomplete):
            client.response()


def test_idle_timeout_does_not_hit_what_moves(proxies):
    proxy = proxies(TIMES)

    def reply(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(12):
            connection.send(b"1\r\nx\r\n")
            time.sleep(0.1)
        return b"0\r\n\r\n"

    def is_whole() -> bool:
        try:
            return proxy.send(get("/idle")).body == b"x" * 12
        except Incomplete:
            return False

    proxy.upstream.reply = reply
    # An endpoint that stands still for a moment does not move.
    assert any(is_whole() for _ in range(3))


def test_idle_timeout_of_a_client_that_stops_in_its_body(proxies):
    proxy = proxies(TIMES)
    with proxy.connect() as client:
        started = time.monotonic()
        client.send(build("POST", "/idle", "test", "Content-Length: 10") + b"hello")
        try:
            assert client.response().cause == "idle_timeout"
        except Incomplete:
            pass
        within(PROMPT, started, 0.35)
    proxy.gateway.wait_metric("sluice_requests_total", 1, route="idle", cause="idle_timeout")
    assert proxy.upstream.requests == []


def test_idle_timeout_of_a_client_that_stops_reading(proxies):
    proxy = proxies(TIMES)
    ended = threading.Event()

    def reply(request, connection):
        try:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while True:
                connection.send(bytes(65536))
        except OSError:
            ended.set()

    proxy.upstream.reply = reply
    with proxy.connect(receive_buffer=8192) as client:
        client.send(get("/idle"))
        assert ended.wait(10), "a client that reads nothing holds the endpoint for ever"
    proxy.gateway.wait_metric("sluice_requests_total", 1, route="idle")


# --- breaking off


ENDINGS = {
    "at once": b"",
    "in the status line": b"HTTP/1.1 20",
    "in a field": b"HTTP/1.1 200 OK\r\nContent-Le",
    "before the empty line": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
    "in the empty line": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r",
    "after an interim answer": b"HTTP/1.1 103 Early Hints\r\n\r\n",
}


@pytest.mark.parametrize("data", ENDINGS.values(), ids=ENDINGS.keys())
@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("request_bytes", [get("/x"), post(b"hello", "/x")], ids=["GET", "POST"])
def test_closes_in_the_head(proxy, data, ending, request_bytes):
    def reply(request, connection):
        if request.target != "/x":
            return answer()
        if data:
            connection.send(data)
        if ending == "reset":
            connection.reset()
        return None

    proxy.upstream.reply = reply
    response = proxy.send(request_bytes)
    assert response.status == 502
    assert response.cause in ("upstream_reset", "upstream_protocol")
    if not data:
        assert response.cause == "upstream_reset"


def test_answers_before_the_body_ends_and_closes(proxy):
    """The whole answer counts, whatever happened to the rest of the request."""

    def serve(connection):
        connection.read_head()
        connection.send(answer(b"enough", "200 OK", "Connection: close"))

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        client.send(build("POST", "/", "test", "Content-Length: 1000000") + bytes(10_000))
        response = client.response()
        assert (response.status, response.body) == (200, b"enough")


def test_endpoint_resets_in_the_request_body(proxy):
    def serve(connection):
        connection.read_head()
        connection.reset()

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        client.send(build("POST", "/", "test", "Content-Length: 1000000") + bytes(10_000))
        response = client.response()
        assert (response.status, response.cause) == (502, "upstream_reset")


# --- talking without end


def endless(start: bytes, block: bytes, total: int):
    """An endpoint that sends `block` up to `total` bytes after `start`; how much it got rid of is in `.sent`."""

    def serve(connection):
        connection.read_head()
        try:
            connection.send(start)
            while serve.sent < total and not connection.upstream.stopping:
                connection.send(block)
                serve.sent += len(block)
        except OSError:
            pass
        serve.ended.set()

    serve.sent = 0
    serve.ended = threading.Event()
    return serve


def test_interim_answers_for_ever(proxies):
    proxy = proxies(TIMES)
    proxy.upstream.serve = serve = endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 100, 1 << 40)
    before = proxy.gateway.rss()
    with proxy.connect() as client:
        client.send(get())
        try:
            response = client.response()
            assert (response.status, response.cause) in [(502, "upstream_protocol"), (504, "first_byte_timeout")]
        except Incomplete:
            pass
    assert serve.ended.wait(10), "the gateway listens for ever"
    assert proxy.gateway.rss() - before < 16 * MIB


@pytest.mark.parametrize("start, block", [
    pytest.param(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 65536, id="one field"),
    pytest.param(b"HTTP/1.1 200 OK\r\n", b"X-Many: x\r\n" * 4096, id="many fields"),
    pytest.param(b"HTTP/1.1 200 ", b"x" * 65536, id="reason"),
    pytest.param(b"HTTP/1.1 103 Early Hints\r\n", b"Link: x\r\n" * 4096, id="interim"),
])
def test_header_of_10_mb(proxies, start, block):
    proxy = proxies()
    proxy.upstream.serve = serve = endless(start, block, 10_000_000)
    before = proxy.gateway.rss()
    response = proxy.send(get())
    assert (response.status, response.cause) == (502, "upstream_protocol")
    assert serve.ended.wait(10)
    assert serve.sent < 10_000_000
    assert proxy.gateway.rss() - before < 16 * MIB


def test_trailers_of_10_mb(proxies):
    proxy = proxies()
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
    proxy.upstream.serve = serve = endless(start, b"X-Many: x\r\n" * 4096, 10_000_000)
    with proxy.connect() as client:
        client.send(get())
        try:
            assert client.response().status == 502
        except Incomplete:
            pass
    assert serve.ended.wait(10)
    assert serve.sent < 10_000_000


# --- backpressure


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_client_that_never_reads(proxies, framing):
    """200 MB wait at the endpoint, not in the gateway; and they all arrive once the client reads."""
    proxy = proxies()
    total, block = 200 * MIB, bytes(range(256)) * 256
    if framing == "length":
        head, piece = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total, block
    else:
        head, piece = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + block + b"\r\n"
    sent = 0

    def reply(request, connection):
        nonlocal sent
        connection.send(head)
        for _ in range(total // len(block)):
            connection.send(piece)
            sent += len(block)
        return b"0\r\n\r\n" if framing == "chunks" else b""

    proxy.upstream.reply = reply
    before = proxy.gateway.rss()
    with proxy.connect(receive_buffer=65536) as client:
        client.send(get())
        assert client.readable(10)
        stopped = settle(lambda: sent)
        assert 0 < stopped < total
        assert proxy.gateway.rss() - before < 16 * MIB
        busy = proxy.gateway.cpu_seconds()
        assert not client.closed_within(1)
        assert proxy.gateway.cpu_seconds() - busy < 0.2, "the gateway spins while nothing can move"
        received, expected = hashlib.sha256(), hashlib.sha256()
        client.response(sink=received.update)
        for _ in range(total // len(block)):
            expected.update(block)
        assert received.digest() == expected.digest()
        assert proxy.gateway.rss() - before < 16 * MIB


def test_client_that_never_reads_and_leaves(proxies):
    proxy = proxies()
    proxy.upstream.serve = serve = endless(b"HTTP/1.1 200 OK\r\n\r\n", bytes(65536), 1 << 40)
    with proxy.connect(receive_buffer=65536) as client:
        client.send(get())
        assert client.readable(10)
    assert serve.ended.wait(10)


def test_endpoint_that_never_reads(proxies, upstreams):
    """A 200 MB body waits at the client."""
    proxy = proxies(upstream=upstreams(receive_buffer=65536))
    proxy.upstream.serve = lambda connection: (connection.read_head(), proxy.upstream.released.wait(60))
    before = proxy.gateway.rss()
    total, block, sent = 200 * MIB, bytes(65536), 0
    with proxy.connect() as client:
        client.send(build("POST", "/", "test", f"Content-Length: {total}"))

        def feed():
            nonlocal sent
            try:
                while sent < total:
                    client.send(block)
                    sent += len(block)
            except OSError:
                pass

        client.sock.settimeout(60)
        feeder = threading.Thread(target=feed)
        feeder.start()
        stopped = settle(lambda: sent)
        assert stopped < total
        assert proxy.gateway.rss() - before < 16 * MIB
        client.sock.shutdown(2)
        feeder.join(10)
        assert not feeder.is_alive()


def test_endpoint_that_reads_slowly(proxies, upstreams):
    """A body larger than every buffer arrives whole at an endpoint that takes its time."""
    proxy = proxies(upstream=upstreams(receive_buffer=16384))
    digest, total = hashlib.sha256(), 16 * MIB

    def serve(connection):
        head = connection.read_head()
        connection.reader.body(head, lambda part: (digest.update(part), time.sleep(0.001)))
        connection.send(answer(b"done"))
        return True

    proxy.upstream.serve = serve
    body = bytes(range(256)) * (total // 256)
    with proxy.connect(timeout=60) as client:
        client.send(post(body))
        assert client.response().body == b"done"
    assert digest.digest() == hashlib.sha256(body).digest()


def test_many_stalled_exchanges_cost_a_fixed_amount_each(proxies):
    """A hundred clients that do not read and a hundred whose bodies nobody reads."""
    proxy = proxies()

    def serve(connection):
        head = connection.read_head()
        if head.method == "GET":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            while True:
                connection.send(bytes(65536))
        proxy.upstream.hold(60)

    proxy.upstream.serve = serve
    before, clients = proxy.gateway.rss(), []
    for _ in range(100):
        clients.append(proxy.connect(receive_buffer=8192).send(get()))
        clients.append(proxy.connect().send(build("POST", "/", "test", "Content-Length: 100000000")))
        clients[-1].sock.setblocking(False)
        try:
            while True:
                clients[-1].sock.send(bytes(65536))
        except BlockingIOError:
            pass
    growth = settle(lambda: (proxy.gateway.rss() - before) >> 20)
    assert growth << 20 < len(clients) * (256 << 10), f"{growth} MiB for {len(clients)} exchanges"
    for client in clients:
        client.reset()
    wait_until(lambda: proxy.gateway.metrics().sum("sluice_requests_in_flight") == 0, 10, "all are cancelled")


# Nothing is asked of an endpoint that is no Triton, so all descriptors are those of requests.
NO_TRITON = """
backends:
  main: { server: generic, endpoints: [{address}] }
routes:
  - name: all
    backends: [{ name: main }]
"""


def test_many_faults_leave_nothing_behind(proxies):
    """Descriptors and connections are what they were, whatever went wrong before."""
    proxy = proxies(NO_TRITON)
    scripts = [
        lambda request, connection: None,
        lambda request, connection: connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx") and None,
        lambda request, connection: connection.send(b"garbage\r\n\r\n") and None,
        lambda request, connection: connection.reset(),
        lambda request, connection: answer(b"ok") + b"more",
    ]
    proxy.send(get())

    def abuse():
        for reply in scripts:
            proxy.upstream.reply = reply
            faulty = build("POST", "/", "t", "Transfer-Encoding: chunked") + b"zz\r\n"
            for data in (get(), post(b"x" * 100_000), b"broken\r\n\r\n", faulty):
                with proxy.connect() as client:
                    client.send_all_it_takes(data)
                    try:
                        client.response()
                    except (Incomplete, Malformed):
                        pass
        proxy.upstream.reply = answer()

    abuse()
    wait_until(lambda: proxy.gateway.metrics().sum("sluice_upstream_connections_open") == 0, 10, "all are closed")
    before = proxy.gateway.fds()
    for _ in range(5):
        abuse()
    wait_until(lambda: proxy.gateway.fds() <= before + 2, 10, f"descriptors go back to {before}")
    wait_until(lambda: proxy.gateway.metrics().sum("sluice_requests_in_flight") == 0, 10, "all have ended")
    # One for the warm-up, then six rounds of five faults and four requests: every exchange ends exactly once.
    assert proxy.gateway.metrics().sum("sluice_requests_total") == 1 + 6 * 5 * 4
    assert proxy.send(post(chunked(b"x"))).status == 200
