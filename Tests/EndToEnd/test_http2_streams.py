"""Streams beside each other; and what the gateway does with requests, policies, metrics and logs, for each of them."""

import json
import re
import threading

import pytest

from support.gateway import wait_until
from support.http2 import GOAWAY, LIST_SIZE, PREFACE, STREAMS, connect, data, headers, request, reset, settings
from support.rawhttp import answer, get

ANN = ("authorization", "Basic YW5uOnRlc3Q=")


def echo(asked, connection):
    return answer(asked.body)


# --- many streams


def test_a_hundred_streams_at_once(proxy):
    """Their answers come in the order the endpoint gives them in, each to its own."""
    everyone = threading.Barrier(100, timeout=20)

    def reply(asked, connection):
        everyone.wait()
        return answer(asked.target.encode() * 3000)

    proxy.upstream.reply = reply
    with connect(proxy) as client:
        opened = {client.open(request("GET", f"/{index}")): f"/{index}".encode() for index in range(100)}
        for stream, path in opened.items():
            assert client.answer(stream).body == path * 3000


def test_a_stream_does_not_wait_for_another(proxy):
    proxy.upstream.reply = lambda asked, connection: (
        proxy.upstream.holding()(asked, connection) if asked.target == "/slow" else answer(b"fast")
    )
    with connect(proxy) as client:
        slow = client.open(request("GET", "/slow"))
        for _ in range(20):
            assert client.get("/fast").body == b"fast"
        assert not client.answers[slow].status
        proxy.upstream.release()
        assert client.answer(slow).status == 200


def test_uploads_in_turns(proxy):
    proxy.upstream.reply = echo
    with connect(proxy) as client:
        opened = [client.open(request("POST"), end=False) for _ in range(30)]
        for step in range(20):
            client.send(*[data(stream, b"%d,%d;" % (stream, step)) for stream in opened])
        client.send(*[data(stream, end=True) for stream in opened])
        for stream in opened:
            assert client.answer(stream).body == b"".join(b"%d,%d;" % (stream, step) for step in range(20))


def test_a_stream_that_is_cancelled(proxy):
    """The endpoint hears of it, and the other streams do not."""
    left = threading.Event()

    def serve(connection):
        head = connection.read_request()
        proxy.upstream.record(connection, head)
        if head.target == "/held":
            assert connection.wait_end()
            left.set()
            return False
        connection.send(answer())
        return True

    proxy.upstream.serve = serve
    with connect(proxy) as client:
        held = client.open(request("GET", "/held"))
        proxy.upstream.wait_requests(1)
        client.send(reset(held))
        assert left.wait(10)
        assert client.get("/good").status == 200
    proxy.gateway.wait_metric("sluice_requests_total", 1, cause="client_closed", code="499")


# --- policies


def test_basic_auth_per_stream(denying):
    with connect(denying) as client:
        refused = client.get("/locked")
        assert (refused.status, refused.cause) == (401, "unauthorized")
        assert refused.get("www-authenticate") == 'Basic realm="Inference", charset="UTF-8"'
        opened = [client.open(request("GET", "/locked", *([ANN] if index % 2 else []))) for index in range(20)]
        assert [client.answer(stream).status for stream in opened] == [401, 200] * 10
    assert not any(asked.has("authorization") for asked in denying.upstream.requests)


def test_refusals_say_why(denying):
    with connect(denying) as client:
        too_large = client.post(bytes(1025), "/small/x")
        assert (too_large.status, too_large.cause) == (413, "body_too_large")
        assert client.post(bytes(1024), "/small/x").status == 200
        # Of a length that shows only as it comes.
        stream = client.open(request("POST", "/small/x"), end=False)
        client.send(data(stream, bytes(1024)), data(stream, b"x", end=True))
        assert client.answer(stream).status == 413
        fixed = client.get("/fixed")
        assert (fixed.status, fixed.body) == (200, b"fixed")


def test_no_route(proxies):
    proxy = proxies("""
backends: { main: { endpoints: [{address}] } }
routes: [{ name: v2, match: [{ path: { prefix: /v2 } }], backends: [{ name: main }] }]
""")
    with connect(proxy) as client:
        refused = client.get("/nowhere")
        assert (refused.status, refused.cause, refused.get("content-type")) == (404, "no_route", "application/json")
        assert list(json.loads(refused.body)) == ["error"]
        headless = client.answer(client.open(request("HEAD", "/nowhere")))
        assert (headless.status, headless.body) == (404, b"")
        assert client.get("/v2").status == 200
    counted = proxy.gateway.metrics().select("sluice_requests_total")
    found = {(labels["route"], labels["code"], labels["cause"]): count for labels, count in counted if count}
    assert found == {("", "404", "no_route"): 2, ("v2", "200", ""): 1}


def test_an_endpoint_that_is_not_there(proxies):
    proxy = proxies()
    proxy.upstream.stop()
    with connect(proxy) as client:
        for _ in range(2):
            refused = client.get()
            assert (refused.status, refused.cause) == (502, "connect_failed")


SPLIT = """
accessLog: { path: access.log, format: json }
backends:
  stable: { endpoints: [{address}] }
  canary: { endpoints: [CANARY] }
  shadow: { endpoints: [SHADOW] }
routes:
  - name: infer
    backends: [{ name: stable, weight: 80 }, { name: canary, weight: 20 }]
    mirrors: [{ backend: shadow, maxInFlight: 1000 }]
"""


@pytest.fixture
def split(proxies, upstreams):
    canary, shadow = upstreams(answer(b"canary")), upstreams(answer(b"shadow"))
    proxy = proxies(SPLIT.replace("CANARY", canary.address).replace("SHADOW", shadow.address))
    proxy.upstream.reply = answer(b"stable")
    proxy.canary, proxy.shadow = canary, shadow
    return proxy


def test_split_and_mirror_per_stream(split):
    with connect(split) as client:
        answers = [client.post(b"tensor %d" % index, "/v2/x") for index in range(100)]
    bodies = [bytes(got.body) for got in answers]
    assert abs(bodies.count(b"stable") - 80) <= 1 and abs(bodies.count(b"canary") - 20) <= 1
    copies = split.shadow.wait_requests(100)
    split.gateway.wait_metric("sluice_mirror_requests_total", 100, outcome="ok")
    assert sorted(copy.body for copy in copies) == sorted(b"tensor %d" % index for index in range(100))
    assert {copy.get("host") for copy in copies} == {"test-shadow"}


def test_access_log(split):
    with connect(split) as client:
        client.post(b"12345", "/v2/a?b=c", ("x-request-id", "id-1"), ("user-agent", "raw/1"))
    log = split.gateway.workdir / "access.log"
    (line,) = wait_until(lambda: log.exists() and log.read_text().splitlines(), what="a line in the log")
    record = json.loads(line)
    expected = {
        "protocol": "HTTP/2", "method": "POST", "path": "/v2/a?b=c", "host": "test", "status": 200, "requestId": "id-1",
        "userAgent": "raw/1", "requestBytes": 5, "responseBytes": 6, "route": "infer",
    }
    assert {key: record.get(key) for key in expected} == expected
    assert record.get("cause", "") == ""


def test_connections_are_counted(proxies):
    proxy = proxies()
    gateway = proxy.gateway
    with connect(proxy) as first, connect(proxy) as second, proxy.connect() as old:
        assert first.get().status == second.get().status == old.exchange(get()).status == 200
        metrics = gateway.metrics()
        assert metrics.sum("sluice_connections_open", protocol="http2") == 2
        assert metrics.sum("sluice_connections_total", protocol="http2") == 2
        assert metrics.sum("sluice_connections_open", protocol="http1") == 1
        assert metrics.sum("sluice_connections_total", protocol="http1") == 1
    wait_until(lambda: gateway.metrics().sum("sluice_connections_open") == 0, what="all are gone")
    assert gateway.metrics().sum("sluice_connections_total", protocol="http2") == 2


def test_what_the_endpoint_is_told(proxy):
    with connect(proxy) as client:
        fields = ("x-forwarded-for", "6.6.6.6"), ("x-forwarded-proto", "https"), ("via", "1.0 first")
        client.answer(client.open(request("GET", "/", *fields, authority="models.example.com:8080")))
    (asked,) = proxy.upstream.wait_requests(1)
    told = {name: asked.all(name) for name in ("host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")}
    assert told == {
        "host": ["models.example.com:8080"], "x-forwarded-for": ["127.0.0.1"], "x-forwarded-proto": ["http"],
        "x-forwarded-host": ["models.example.com:8080"],
    }
    # RFC 9110 section 7.6.3: the version the request came in.
    assert asked.list("via") == ["1.0 first", "2 sluice"]
    assert re.fullmatch("[0-9a-f]{32}", asked.get("x-request-id")) and asked.has("traceparent")


LIMITED = """
listeners: [{ address: "127.0.0.1:${port}", limits: { http2Streams: 10, headerBytes: 8KiB, MORE } }]
backends: { main: { endpoints: [{address}] } }
routes: [{ name: all, backends: [{ name: main }] }]
"""


def test_limits_of_the_listener(proxies):
    proxy = proxies(LIMITED.replace(", MORE", ""))
    with connect(proxy) as client:
        assert client.get("/", ("x-a", "x" * 7000)).status == 200
        assert (client.settings[STREAMS], client.settings[LIST_SIZE]) == (10, 8192)
        refused = client.get("/", ("x-a", "x" * 8192))
        assert (refused.status, refused.cause) == (431, "headers_too_large")
        assert client.get().status == 200


def test_an_idle_connection_is_told_so_and_closed(proxies):
    proxy = proxies(LIMITED.replace("MORE", "idleTimeout: 400ms"))
    # All at once: a machine may stop the client for longer than that between one thing and the next.
    hello = PREFACE + settings() + headers(1, request())
    with connect(proxy, hello=hello) as client:
        assert client.answer(1).status == 200
        said = list(iter(client.advance, None))
        assert said[-1].kind == GOAWAY and said[-1].code == 0
    # Not idle: a stream waits for its endpoint for longer than that.
    proxy.upstream.reply = lambda asked, connection: proxy.upstream.released.wait(0.8) and None or answer()
    with connect(proxy, hello=hello) as client:
        assert client.answer(1).status == 200


def test_connections_to_endpoints_are_used_again(proxies):
    """An answer that is complete leaves nothing to close."""
    proxy = proxies()
    with connect(proxy) as client:
        for _ in range(20):
            assert client.post(b"hello").status == 200
    assert proxy.upstream.accepted == 1
    counted = proxy.gateway.metrics().select("sluice_requests_total")
    assert {labels["cause"]: count for labels, count in counted if count} == {"": 20}
