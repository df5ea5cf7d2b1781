"""Early answers, half-closed connections, clients that leave, and refusals of requests whose body still comes."""

import signal
import threading
import time
from contextlib import contextmanager

import pytest

from support.gateway import Gateway, wait_until
from support.mock_upstream import MockUpstream
from support.proxy import Proxy
from support.rawhttp import Incomplete, answer, build, chunked, get, post

CREDENTIALS = "Authorization: Basic YW5uOnRlc3Q="  # ann:test


# --- early answers, half-close, leaving


def test_early_answer_while_the_body_still_comes(proxy):
    def serve(connection):
        connection.read_head()
        connection.send(answer(b"early", "403 Forbidden"))
        connection.wait_end()

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        client.send(build("POST", "/", "test", "Content-Length: 1000000") + b"x" * 1000)
        response = client.response()
        assert (response.status, response.body) == (403, b"early")
        # What is left of the body is never taken for a request.
        client.send_all_it_takes(b"y" * 999_000)
        proxy.upstream.serve = None
        client.send_all_it_takes(get("/after"))
        try:
            assert client.response().status == 200
        except Incomplete:
            pass


def test_early_answer_after_which_the_endpoint_closes(proxy):
    """The endpoint answers and closes without reading a large body: the client gets that answer, not a 502."""

    def serve(connection):
        connection.read_head()
        connection.send(answer(b"too big for me", "413 Payload Too Large", "Connection: close"))
        connection.sock.shutdown(1)
        connection.wait_end()

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        client.send_all_it_takes(build("POST", "/", "test", f"Content-Length: {8 << 20}") + bytes(8 << 20))
        response = client.response()
    assert (response.status, response.body, response.cause) == (413, b"too big for me", None)


@pytest.mark.parametrize(
    "request_bytes",
    [get(), post(b"hello"), build("POST", "/", "test", "Transfer-Encoding: chunked") + chunked(b"hello")],
)
def test_half_close(proxy, request_bytes):
    """A client that shuts its writing side right after the request still gets the whole answer."""
    proxy.upstream.reply = answer(bytes(1 << 20))
    with proxy.connect() as client:
        client.send(request_bytes).shut_writing()
        assert len(client.response().body) == 1 << 20
        client.expect_end()


def test_half_close_after_pipelined_requests(proxy):
    proxy.upstream.reply = lambda request, connection: answer(request.target.encode())
    with proxy.connect() as client:
        client.send(get("/1") + get("/2") + get("/3")).shut_writing()
        assert [client.response().body for _ in range(3)] == [b"/1", b"/2", b"/3"]
        client.expect_end()


@pytest.mark.parametrize("pause", [0, 0.2])
def test_half_close_before_a_slow_answer(proxy, pause):
    """However long the endpoint takes, and also when the client shuts its side a while after the request.

    The gateway may ask with an interim answer whether anybody is left, which a client has to skip.
    """
    arrived = threading.Event()

    def reply(request, connection):
        arrived.set()
        connection.wait_end(1.5)
        return answer(b"late")

    proxy.upstream.reply = reply
    with proxy.connect() as client:
        client.send(post(b"hello"))
        assert arrived.wait(10)
        time.sleep(pause)
        client.shut_writing()
        response = client.response()
        assert (response.status, response.body) == (200, b"late")
        assert all(interim.status == 100 for interim in response.interim)


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_client_that_leaves_cancels_its_request(proxy, leave):
    ended = threading.Event()

    def reply(request, connection):
        if connection.wait_end(30):
            ended.set()
        return None

    proxy.upstream.reply = reply
    with proxy.connect() as client:
        client.send(post(b"hello", "/leave"))
        proxy.upstream.wait_requests(1)
        getattr(client, leave)()
    assert ended.wait(10), "the endpoint works on for nobody"
    proxy.gateway.wait_metric("sluice_requests_total", 1, cause="client_closed")


def test_a_client_that_leaves_in_its_body_cancels_its_request(proxy):
    ended = threading.Event()

    def serve(connection):
        connection.read_head()
        proxy.upstream.record(connection, None)
        if connection.wait_end(30):
            ended.set()

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        client.send(build("POST", "/", "test", "Content-Length: 1000000") + b"x" * 1000)
        proxy.upstream.wait_requests(1)
    assert ended.wait(10)


def test_a_client_that_leaves_in_the_answer_cancels_it(proxy):
    ended = threading.Event()

    def reply(request, connection):
        try:
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(100_000):
                connection.send(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        except OSError:
            ended.set()
        return None

    proxy.upstream.reply = reply
    with proxy.connect() as client:
        client.send(get())
        assert client.readable(10)
    assert ended.wait(10)


# --- refusing a request with a body


@pytest.mark.parametrize("path, status", [("/locked", 401), ("/small", 413)])
@pytest.mark.parametrize("size", [100_000, 8 << 20])
def test_lingering_close(denying, path, status, size):
    """A client that looks up only after its whole body still reads the refusal."""
    with denying.connect() as client:
        client.send_all_it_takes(build("POST", path, "test", f"Content-Length: {size}") + bytes(size))
        assert client.response().status == status
    assert denying.upstream.requests == []


def test_lingering_close_of_a_chunked_body(denying):
    with denying.connect() as client:
        client.send_all_it_takes(
            build("POST", "/small", "test", "Transfer-Encoding: chunked") + chunked(*[bytes(10_000)] * 500)
        )
        response = client.response()
        assert (response.status, response.cause) == (413, "body_too_large")
    assert denying.upstream.requests == []


@pytest.mark.slow
def test_lingering_is_bounded(denying):
    """A client that never stops sending is cut off in the end."""
    with denying.connect() as client:
        client.send(build("POST", "/locked", "test", "Transfer-Encoding: chunked"))
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            try:
                client.send(b"1000\r\n" + bytes(0x1000) + b"\r\n")
            except ConnectionError:
                return
            time.sleep(0.02)
    raise AssertionError("the gateway reads a refused body for ever")


def test_keep_alive_after_a_refusal_with_a_small_body(denying):
    with denying.connect() as client:
        for _ in range(3):
            response = client.exchange(post(b"hello", "/locked"))
            assert response.status == 401
            assert "close" not in response.tokens("connection")
        assert client.exchange(post(b"hello", "/locked", "test", CREDENTIALS)).status == 200
    assert [request.body for request in denying.upstream.requests] == [b"hello"]


@pytest.mark.parametrize("leave", ["close", "reset", "stay"])
def test_a_connection_with_an_unfinished_request_is_not_used_again(proxies, leave):
    """The endpoint answered early and waits for the rest of a body; the next request must not be that rest."""
    proxy = proxies()

    def serve(connection):
        head = connection.read_head()
        proxy.upstream.record(connection, head)
        connection.send(answer(head.target.encode()))
        if head.method == "POST":
            connection.reader.body(head)
        return True

    proxy.upstream.serve = serve
    clients = [proxy.connect() for _ in range(4)]
    for client in clients:
        client.send(build("POST", "/early", "test", "Content-Length: 1000") + b"x" * 10)
        assert client.response().body == b"/early"
        if leave != "stay":
            getattr(client, leave)()
    for index in range(8):
        assert proxy.send(get(f"/{index}")).body == b"/%d" % index
    for client in clients:
        client.close()


# --- the end of what the client sends, in the same turn as something else


@pytest.fixture(scope="module")
def turns(tmp_path_factory):
    """One loop and one place, so that it is known what waits, and what comes in the same turn."""
    upstream = MockUpstream()
    text = (
        "loops: 1\n"
        f"backends: {{ main: {{ server: generic, endpoints: [{upstream.address}], limits: {{ inFlight: 1 }} }} }}\n"
        "routes:\n"
        "  - { name: fixed, match: [{ path: { exact: /fixed } }], respond: { status: 200, body: fixed } }\n"
        "  - { name: all, backends: [{ name: main }] }\n")
    with upstream, Gateway(text, tmp_path_factory.mktemp("gateway")) as gateway:
        yield Proxy(gateway, upstream)


@contextmanager
def stopped(gateway):
    """The gateway stands still; what happens meanwhile it hears of at once."""
    gateway.signal(signal.SIGSTOP)
    try:
        wait_until(gateway.is_stopped)
        yield
        # Long enough for all of it to be there; where it is not, the test sees less.
        time.sleep(0.2)
    finally:
        gateway.signal(signal.SIGCONT)


def test_an_end_beside_the_first_of_several_answers(turns):
    """Requests that were read before the end still have their answers."""
    turns.upstream.clear()
    turns.upstream.reply = lambda request, connection: turns.upstream.hold() or answer(request.target.encode())
    with turns.connect() as client:
        client.send(get("/1") + get("/2") + get("/3"))
        turns.upstream.wait_requests(1)
        with stopped(turns.gateway):
            turns.upstream.release()
            time.sleep(0.2)
            client.shut_writing()
        assert [client.response().body for _ in range(3)] == [b"/1", b"/2", b"/3"]
        client.expect_end()


def test_an_end_beside_the_place_that_a_whole_request_waits_for(turns):
    turns.upstream.clear()
    turns.upstream.reply = lambda request, connection: turns.upstream.hold() or answer(request.body)
    with turns.connect() as first, turns.connect() as client:
        first.send(post(b"first"))
        turns.upstream.wait_requests(1)
        client.send(post(b"whole"))
        wait_until(lambda: turns.gateway.metrics().sum("sluice_requests_queued") == 1)
        with stopped(turns.gateway):
            turns.upstream.release()
            time.sleep(0.2)
            client.shut_writing()
        assert (first.response().body, client.response().body) == (b"first", b"whole")
        client.expect_end()


@pytest.mark.parametrize("rest", [
    b"", b"\r\n", b"GET /b HT", build("POST", "/", "test", "Content-Length: 10") + b"abc",
    build("POST", "/", "test", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\nx:"])
def test_an_end_right_behind_requests_that_are_answered_at_once(turns, rest):
    """Also where a beginning of another stands behind them, or an empty line (RFC 9112 section 2.2)."""
    with turns.connect() as client:
        with stopped(turns.gateway):
            client.send(get("/fixed") + get("/fixed") + rest).shut_writing()
        assert [client.response().body for _ in range(2)] == [b"fixed", b"fixed"]
        client.expect_end()


def test_an_end_in_the_middle_of_a_request_that_was_answered_early(turns):
    with turns.connect() as client:
        with stopped(turns.gateway):
            client.send(get("/fixed") + build("POST", "/fixed", "test", "Content-Length: 10") + b"abc").shut_writing()
        assert [client.response().body for _ in range(2)] == [b"fixed", b"fixed"]
        client.expect_end()
