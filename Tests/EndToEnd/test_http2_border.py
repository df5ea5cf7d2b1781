"""From HTTP/2 to HTTP/1.1: what could become a second message on the other side never gets there.

A request that RFC 9113 section 8 calls malformed is reset, the endpoint gets not one byte of it, and the connection
serves the next request.
"""

import pytest

from support.http2 import Code, Fault, connect, data, headers, request
from support.rawhttp import answer

SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n"


def sees_only(proxy, client, *targets: str) -> list:
    """The endpoint has been asked for these and nothing else, not even in part, once the connection's next request has
    come through."""
    client.last = max(client.last, 99)
    assert client.get("/marker").status == 200
    seen = proxy.upstream.wait_requests(len(targets) + 1)
    assert [asked.target for asked in seen] == [*targets, "/marker"]
    received = proxy.upstream.received()
    assert received.count(b"HTTP/1.1\r\n") == len(seen) and b"smuggled" not in received
    return seen[:-1]


def replaced(name: str, value: str) -> list:
    return [(field, value if field == name else old) for field, old in request()]


def without(name: str) -> list:
    return [field for field in request() if field[0] != name]


# --- malformed heads

ENDINGS = ["\r", "\n", "\r\n", "\0", "\r\nX-Evil: 1", "\r\n\r\n" + SMUGGLED, "\n\n" + SMUGGLED]

VALUES = {
    ":method": ["", "G T", " GET", "GET ", "GET\t", "G(T", "G\xe9T", "GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\nGET"],
    ":scheme": ["", "ftp", "http ", "http://evil/?", "https, http"],
    ":path": ["", "v2/x", "*", "?a", "/a b", " /", "/ ", "/\t", "/#a", "/a#", "/\xe9", "/\x7f", "/\x01",
              "http://evil/", "//evil/ HTTP/1.1", "/ HTTP/1.1\r\nHost: evil\r\n\r\nGET /smuggled"],
    ":authority": ["", "a b", " test", "test ", "u@test", "test/x", "test:x", "test:123456", "[::1", "a,b", "test\t"],
}

VALUES_OF_FIELDS = ["b\r", "b\n", "b\r\nc: d", "b\0", "\r\n b", "b\x01", "b\x7f", "\x0bchunked", " b", "b ", "\tb",
                    "b\t", "b\r\n\r\n" + SMUGGLED]

NAMES = ["", "A", "X-Upper", "na me", "name ", " name", "na\tme", "name:", "na:me", "a\r\nb", "a\nb", "a\0", "a\xe9",
         "a(b)", "x: y\r\nz", "content-length ", "transfer-encoding\0", "Content-Length", "Transfer-Encoding",
         "cookie "]

FIELDS = {
    "connection": ["close", "keep-alive", "x-a", "upgrade", ""],
    "keep-alive": ["timeout=5"],
    "proxy-connection": ["keep-alive"],
    "transfer-encoding": ["chunked", "identity", "gzip, chunked", "", "\x0bchunked"],
    "upgrade": ["h2c", "websocket", "HTTP/1.1"],
    "te": ["gzip", "trailers, gzip", "chunked", "trailers;q=0.5", ""],
    "content-length": ["", "+5", "-1", "0x5", "5, 5", "5 5", "5.0", "1_0", "\xb2", " 5", "1" + "0" * 18, str(1 << 64),
                       "9" * 40, '"5"'],
    "host": ["evil", "", "test:80", "test, evil", "te st", "test\r\n"],
    ":status": ["200"],
    ":protocol": ["websocket"],
    ":evil": ["x"],
    ":": ["x"],
}

MALFORMED = {
    **{f"{name} {value[:30]!r}": replaced(name, value) for name in VALUES for value in VALUES[name]},
    **{f"{name} ends in {ending[:12]!r}": replaced(name, dict(request())[name] + ending)
       for name in VALUES for ending in ENDINGS},
    **{f"value {value[:30]!r}": request("GET", "/", ("x-a", value)) for value in VALUES_OF_FIELDS},
    **{f"value of cookie {value[:30]!r}": request("GET", "/", ("cookie", "a=1"), ("cookie", value))
       for value in VALUES_OF_FIELDS},
    **{f"name {name!r}": request("GET", "/", (name, "b")) for name in NAMES},
    **{f"{name}: {value[:30]!r}": request("GET", "/", (name, value)) for name in FIELDS for value in FIELDS[name]},
    **{f"{name} first: {FIELDS[name][0]}": [(name, FIELDS[name][0]), *request()]
       for name in (":status", ":protocol", ":evil", ":")},
    **{f"no {name}": without(name) for name in VALUES},
    **{f"{name} twice": [*request(), (name, dict(request())[name])] for name in VALUES},
    **{f"{name} twice, another": [(name, "x"), *request()] for name in VALUES},
    **{f"{name} behind a field": [*without(name), ("x-a", "b"), (name, dict(request())[name])] for name in VALUES},
    "two hosts": [*without(":authority"), ("host", "test"), ("host", "test")],
    "two hosts beside :authority": request("GET", "/", ("host", "test"), ("host", "test")),
    "two lengths that agree": request("POST", "/", ("content-length", "0"), ("content-length", "0")),
    "two lengths that differ": request("POST", "/", ("content-length", "0"), ("content-length", "5")),
    "a length and no body": request("POST", "/", ("content-length", "5")),
    "length and coding": request("POST", "/", ("content-length", "0"), ("transfer-encoding", "chunked")),
    "CONNECT with a path": request("CONNECT"),
    "extended CONNECT": [*request("CONNECT"), (":protocol", "websocket")],
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_requests_are_reset(proxy, fields):
    with connect(proxy) as client:
        client.open(fields)
        assert client.fault() == Fault("reset", Code.PROTOCOL_ERROR)
        sees_only(proxy, client)


@pytest.mark.parametrize("name", ["connection", "transfer-encoding", "X-Upper", "x-a\r\nb", ":path"])
def test_a_body_behind_a_malformed_head_is_not_a_request(proxy, name):
    with connect(proxy) as client:
        stream = client.open(request("POST", "/", (name, "chunked")), end=False)
        client.send(data(stream, b"0\r\n\r\n" + SMUGGLED.encode(), end=True))
        assert client.fault() == Fault("reset", Code.PROTOCOL_ERROR)
        sees_only(proxy, client)


@pytest.mark.parametrize("authority", ["test:443", "evil.test:80"])
def test_connect_is_not_implemented(proxy, authority):
    with connect(proxy) as client:
        refused = client.answer(client.open([(":method", "CONNECT"), (":authority", authority)]))
        assert (refused.status, refused.cause) == (501, "not_implemented")
        sees_only(proxy, client)


# --- bodies


LENGTHS = {
    "short": (["hell"], []),
    "short in pieces": (["he", "ll"], []),
    "long": (["hello!"], []),
    "none": ([""], []),
    "short with trailers": (["hell"], [("x-sum", "1")]),
    "long with trailers": (["hello!"], [("x-sum", "1")]),
}


def sized(client, parts: list, trailers: list | None = None) -> None:
    """Sends a body that was said to be of 5 bytes; it is not, and is reset."""
    stream = client.open(request("POST", "/sized", ("content-length", "5")), end=False)
    *before, last = parts
    client.send(*[data(stream, part.encode()) for part in before], data(stream, last.encode(), end=not trailers))
    if trailers:
        client.send_all_it_takes(headers(stream, trailers))
    assert client.fault() == Fault("reset", Code.PROTOCOL_ERROR)
    assert client.get("/marker").status == 200


@pytest.mark.parametrize("parts, trailers", LENGTHS.values(), ids=LENGTHS.keys())
def test_a_body_has_to_be_as_long_as_its_length(proxy, parts, trailers):
    """RFC 9113 section 8.1.1. What was right so far may have been passed on, but never as a whole request."""
    with connect(proxy) as client:
        sized(client, parts, trailers)
    assert [asked.target for asked in proxy.upstream.wait_requests(1)] == ["/marker"]


@pytest.mark.parametrize("parts", [["he", "llo", "!"], ["hello", SMUGGLED]], ids=["a byte", "a request"])
def test_what_comes_behind_a_whole_body_goes_nowhere(proxy, parts):
    """Bodies stream, so the endpoint may have got all that it was told of before the rest came."""
    with connect(proxy) as client:
        sized(client, parts)
    bodies = {asked.target: asked.body for asked in proxy.upstream.wait_requests(1)}
    assert bodies.pop("/marker") == b"" and bodies in ({}, {"/sized": b"hello"})
    received = proxy.upstream.received()
    assert b"smuggled" not in received and not received.endswith(b"!")


def test_bodies_are_framed_anew(proxy):
    """Whatever a body says, it is a body."""
    body = b"0\r\n\r\n" + SMUGGLED.encode()
    with connect(proxy) as client:
        stream = client.open(request("POST", "/one"), end=False)
        client.send(data(stream, body, end=True))
        assert client.answer(stream).status == 200
        assert client.post(body, "/two").status == 200
        first, second = proxy.upstream.wait_requests(2)
    assert (first.body, first.get("transfer-encoding"), first.get("content-length")) == (body, "chunked", None)
    assert (second.body, second.get("transfer-encoding"), second.get("content-length")) == (body, None, str(len(body)))


BAD_TRAILERS = {
    "pseudo-header": [(":path", "/smuggled")],
    "status": [(":status", "200")],
    "upper case": [("X-Sum", "1")],
    "line end": [("x-sum", "1\r\nx-evil: 1")],
    "line end in a name": [("x-sum\r\nx-evil", "1")],
    "connection": [("connection", "close")],
    "coding": [("transfer-encoding", "chunked")],
}


@pytest.mark.parametrize("fields", BAD_TRAILERS.values(), ids=BAD_TRAILERS.keys())
def test_malformed_trailers(proxy, fields):
    with connect(proxy) as client:
        stream = client.open(request("POST"), end=False)
        client.send(data(stream, b"hello"))
        client.send_all_it_takes(headers(stream, fields))
        assert client.fault() == Fault("reset", Code.PROTOCOL_ERROR)
        assert client.get("/marker").status == 200
    assert [asked.target for asked in proxy.upstream.wait_requests(1)] == ["/marker"]
    assert b"evil" not in proxy.upstream.received()


@pytest.mark.parametrize(
    "name, value", [("content-length", "3"), ("host", "evil"), ("authorization", "x"), ("te", "trailers")]
)
def test_trailers_that_would_change_the_message_are_not_forwarded(proxy, name, value):
    with connect(proxy) as client:
        stream = client.open(request("POST"), end=False)
        client.send(data(stream, b"hello"), headers(stream, [("x-sum", "1"), (name, value)]))
        got = client.answer(stream)
        assert got.status in (0, 200)
        assert client.get("/marker").status == 200
    for asked in proxy.upstream.wait_requests(1):
        assert asked.trailer(name) is None


# --- what becomes of good ones


def arrived(proxy, fields: list):
    with connect(proxy) as client:
        assert client.answer(client.open(fields)).status == 200
        return sees_only(proxy, client, dict(fields)[":path"])[0]


def test_cookies_are_joined(proxy):
    """RFC 9113 section 8.2.3."""
    crumbs = ("cookie", "a=1"), ("x-a", "b"), ("cookie", "b=2; c=3"), ("cookie", "d")
    asked = arrived(proxy, request("GET", "/", *crumbs))
    assert asked.all("cookie") == ["a=1; b=2; c=3; d"]


@pytest.mark.parametrize(
    "fields",
    [
        request("GET", "/", authority="models.example.com:8443"),
        [*without(":authority"), ("host", "models.example.com:8443")],
        request("GET", "/", ("host", "models.example.com:8443"), authority="models.example.com:8443"),
    ],
)
def test_the_authority_becomes_the_host(proxy, fields):
    assert arrived(proxy, fields).all("host") == ["models.example.com:8443"]


@pytest.mark.parametrize(
    "path", ["/", "/v2/models/a%20b?x=%0d%0a&y=[1]", "/a;b=c,d/'\"<>{}|^`", "/?", "/%c3%a9", "/a?b?c//d"]
)
def test_targets_pass_as_they_came(proxy, path):
    assert arrived(proxy, request("GET", path)).target == path


def test_options_of_the_server(proxy):
    """Asks about the gateway, which answers for itself."""
    with connect(proxy) as client:
        assert client.answer(client.open(request("OPTIONS", "*"))).status == 200
        sees_only(proxy, client)


@pytest.mark.parametrize("path", ["/a/../b", "/%2e%2e/b", "/a%2fb", "/a\\b", "/%00", "/a/./b"])
def test_paths_that_two_readers_could_read_differently(proxy, path):
    """As over HTTP/1.1: an answer and no reset, since the framing is right."""
    with connect(proxy) as client:
        refused = client.get(path)
        assert (refused.status, refused.cause) == (400, "bad_request")
        sees_only(proxy, client)


def test_values_pass_as_they_came(proxy):
    values = ["", "a, b", "caf\xe9", '"q\\"uoted"', "a:b", "x\ty z", "%0d%0a"]
    asked = arrived(proxy, request("GET", "/", *[("x-a", value) for value in values]))
    assert asked.all("x-a") == values


@pytest.mark.parametrize("name", ["x-sluice-cause", "x-sluice-mirror", "x-forwarded-for", "forwarded"])
def test_fields_of_the_gateway_cannot_be_forged(proxy, name):
    assert "forged" not in arrived(proxy, request("GET", "/", (name, "forged"))).list(name)


def test_answers_lose_what_belongs_to_a_connection(proxy):
    proxy.upstream.reply = answer(
        b"ok", "200 OK", "Connection: keep-alive, x-hop", "X-Hop: 1", "Keep-Alive: timeout=5", "X-END: 2",
        "Upgrade: h2c", "Proxy-Connection: close",
    )
    with connect(proxy) as client:
        got = client.get()
    names = [name for name, _ in got.headers]
    assert (got.status, got.body, got.get("x-end")) == (200, b"ok", "2")
    assert not {"connection", "keep-alive", "upgrade", "proxy-connection", "x-hop", "transfer-encoding"} & set(names)
    assert all(name == name.lower() for name in names)
