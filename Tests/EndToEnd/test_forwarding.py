"""What an endpoint sees of a request, and a client of an answer."""

import re

import pytest

from support.rawhttp import answer, build, get, post

TRUSTING = """
listeners:
  - address: 127.0.0.1:${port}
    trustedProxies: [127.0.0.0/8]
backends:
  main: { endpoints: [{address}] }
routes:
  - name: all
    backends: [{ name: main }]
"""


@pytest.fixture
def trusting(proxies):
    return proxies(TRUSTING)


def seen(proxy, *fields: str, path: str = "/v2/x", host: str = "models.example.com:8080"):
    """The request as the endpoint got it."""
    assert proxy.send(get(path, host, *fields)).status == 200
    return proxy.upstream.wait_requests(1)[-1]


# --- hop by hop


@pytest.mark.parametrize(
    "field",
    [
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "TE: gzip",
        "Upgrade: websocket",
        "Connection: keep-alive",
    ],
)
def test_hop_by_hop_fields_are_removed(proxy, field):
    """RFC 9110 section 7.6.1."""
    request = seen(proxy, field)
    name, _, value = field.partition(": ")
    assert value not in request.list(name)


def test_nominated_fields_are_removed(proxy):
    request = seen(
        proxy, "X-Hop: 1", "x-other-hop: 2", "X-End: 3", "Connection: x-hop, X-Other-Hop", "Connection: nothing"
    )
    assert (request.has("x-hop"), request.has("x-other-hop"), request.get("x-end")) == (False, False, "3")
    assert request.tokens("connection") <= {"keep-alive"}


def test_nominating_what_frames_or_routes_changes_nothing(proxy):
    """A client cannot strip Host, the length or the gateway's own fields on the way."""
    data = post(
        b"hello",
        "/",
        "test",
        "Connection: host, content-length, transfer-encoding, via, x-forwarded-for, x-request-id, close",
    )
    assert proxy.send(data).status == 200
    request = proxy.upstream.requests[0]
    assert (request.get("host"), request.body, request.get("x-forwarded-for")) == ("test", b"hello", "127.0.0.1")
    assert request.has("via") and request.has("x-request-id")


def test_upgrade_is_not_carried(proxy):
    """But to WebSocket, see test_upgrade."""
    assert proxy.send(get("/", "test", "Connection: Upgrade", "Upgrade: h2c")).status == 200
    request = proxy.upstream.requests[0]
    assert not request.has("upgrade")
    assert "upgrade" not in request.tokens("connection")


def test_hop_by_hop_fields_of_an_answer_are_removed(proxy):
    proxy.upstream.reply = answer(
        b"ok",
        "200 OK",
        "Connection: x-hop, keep-alive",
        "X-Hop: 1",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: close",
        "X-End: 2",
    )
    with proxy.connect() as client:
        response = client.exchange(get())
        assert [response.has(name) for name in ("x-hop", "proxy-connection", "x-end")] == [False, False, True]
        assert "timeout=5" not in response.all("keep-alive")
        assert "x-hop" not in response.tokens("connection")
        assert client.exchange(get()).status == 200


# --- fields of the gateway


def test_via(proxy):
    """RFC 9110 section 7.6.3."""
    assert seen(proxy).list("via") == ["1.1 sluice"]
    assert seen(proxy, "Via: 1.0 first, 1.1 second").list("via") == ["1.0 first", "1.1 second", "1.1 sluice"]


def test_forwarded_for_from_the_untrusted_is_replaced(proxy):
    request = seen(proxy)
    assert request.all("x-forwarded-for") == ["127.0.0.1"]
    assert request.all("x-forwarded-proto") == ["http"]
    assert request.all("x-forwarded-host") == ["models.example.com:8080"]
    request = seen(
        proxy,
        "X-Forwarded-For: 6.6.6.6",
        "x-forwarded-for: 7.7.7.7",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil",
        "Forwarded: for=6.6.6.6",
    )
    assert request.all("x-forwarded-for") == ["127.0.0.1"]
    assert request.all("x-forwarded-proto") == ["http"]
    assert request.all("x-forwarded-host") == ["models.example.com:8080"]
    assert not request.has("forwarded")


def test_forwarded_for_from_the_trusted_is_appended_to(trusting):
    request = seen(
        trusting,
        "X-Forwarded-For: 6.6.6.6",
        "X-Forwarded-For: 7.7.7.7",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: first",
        "Forwarded: for=6.6.6.6",
    )
    assert request.list("x-forwarded-for") == ["6.6.6.6", "7.7.7.7", "127.0.0.1"]
    assert request.list("x-forwarded-proto")[0] == "https"
    assert request.list("x-forwarded-host")[0] == "first"
    assert request.list("forwarded")[0] == "for=6.6.6.6"


def test_forwarded_for_without_any_from_the_trusted(trusting):
    request = seen(trusting)
    assert request.all("x-forwarded-for") == ["127.0.0.1"]
    assert request.all("x-forwarded-proto") == ["http"]


def test_request_id_is_kept_or_made(proxy):
    assert seen(proxy, "X-Request-Id: abc-123_DEF").get("x-request-id") == "abc-123_DEF"
    made = [seen(proxy).get("x-request-id") for _ in range(20)]
    assert len(set(made)) == 20
    assert all(re.fullmatch("[!-~]{8,128}", identifier) for identifier in made)


@pytest.mark.parametrize("value", ["x" * 5000, "a\xe9b", "", "a\tb"])
def test_request_id_out_of_bounds_is_replaced(proxy, value):
    identifier = seen(proxy, f"X-Request-Id: {value}").get("x-request-id")
    assert identifier != value
    assert re.fullmatch("[!-~]{1,256}", identifier)


def test_request_id_twice_becomes_one(proxy):
    assert len(seen(proxy, "X-Request-Id: a", "X-Request-Id: b").all("x-request-id")) == 1


TRACEPARENT = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


def test_traceparent_is_kept_or_made(proxy):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    kept = TRACEPARENT.fullmatch(seen(proxy, f"traceparent: 00-{trace}-00f067aa0ba902b7-01").get("traceparent"))
    assert kept[1] == trace
    made = [TRACEPARENT.fullmatch(seen(proxy).get("traceparent")) for _ in range(5)]
    assert all(made) and len({match[1] for match in made}) == 5


@pytest.mark.parametrize(
    "value",
    [
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "junk",
        "",
    ],
)
def test_invalid_traceparent_is_replaced(proxy, value):
    """W3C Trace Context: all-zero identifiers, version ff and capitals are invalid."""
    got = seen(proxy, f"traceparent: {value}").get("traceparent")
    assert got != value
    assert TRACEPARENT.fullmatch(got)


@pytest.mark.parametrize("field", ["X-Sluice-Mirror: all", "x-sluice-cause: none", "X-SLUICE-ANYTHING: x"])
def test_own_fields_from_clients_are_removed(proxy, field):
    assert not seen(proxy, field).has(field.partition(":")[0])


# --- everything else


def test_everything_else_passes_in_order(proxy):
    fields = [
        "Accept: a",
        "X-Multi: 1",
        "Authorization: Basic eDp5",
        "Cookie: a=b; c=d",
        "x-multi: 2",
        "X-Empty:",
        "X-Latin: caf\xe9",
        "X-Multi: 3, 4",
        'Content-Type: application/json; charset="utf-8"',
        "Accept-Encoding: gzip",
        "User-Agent: test/1",
    ]
    request = seen(proxy, *fields)
    for field in fields:
        name = field.partition(":")[0]
        expected = [
            other.partition(":")[2].strip() for other in fields if other.partition(":")[0].lower() == name.lower()
        ]
        assert request.all(name) == expected
    assert request.get("host") == "models.example.com:8080"


def test_host_is_the_clients(proxy):
    assert seen(proxy, host="Models.Example.com").get("host") == "Models.Example.com"


def test_binary_inference_passes_untouched(proxy):
    json = b'{"inputs":[{"name":"IN","shape":[4],"datatype":"FP32","parameters":{"binary_data_size":16}}]}'
    body = json + bytes(range(240, 256))
    data = (
        build(
            "POST",
            "/v2/models/a/infer",
            "test",
            f"Inference-Header-Content-Length: {len(json)}",
            "Content-Type: application/octet-stream",
            f"Content-Length: {len(body)}",
        )
        + body
    )
    proxy.upstream.reply = answer(body, "200 OK", f"Inference-Header-Content-Length: {len(json)}")
    response = proxy.send(data)
    request = proxy.upstream.requests[0]
    assert (request.get("inference-header-content-length"), request.body) == (str(len(json)), body)
    assert (response.get("inference-header-content-length"), response.body) == (str(len(json)), body)


def test_fields_of_an_answer_pass(proxy):
    proxy.upstream.reply = answer(
        b"ok",
        "200 Fine",
        "Server: triton",
        "Date: Mon, 01 Jan 2024 00:00:00 GMT",
        "Set-Cookie: a=1",
        "Set-Cookie: b=2",
        "X-Latin: caf\xe9",
    )
    response = proxy.send(get())
    assert response.all("set-cookie") == ["a=1", "b=2"]
    assert (response.get("server"), response.get("x-latin")) == ("triton", "caf\xe9")
    assert response.get("date") == "Mon, 01 Jan 2024 00:00:00 GMT"


def test_get_without_a_body_stays_without_one(proxy):
    request = seen(proxy)
    assert (request.framing, request.body) == ("none", b"")
    assert not request.has("content-length") and not request.has("transfer-encoding")


def test_get_with_a_body_keeps_it(proxy):
    assert proxy.send(build("GET", "/", "test", "Content-Length: 5") + b"hello").status == 200
    assert proxy.upstream.requests[0].body == b"hello"
