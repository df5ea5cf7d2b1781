"""Answers of a broken or hostile endpoint: 502 or a broken-off message, never a clean-looking wrong one."""

import threading

import pytest

from support.gateway import wait_until
from support.rawhttp import Incomplete, Malformed, answer, build, chunked, get, post


def broken(proxy, data: bytes, cause="upstream_protocol", keep_open: bool = False):
    """The endpoint's first answer is `data`: the client gets a 502, and that connection is not used again."""

    def reply(request, connection):
        if request.target != "/broken":
            return answer(b"next")
        connection.send(data)
        if keep_open:
            connection.wait_end()
        return None

    proxy.upstream.reply = reply
    response = proxy.send(get("/broken"))
    assert response.status == 502
    assert response.cause == cause
    assert response.body.startswith(b'{"error":')
    assert proxy.send(get("/next")).body == b"next"


HEADS = {
    "length and coding": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "lengths that differ": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
    "length list that differs": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nokk",
    "length no number": b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok",
    "length with plus": b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
    "length negative": b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
    "length too large": b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\nok",
    "coding in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok",
    "four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok",
    "no digits": b"HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\nok",
    "status 000": b"HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nok",
    "other protocol": b"ICY 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/2": b"HTTP/2 200\r\nContent-Length: 2\r\n\r\nok",
    "no status line": b"Content-Length: 2\r\n\r\nok",
    "garbage": b"\x00\x01\x02\xff\xfe" * 100 + b"\r\n\r\n",
    "a banner": b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
    "NUL in a value": b"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 2\r\n\r\nok",
    "NUL in the reason": b"HTTP/1.1 200 O\x00K\r\nContent-Length: 2\r\n\r\nok",
    "bare CR in a value": b"HTTP/1.1 200 OK\r\nX-A: a\rb\r\nContent-Length: 2\r\n\r\nok",
    "bare CR in the reason": b"HTTP/1.1 200 O\rK\r\nContent-Length: 2\r\n\r\nok",
    "space before colon": b"HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\nok",
    "empty name": b"HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 2\r\n\r\nok",
    "no colon": b"HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 2\r\n\r\nok",
    "fold before the first field": b"HTTP/1.1 200 OK\r\n X-A: b\r\nContent-Length: 2\r\n\r\nok",
    "protocol switch nobody asked for": b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nxyz",
    "chunked twice": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("data", HEADS.values(), ids=HEADS.keys())
def test_malformed_heads(proxy, data):
    broken(proxy, data)


@pytest.mark.parametrize("data", HEADS.values(), ids=HEADS.keys())
def test_malformed_heads_are_noticed_while_the_connection_stays_open(proxy, data):
    broken(proxy, data, keep_open=True)


def test_folded_field_is_refused_or_unfolded(proxy):
    """RFC 9112 section 5.2."""
    proxy.upstream.reply = lambda request, connection: (
        b"HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 2\r\n\r\nok" if request.target == "/fold" else answer()
    )
    with proxy.connect() as client:
        response = client.exchange(get("/fold"))
        assert b"\r\n b" not in client.reader.received
    assert (response.status, response.get("x-a")) in [(502, None), (200, "a b")]


CODINGS = ["gzip", "gzip, chunked", "xchunked", "identity"]


@pytest.mark.parametrize("coding", CODINGS)
def test_codings_that_were_not_asked_for(proxy, coding):
    """Refused, or broken off; never a message that looks whole."""
    proxy.upstream.reply = lambda request, connection: (
        connection.send(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n".encode() + chunked(b"ok")) and None
    )
    with proxy.connect() as client:
        client.send(get())
        try:
            response = client.response()
        except (Incomplete, Malformed):
            return
    assert response.status == 502


BODIES = {
    "bad size": b"zz\r\nok\r\n0\r\n\r\n",
    "size with 0x": b"0x2\r\nok\r\n0\r\n\r\n",
    "size with plus": b"+2\r\nok\r\n0\r\n\r\n",
    "size negative": b"-2\r\nok\r\n0\r\n\r\n",
    "size too large": b"ffffffffffffffff\r\nok\r\n0\r\n\r\n",
    "seventeen digits": b"10000000000000002\r\nok\r\n0\r\n\r\n",
    "no CRLF after data": b"2\r\nok0\r\n\r\n",
    "LF for CRLF": b"2\nok\r\n0\r\n\r\n",
    "cut in a size": b"2",
    "cut in data": b"5\r\nok",
    "cut between chunks": b"2\r\nok\r\n",
    "cut before the end": b"2\r\nok\r\n0\r\n",
    "cut in trailers": b"2\r\nok\r\n0\r\nX-A: b\r\n",
    "trailer without colon": b"2\r\nok\r\n0\r\nX-A\r\n\r\n",
    "endless extension": b"2;" + b"a" * (1 << 20) + b"\r\nok\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("apart", [False, True], ids=["with the head", "after the head"])
def test_malformed_or_short_chunks(proxy, body, apart):
    """The client sees a 502 or a message that breaks off."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    def reply(request, connection):
        if request.target != "/broken":
            return answer(b"next")
        if apart:
            connection.send(head + b"5\r\nfirst\r\n")
            proxy.upstream.hold()
            connection.send(body)
        else:
            connection.send(head + body)
        return None

    proxy.upstream.reply = reply
    with proxy.connect() as client:
        client.send(get("/broken"))
        if apart:
            assert client.readable(10)
            proxy.upstream.release()
        try:
            response = client.response()
            assert not apart and response.status == 502, "a broken body looked whole"
        except Incomplete:
            client.expect_end()
    assert proxy.send(get("/next")).body == b"next"


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("sent", [b"", b"x", b"x" * 99, b"x" * 50_000])
def test_body_shorter_than_its_length(proxy, sent, ending):
    length = 100 if len(sent) < 100 else 100_000

    def reply(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + sent)
        if ending == "reset":
            connection.reset()

    proxy.upstream.reply = reply
    with proxy.connect() as client:
        client.send(get())
        try:
            response = client.response()
            assert response.status == 502, "a short body looked whole"
        except Incomplete as error:
            assert error.partial is None or set(error.partial.body) <= set(b"x")
            client.expect_end()


def test_short_answer_to_http_1_0_is_cut_off_too(proxy):
    """A close-delimited answer has no other way to show that it broke off than its Content-Length or a reset."""
    proxy.upstream.reply = lambda request, connection: (
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n") and None
    )
    with proxy.connect() as client:
        client.send(b"GET / HTTP/1.0\r\nHost: test\r\n\r\n")
        try:
            response = client.response()
        except Incomplete:
            return
    assert response.status == 502, "a broken answer ended like a whole one"


LEFT_OVER = {
    "after a length": (answer(b"ok"), b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"),
    "after chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"ok"), answer(b"POISON")),
    "after 204": (b"HTTP/1.1 204 No Content\r\n\r\n", answer(b"POISON")),
    "after 304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n", b"POISON"),
    "one byte": (answer(b"ok"), b"P"),
    "CRLF": (answer(b"ok"), b"\r\n"),
}


@pytest.mark.parametrize("first, more", LEFT_OVER.values(), ids=LEFT_OVER.keys())
def test_bytes_after_an_answer_never_reach_the_next_client(proxy, first, more):
    def reply(request, connection):
        return first + more if request.target == "/first" else answer(b"own:" + request.target.encode())

    proxy.upstream.reply = reply
    for round in range(8):
        assert proxy.send(get("/first")).body in (b"ok", b"")
        for client in range(2):
            target = f"/next/{round}/{client}"
            assert proxy.send(get(target)).body == b"own:" + target.encode()


def test_bytes_that_come_late_after_an_answer(proxy):
    """An answer nobody asked for, sent while the connection is idle, ends that connection."""
    sent = threading.Event()

    def reply(request, connection):
        if request.target != "/first":
            return answer(b"own")
        connection.send(answer(b"ok"))
        proxy.upstream.hold()
        connection.send(answer(b"POISON"))
        sent.set()
        connection.wait_end()
        return None

    proxy.upstream.reply = reply
    assert proxy.send(get("/first")).body == b"ok"
    (first,) = [c for c in proxy.upstream.wait_connections(1) if c.requests]
    proxy.upstream.release()
    assert sent.wait(10)
    assert first.closed.wait(10), "the gateway keeps a connection whose endpoint talks out of turn"
    for _ in range(4):
        assert proxy.send(get("/next")).body == b"own"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_body_where_none_may_be(proxy, status):
    """HEAD, 204 and 304 have no body (RFC 9112 section 6.3): what comes is not passed on."""
    proxy.upstream.reply = lambda request, connection: (
        f"HTTP/1.1 {status}\r\n\r\nPOISON".encode() if request.target == "/first" else answer(b"own")
    )
    with proxy.connect() as client:
        assert client.exchange(get("/first")).status == int(status[:3])
        assert client.exchange(get("/next")).body == b"own"
    assert proxy.send(get("/next")).body == b"own"


def test_body_of_a_head_answer_is_not_passed_on(proxy):
    proxy.upstream.reply = lambda request, connection: answer(b"POISON" if request.method == "HEAD" else b"own")
    with proxy.connect() as client:
        response = client.exchange(build("HEAD"), "HEAD")
        assert (response.status, response.get("content-length")) == (200, "6")
        assert client.exchange(get()).body == b"own"
    assert proxy.send(get()).body == b"own"


@pytest.mark.parametrize("body", [b"", b"hello", b"x" * 300_000])
def test_http_1_0_answers(proxy, body):
    """Delimited by the end of the connection, which a 1.1 client gets as chunks on a connection that stays."""
    proxy.upstream.reply = lambda request, connection: (
        connection.send(b"HTTP/1.0 200 OK\r\nX-A: b\r\n\r\n" + body) and None
        if request.target == "/old"
        else answer(b"own")
    )
    with proxy.connect() as client:
        response = client.exchange(get("/old"))
        assert (response.version, response.status, response.body, response.get("x-a")) == ("HTTP/1.1", 200, body, "b")
        assert response.framing == "chunked"
        assert client.exchange(get("/next")).body == b"own"


def test_http_1_0_answer_with_length_does_not_keep_the_connection(proxy):
    proxy.upstream.reply = lambda request, connection: b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
    assert proxy.send(get("/1")).body == b"ok"
    assert proxy.send(get("/2")).body == b"ok"
    used = [len(connection.requests) for connection in proxy.upstream.connections if connection.requests]
    assert used == [1, 1]


def test_connection_close_of_the_endpoint_is_honoured(proxy):
    proxy.upstream.reply = lambda request, connection: answer(b"ok", "200 OK", "Connection: close")
    with proxy.connect() as client:
        for target in ("/1", "/2"):
            response = client.exchange(get(target))
            assert response.body == b"ok"
            assert "close" not in response.tokens("connection"), "the endpoint's connection is not the client's"
    used = [len(connection.requests) for connection in proxy.upstream.connections if connection.requests]
    assert used == [1, 1]


def test_same_length_twice_becomes_one_or_502(proxy):
    proxy.upstream.reply = lambda request, connection: (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"
        if request.target == "/twice"
        else answer()
    )
    response = proxy.send(get("/twice"))
    assert response.status == 502 or (response.all("content-length"), response.body) == (["2"], b"ok")


def test_trailers_reach_the_client(proxy):
    proxy.upstream.reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" + chunked(
        b"ok", trailers=b"X-Sum: 42\r\n"
    )
    response = proxy.send(get("/", "test", "TE: trailers"))
    assert (response.body, response.trailer("x-sum")) == (b"ok", "42")


# --- connections that went stale in the pool


def stale(proxy, first: bytes, second: bytes, ending: str):
    """A connection answers `first` and then ends, when the next request has come on it, without a byte."""
    deaf = set()

    def reply(request, connection):
        if connection.number in deaf:
            if ending == "reset":
                connection.reset()
            return None
        if request.target == "/first":
            deaf.add(connection.number)
        return answer(request.target.encode())

    proxy.upstream.reply = reply
    with proxy.connect() as client:
        assert client.exchange(first).body == b"/first"
        return client.exchange(second)


@pytest.mark.parametrize("ending", ["close", "reset"])
def test_get_on_a_stale_connection_is_sent_again(proxies, ending):
    proxy = proxies()
    assert stale(proxy, get("/first"), get("/second"), ending).body == b"/second"
    assert [request.target for request in proxy.upstream.requests] == ["/first", "/second", "/second"]


@pytest.mark.parametrize("ending", ["close", "reset"])
def test_post_on_a_stale_connection_is_not_sent_twice(proxies, ending):
    """RFC 9110 section 9.2.2: a proxy must not repeat what is not idempotent."""
    proxy = proxies()
    response = stale(proxy, get("/first"), post(b"x", "/second"), ending)
    assert [request.target for request in proxy.upstream.requests] in (["/first", "/second"], ["/first"])
    assert (response.status, response.cause) == (502, "upstream_reset")


def test_post_after_the_idle_connection_was_closed(proxies):
    """A connection known to be closed is not used, so that even a POST succeeds."""
    proxy = proxies()

    def reply(request, connection):
        connection.send(answer(request.target.encode()))
        return None if request.target == "/first" else b""

    proxy.upstream.reply = reply
    with proxy.connect() as client:
        assert client.exchange(get("/first")).body == b"/first"
        (first,) = [c for c in proxy.upstream.connections if c.requests]
        assert first.closed.wait(10)
        wait_until(lambda: proxy.gateway.metrics().sum("sluice_upstream_connections_open") == 0, 10, "the pool noticed")
        assert client.exchange(post(b"x", "/second")).body == b"/second"


def test_retry_is_made_once(proxy):
    """A GET whose repetition is dropped too is answered, not tried for ever."""

    def reply(request, connection):
        return answer() if request.target == "/first" else None

    proxy.upstream.reply = reply
    with proxy.connect() as client:
        assert client.exchange(get("/first")).status == 200
        response = client.exchange(get("/second"))
    assert (response.status, response.cause) == (502, "upstream_reset")
    assert len([request for request in proxy.upstream.requests if request.target == "/second"]) <= 2


def test_idle_connections_to_the_endpoint_end(proxies):
    proxy = proxies("""
backends:
  main: { endpoints: [{address}], timeouts: { idle: 300ms } }
routes:
  - { name: all, backends: [{ name: main }] }
""")
    assert proxy.send(get()).status == 200
    assert proxy.upstream.connections[0].closed.wait(5)
    assert proxy.send(post(b"x")).status == 200
    assert proxy.upstream.accepted == 2
