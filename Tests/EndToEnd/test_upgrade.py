"""Which requests may change the protocol, and that nothing else ever does: what only one side takes for a request is
one that is smuggled past the gateway's rules."""

import pytest

from support.http2_server import Http2Server, echoing
from support.http2_upstream import config
from support.proxy import Proxy
from support.rawhttp import Client, answer, build, get
from support.websocket import ASKING, SWITCHING, ask, echo, switching, tunnel

SMUGGLED = get("/admin", "test")


def upgrades(request) -> bool:
    return request.has("upgrade") or "upgrade" in request.tokens("connection")


# --- what is passed on


@pytest.mark.parametrize(
    "fields",
    [
        ["Connection: Upgrade", "Upgrade: websocket"],
        ["Upgrade: WebSocket", "Connection: keep-alive, upgrade"],
        ["connection: keep-alive", "CONNECTION: UPGRADE", "UPGRADE: \t websocket "],
        ["Connection: Upgrade", "Upgrade: websocket", "Content-Length: 0"],
    ],
)
def test_asked_for(proxy, fields):
    proxy.upstream.serve = switching()
    with proxy.connect() as client:
        client.send(build("GET", "/ws?a=1", "test", *fields, "Sec-WebSocket-Key: k", "Sec-WebSocket-Protocol: a, b"))
        client.send(b"ping")
        head = client.reader.line("status line")
        assert head == b"HTTP/1.1 101 Switching Protocols"
        client.reader.fields("header")
        assert client.reader.exactly(4, "echo") == b"ping"
    asked = proxy.upstream.requests[0]
    assert (asked.target, asked.all("connection"), asked.all("upgrade")) == ("/ws?a=1", ["Upgrade"], ["websocket"])
    assert (asked.get("sec-websocket-key"), asked.get("sec-websocket-protocol")) == ("k", "a, b")
    assert asked.has("via") and asked.has("x-request-id") and asked.get("x-forwarded-for") == "127.0.0.1"


def test_fields_of_the_switch(proxy):
    """The endpoint's fields come through, what belongs to one hop is written anew."""

    def serve(connection):
        connection.read_head()
        connection.send(
            b"HTTP/1.1 101 Go\r\nConnection: keep-alive, Upgrade, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n"
            b"Upgrade: WebSocket\r\nSec-WebSocket-Protocol: b\r\nContent-Length: 5\r\nx-sluice-cause: lie\r\n\r\n"
        )
        echo(connection)

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        client.send(ask())
        assert client.reader.line("status line") == b"HTTP/1.1 101 Go"
        fields, _ = client.reader.fields("header")
    assert fields == [(b"Sec-WebSocket-Protocol", b"b"), (b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_behind_another_request_and_in_pieces(proxy, piece):
    """However the bytes arrive: a plain request, one for WebSocket, and the tunnel's first bytes too early."""

    def serve(connection) -> bool:
        request = connection.read_head()
        connection.upstream.record(connection, request)
        if request.target == "/plain":
            connection.send(answer(b"plain"))
            return True
        connection.send(SWITCHING)
        echo(connection)
        return False

    proxy.upstream.serve = serve
    data = get("/plain") + ask() + b"too early"
    with proxy.connect() as client:
        for start in range(0, len(data), piece):
            client.send(data[start : start + piece])
        assert client.response().body == b"plain"
        assert client.reader.line("status line").startswith(b"HTTP/1.1 101 ")
        client.reader.fields("header")
        assert client.reader.exactly(9, "echo") == b"too early"
    assert [request.target for request in proxy.upstream.requests] == ["/plain", "/ws"]


def test_interim_answers_come_first(proxy):
    def serve(connection):
        connection.read_head()
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + SWITCHING)
        echo(connection)

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        client.send(ask())
        assert client.reader.line("status line").startswith(b"HTTP/1.1 103 ")
        client.reader.fields("header")
        assert client.reader.line("status line").startswith(b"HTTP/1.1 101 ")


# --- what is dropped


@pytest.mark.parametrize(
    "data",
    [
        build("GET", "/", "test", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
        build("GET", "/", "test", "Connection: Upgrade", "Upgrade: TLS/1.0"),
        build("GET", "/", "test", "Connection: Upgrade", "Upgrade: websocket, h2c"),
        build("GET", "/", "test", "Connection: Upgrade", "Upgrade: h2c", "Upgrade: websocket"),
        build("GET", "/", "test", "Connection: Upgrade", "Upgrade: websocket", "Upgrade: websocket"),
        build("GET", "/", "test", "Connection: Upgrade", "Upgrade: websocket/13"),
        build("GET", "/", "test", "Connection: Upgrade", "Upgrade:"),
        build("GET", "/", "test", "Connection: Upgrade"),
        build("GET", "/", "test", "Upgrade: websocket"),
        build("GET", "/", "test", "Connection: close-upgrade", "Upgrade: websocket"),
        build("HEAD", "/", "test", *ASKING),
        build("POST", "/", "test", *ASKING, "Content-Length: 0"),
        build("POST", "/", "test", *ASKING, "Content-Length: 3") + b"abc",
        build("GET", "/", "test", *ASKING, "Content-Length: 3") + b"abc",
        build("GET", "/", "test", *ASKING, "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        get("/", "test", *ASKING).replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=lambda data: data.split(b"\r\n\r\n")[0].decode().replace("\r\n", "|")[:120],
)
def test_dropped(proxy, data):
    """The request goes on without it, and a 101 is an answer that nobody asked for."""
    method = data.split(b" ")[0].decode()
    with proxy.connect() as client:
        assert client.exchange(data, method).status == 200
    assert not upgrades(proxy.upstream.wait_requests(1)[0])
    proxy.upstream.serve = switching()
    with proxy.connect() as client:
        response = client.exchange(data, method)
        assert (response.status, response.cause) == (502, "upstream_protocol")


@pytest.mark.parametrize(
    "switch",
    [
        b"HTTP/1.1 101 Go\r\n\r\n",
        b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 101 Go\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n",
        b"HTTP/1.0 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_a_switch_to_something_else(proxy, switch):
    def serve(connection):
        connection.read_head()
        connection.send(switch + b"xyz")
        connection.wait_end()

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        response = client.exchange(ask())
        assert (response.status, response.cause) == (502, "upstream_protocol")
        client.expect_end()


def test_not_towards_http2(gateways):
    """A request for WebSocket goes to an HTTP/2 endpoint as a plain GET."""
    with Http2Server(echoing) as endpoint:
        gateway = gateways(config(endpoint))
        with Client(gateway.host, gateway.port) as client:
            response = client.exchange(ask())
            assert (response.status, response.tokens("connection")) == (200, {"close"})
        names = {name for name, _ in endpoint.streams[-1].fields}
        assert "sec-websocket-key" in names and not {"connection", "upgrade"} & names


# --- too early


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "426 Upgrade Required", "204 No Content"])
def test_what_comes_too_early_is_no_request(proxy, status):
    """A client that does not wait for the 101, or whose bytes are somebody else's: any other answer ends the
    connection, and what came behind the request is read neither by the gateway nor by the endpoint."""
    no_content = status.startswith("204")
    proxy.upstream.reply = b"HTTP/1.1 204 No Content\r\n\r\n" if no_content else answer(b"no", status)
    with proxy.connect() as client:
        client.send(ask() + SMUGGLED)
        response = client.response()
        assert response.status == int(status[:3])
        assert response.tokens("connection") == {"close"}
        client.send_all_it_takes(SMUGGLED)
        client.expect_end()
    proxy.upstream.reply = answer()
    assert [request.target for request in proxy.requests_after_marker()] == ["/ws"]
    assert b"/admin" not in proxy.upstream.received()


def test_what_comes_late_is_no_request_either(proxy):
    """Bytes that were on their way when the answer came cannot be told from a request that follows it."""
    with proxy.connect() as client:
        client.send(ask())
        assert client.response().status == 200
        client.send_all_it_takes(SMUGGLED)
        client.expect_end()
    assert [request.target for request in proxy.requests_after_marker()] == ["/ws"]


def test_too_early_before_the_gateways_own_answer(denying):
    """Whoever refuses: a 401, or a route that answers by itself."""
    for path, status in (("/locked", 401), ("/fixed", 200)):
        with denying.connect() as client:
            client.send(ask(path) + SMUGGLED)
            response = client.response()
            assert (response.status, response.tokens("connection")) == (status, {"close"})
            client.expect_end()
    assert denying.requests_after_marker() == []


def test_what_comes_early_waits_for_the_switch(proxy):
    """Held, not sent: the endpoint gets it behind its own 101 and in order."""
    early = []

    def serve(connection):
        connection.upstream.record(connection, connection.read_head())
        connection.upstream.hold()
        connection.sock.setblocking(False)
        try:
            early.append(bytes(connection.reader.buffer) + connection.sock.recv(100))
        except BlockingIOError:
            early.append(bytes(connection.reader.buffer))
        connection.sock.setblocking(True)
        connection.send(SWITCHING)
        echo(connection)

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        client.send(ask() + b"one ")
        proxy.upstream.wait_requests(1)
        client.send(b"two ")
        # Both have arrived: this request came later.
        assert proxy.gateway.status()
        proxy.upstream.release()
        client.reader.line("status line")
        client.reader.fields("header")
        client.send(b"three")
        assert client.reader.exactly(13, "echo") == b"one two three"
    assert early == [b""]


def test_early_bytes_are_bounded(proxies):
    """A client that sends on and on before the answer is not read from."""
    proxy = proxies()
    proxy.upstream.serve = lambda connection: (connection.read_head(), connection.upstream.hold(60))
    before = proxy.gateway.rss()
    with proxy.connect() as client:
        client.send(ask())
        client.sock.settimeout(1)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 64 << 20:
                sent += client.sock.send(bytes(1 << 20))
        assert proxy.gateway.rss() - before < 4 << 20
    proxy.upstream.release()


def test_a_request_behind_a_dropped_upgrade_is_a_request(proxy):
    """What was not asked of the endpoint is ignored, as RFC 9110 section 7.8 allows, and HTTP goes on."""
    with proxy.connect() as client:
        client.send(get("/first", "test", "Connection: Upgrade", "Upgrade: h2c") + get("/second"))
        assert [client.response().status for _ in range(2)] == [200, 200]


def test_mirrors_get_none(gateways, upstreams):
    """A copy could not take part, and half of it says nothing."""
    main, shadow = upstreams(), upstreams()
    main.serve = switching()
    gateway = gateways(
        f"""
backends: {{ main: {{ endpoints: ["{main.address}"] }}, shadow: {{ endpoints: ["{shadow.address}"] }} }}
routes: [{{ name: all, backends: [{{ name: main }}], mirrors: [{{ backend: shadow }}] }}]
"""
    )
    proxy = Proxy(gateway, main)
    with tunnel(proxy) as client:
        client.send(b"hello")
        assert client.reader.exactly(5, "echo") == b"hello"
    main.serve = None
    assert proxy.send(get("/plain")).status == 200
    assert [request.target for request in shadow.wait_requests(1)] == ["/plain"]
    assert b"/ws" not in shadow.received()
