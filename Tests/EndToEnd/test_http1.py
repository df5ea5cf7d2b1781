"""HTTP/1.1 connections, versions and targets when nothing is wrong."""

import time

import pytest

from support.rawhttp import answer, build, chunked, get, post


# --- connections


def test_keep_alive_serves_many_requests(proxy):
    with proxy.connect() as client:
        for index in range(20):
            response = client.exchange(get(f"/{index}"))
            assert response.status == 200
            assert "close" not in response.tokens("connection")
    assert len(proxy.upstream.requests) == 20


def test_connections_to_the_endpoint_are_reused(proxies):
    proxy = proxies()
    with proxy.connect() as client:
        for index in range(20):
            assert client.exchange(post(b"x", f"/{index}")).status == 200
    assert proxy.upstream.accepted == 1


def test_connection_close_of_the_client(proxy):
    with proxy.connect() as client:
        response = client.exchange(get("/", "test", "Connection: close"))
        assert "close" in response.tokens("connection")
        client.expect_end()


def test_pipelined_requests_are_answered_in_order(proxy):
    def reply(request, connection):
        if request.target == "/0":
            proxy.upstream.hold()
        return answer(request.target.encode())

    proxy.upstream.reply = reply
    with proxy.connect() as client:
        client.send(get("/0") + post(b"body", "/1") + build("HEAD", "/2") + get("/3"))
        proxy.upstream.wait_requests(1)
        assert not client.readable(0.1), "an answer came before the first one's"
        proxy.upstream.release()
        assert client.response().body == b"/0"
        assert client.response().body == b"/1"
        assert client.response("HEAD").get("content-length") == "2"
        assert client.response().body == b"/3"
    assert [request.target for request in proxy.upstream.requests] == ["/0", "/1", "/2", "/3"]


def test_hundreds_of_pipelined_requests(proxy):
    proxy.upstream.reply = lambda request, connection: answer(request.target.encode())
    with proxy.connect() as client:
        client.send(b"".join(get(f"/{index}") for index in range(300)))
        assert [client.response().body for _ in range(300)] == [b"/%d" % index for index in range(300)]


def test_pipelined_own_answers_keep_their_place(denying):
    with denying.connect() as client:
        client.send(get("/fixed") + get("/one") + get("/locked") + get("/fixed") + get("/two"))
        assert [client.response().status for _ in range(5)] == [200, 200, 401, 200, 200]


def test_pipelining_is_bounded(proxy):
    """A client that sends requests without end while the first waits is not read without end."""
    proxy.upstream.reply = proxy.upstream.holding()
    before = proxy.gateway.rss()
    with proxy.connect() as client:
        client.sock.setblocking(False)
        burst, sent, stalled = get("/" + "x" * 1000) * 100, 0, time.monotonic() + 1
        while time.monotonic() < stalled and sent < 100 << 20:
            try:
                sent += client.sock.send(burst[sent % len(burst) :])
                stalled = time.monotonic() + 1
            except BlockingIOError:
                time.sleep(0.02)
        assert sent < 100 << 20, "the gateway reads on for ever"
        assert proxy.gateway.rss() - before < 16 << 20
        client.reset()
    proxy.upstream.release()


@pytest.mark.parametrize("empty", [b"\r\n", b"\r\n\r\n"])
def test_empty_lines_before_a_request(proxy, empty):
    """RFC 9112 section 2.2: at least one is ignored."""
    with proxy.connect() as client:
        if empty == b"\r\n":
            assert client.exchange(empty + get("/1")).status == 200
            assert client.exchange(empty + post(b"x", "/2")).status == 200
        else:
            assert client.exchange(empty + get("/1")).status in (200, 400)


def test_empty_lines_without_end(proxy):
    with proxy.connect() as client:
        client.send_all_it_takes(b"\r\n" * 200_000)
        assert b"HTTP/1.1 200" not in client.rest()


def test_a_request_in_single_bytes(proxy):
    with proxy.connect() as client:
        for byte in build("POST", "/slow", "test", "Transfer-Encoding: chunked") + chunked(b"hello", b"world"):
            client.send(bytes([byte]))
        assert client.response().status == 200
    assert proxy.upstream.requests[0].body == b"helloworld"


def test_an_answer_in_single_bytes(proxy):
    def reply(request, connection):
        data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(
            b"hello", b"world", trailers=b"X-A: b\r\n"
        )
        for index in range(len(data)):
            connection.send(data[index : index + 1])
        return b""

    proxy.upstream.reply = reply
    with proxy.connect() as client:
        assert client.exchange(get("/1")).body == b"helloworld"
        assert client.exchange(get("/2")).body == b"helloworld"


# --- answers without a body


def test_head(proxy):
    proxy.upstream.reply = lambda request, connection: (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" if request.method == "HEAD" else answer(b"own")
    )
    with proxy.connect() as client:
        response = client.exchange(build("HEAD"), "HEAD")
        assert (response.status, response.get("content-length")) == (200, "5")
        assert client.exchange(get()).body == b"own"


def test_head_with_chunked_answer(proxy):
    proxy.upstream.reply = lambda request, connection: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" if request.method == "HEAD" else answer(b"own")
    )
    with proxy.connect() as client:
        assert client.exchange(build("HEAD"), "HEAD").status == 200
        assert client.exchange(get()).body == b"own"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n',
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n",
    ],
)
def test_204_and_304(proxy, head):
    proxy.upstream.reply = lambda request, connection: head if request.target == "/none" else answer(b"own")
    with proxy.connect() as client:
        response = client.exchange(get("/none"))
        assert response.status in (204, 304)
        assert not response.has("transfer-encoding")
        assert response.status == 304 or not response.has("content-length")
        assert client.exchange(get("/own")).body == b"own"


@pytest.mark.parametrize(
    "status",
    ["200 OK", "201 Created", "299 Odd", "404 Not Found", "418 I'm a teapot", "500 Internal", "503 ", "599 Last"],
)
def test_statuses_and_reasons_pass(proxy, status):
    proxy.upstream.reply = answer(b"body", status)
    response = proxy.send(get())
    assert (response.status, response.body, response.cause) == (int(status[:3]), b"body", None)


# --- HTTP/1.0


def test_http_1_0_closes(proxy):
    with proxy.connect() as client:
        response = client.exchange(b"GET /old HTTP/1.0\r\n\r\n")
        assert (response.status, response.body) == (200, b"ok")
        client.expect_end()
    request = proxy.upstream.requests[0]
    assert (request.version, request.target) == ("HTTP/1.1", "/old")


def test_http_1_0_keep_alive(proxy):
    with proxy.connect() as client:
        for _ in range(2):
            response = client.exchange(b"GET / HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n")
            assert response.body == b"ok"
            assert "keep-alive" in response.tokens("connection")


@pytest.mark.parametrize("keep", ["", "Connection: keep-alive\r\n"])
def test_http_1_0_never_gets_chunks(proxy, keep):
    """A chunked answer ends with the connection instead (RFC 9112 section 7)."""
    proxy.upstream.reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hello", b" world")
    with proxy.connect() as client:
        response = client.exchange(f"GET / HTTP/1.0\r\nHost: test\r\n{keep}\r\n".encode())
        assert not response.has("transfer-encoding")
        assert "keep-alive" not in response.tokens("connection")
        assert (response.framing, response.body) == ("close", b"hello world")


def test_http_1_0_post(proxy):
    assert proxy.send(b"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello").status == 200
    assert proxy.upstream.requests[0].body == b"hello"


# --- targets


def test_absolute_form(proxy):
    """RFC 9112 section 3.2.2: the target's authority replaces the Host field."""
    assert proxy.send(get("http://other.example/v2/x?y=1", "ignored")).status == 200
    request = proxy.upstream.requests[0]
    assert (request.target, request.get("host")) == ("/v2/x?y=1", "other.example")


@pytest.mark.parametrize(
    "target, path",
    [
        ("http://other.example", "/"),
        ("HTTP://other.example:80/a", "/a"),
        ("http://other.example?q=1", "/?q=1"),
        ("https://other.example/a", "/a"),
    ],
)
def test_absolute_form_variants(proxy, target, path):
    assert proxy.send(get(target)).status == 200
    request = proxy.upstream.requests[0]
    assert request.target == path
    assert request.get("host").startswith("other.example")


def test_options_star(proxy):
    proxy.upstream.reply = answer(b"", "200 OK", "Allow: GET, POST")
    response = proxy.send(build("OPTIONS", "*"), "OPTIONS")
    assert response.status in (200, 204)
    assert [(request.method, request.target) for request in proxy.upstream.requests] in ([], [("OPTIONS", "*")])


def test_star_is_for_options_only(proxy):
    assert proxy.send(get("*")).status == 400


@pytest.mark.parametrize("target", ["example.com:443", "/", "http://example.com/"])
def test_connect_is_not_implemented(proxy, target):
    response = proxy.send(build("CONNECT", target, "example.com:443"))
    assert (response.status, response.cause) in [(501, "not_implemented"), (400, "bad_request")]
    assert target != "example.com:443" or response.status == 501
    assert proxy.requests_after_marker() == []


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "X-odd_1", "get"])
def test_methods_pass(proxy, method):
    assert proxy.send(build(method, "/", "test", "Content-Length: 0")).status == 200
    assert proxy.upstream.requests[0].method == method


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, CLOSE", "x, close"])
def test_nothing_after_connection_close_is_answered(proxy, value):
    """RFC 9112 section 9.6: the server must not process further requests of that connection."""
    with proxy.connect() as client:
        client.send(get("/last", "test", f"Connection: {value}") + get("/never"))
        assert client.response().status == 200
        client.expect_end()
    assert [request.target for request in proxy.requests_after_marker()] == ["/last"]


def test_bad_request_behind_a_slow_answer(proxy):
    """The answers keep their order: first the slow one, then the refusal."""
    proxy.upstream.reply = proxy.upstream.holding(answer(b"slow"))
    with proxy.connect() as client:
        client.send(get("/slow") + b"BROKEN\r\n\r\n")
        proxy.upstream.wait_requests(1)
        assert not client.readable(0.1)
        proxy.upstream.release()
        assert client.response().body == b"slow"
        assert client.response().status == 400
        client.expect_end()


def test_head_of_own_answers(denying):
    """No body after a HEAD, whoever answers (RFC 9110 section 9.3.2)."""
    denying.upstream.reply = lambda request, connection: None
    with denying.connect() as client:
        assert client.exchange(build("HEAD", "/locked"), "HEAD").status == 401
        assert client.exchange(build("HEAD", "/fixed"), "HEAD").status == 200
        assert client.exchange(build("HEAD", "/broken"), "HEAD").status == 502
        assert client.exchange(get("/fixed")).body == b"fixed"


def test_large_header_of_an_answer(proxy):
    fields = [f"Set-Cookie: c{index}=" + "x" * 900 for index in range(30)]
    proxy.upstream.reply = answer(b"ok", "200 OK", *fields)
    response = proxy.send(get())
    assert (response.status, len(response.all("set-cookie")), response.body) == (200, 30, b"ok")
