"""The traces of exchanges: what spans there are and what they say, who decides which are exported."""

import re
import threading
import time
from contextlib import contextmanager

import pytest

from support import http2
from support.collector import IS_REMOTE, Collector, a_trace, named
from support.gateway import Gateway
from support.http2 import H2Client
from support.mock_upstream import MockUpstream
from support.rawhttp import Client, Response, answer, build, get
from support.ways import CALL, HTTP1, HTTP2, PLAIN, WAYS, serving
from support.websocket import ask as ask_for_websocket
from support.websocket import echo, switching

PARENT = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")

CONFIG = """
tracing: {{ endpoint: '{url}', samplePercent: {percent}, serviceName: edge, headers: {{ x-token: hidden }} }}
listeners: [{{ address: '127.0.0.1:${{port}}', trustedProxies: [{trusted}] }}]
backends:
  main: {{ endpoints: [<main>], limits: {{ inFlight: 2 }} }}
  shadow: {{ endpoints: [<shadow>] }}
  other: {{ endpoints: [<other>] }}
routes:
  - {{ name: redirect, match: [{{ path: {{ prefix: /go }} }}], redirect: {{ host: a.example, code: 302 }} }}
  - {{ name: respond, match: [{{ path: {{ prefix: /say }} }}], respond: {{ status: 204 }} }}
  - {{ name: broken, match: [{{ path: {{ prefix: /broken }} }}], respond: {{ status: 503 }} }}
  - name: secret
    match: [{{ path: {{ prefix: /secret }} }}]
    basicAuth: {{ users: {{ ada: '{{SHA}}W6ph5Mm5Pz8GgiULbPgzG37mj9g=' }} }}
    backends: [{{ name: main }}]
  - name: mirrored
    match: [{{ path: {{ prefix: /mirrored }} }}]
    backends: [{{ name: main }}]
    mirrors: [{{ backend: shadow, percent: 100 }}, {{ backend: other, percent: 100 }}]
  - {{ name: all, match: [{{ path: {{ prefix: /all }} }}, {{ path: {{ prefix: /ws }} }}], backends: [{{ name: main }}] }}
  - {{ name: calls, match: [{{ path: {{ prefix: /test.Service }} }}], backends: [{{ name: main }}] }}
"""


@contextmanager
def traced(directory, percent: float = 100, trusted: str = "192.0.2.1", answer=None):
    with Collector(answer=answer) as collector:
        text = CONFIG.format(url=collector.url, percent=percent, trusted=trusted)
        with serving(text, directory, "main", "shadow", "other") as site:
            site.collector = collector
            yield site


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """Every trace is exported."""
    with traced(tmp_path_factory.mktemp("everything"), percent=100) as site:
        yield site


@pytest.fixture(scope="module")
def nothing(tmp_path_factory):
    """No trace is exported but for a reason. 127.0.0.2 is a trusted proxy."""
    with traced(tmp_path_factory.mktemp("nothing"), percent=0, trusted="127.0.0.2") as site:
        yield site


@pytest.fixture(autouse=True)
def cleared(request):
    for name in {"everything", "nothing", "plain"} & set(request.fixturenames):
        site = request.getfixturevalue(name)
        site.clear()


@pytest.mark.parametrize("way", [HTTP1, HTTP2], ids=str)
def test_plain_request(everything, way):
    trace = a_trace()
    before = time.time_ns()
    reply = everything.ask(
        way, "/all/x?secret=1", named(trace), ("user-agent", "me/1"), ("x-request-id", "id-7"), host="m.example:81",
        body=b"12345")
    after = time.time_ns()
    assert reply.is_good
    spans = everything.collector.wait_trace(trace, 2)
    server, (sent, *_) = spans.server, spans.of_kind("client")
    assert server.name == "POST all" and server.parent == "00f067aa0ba902b7" and server.flags & IS_REMOTE
    assert server.attributes == {
        "http.request.method": "POST", "url.path": "/all/x", "url.scheme": "http", "http.response.status_code": 200,
        "client.address": "127.0.0.1", "server.address": "m.example", "server.port": 81, "user_agent.original": "me/1",
        "network.protocol.version": "2" if way.version == 2 else "1.1", "http.request.body.size": 5,
        "http.response.body.size": len(reply.body), "sluice.route": "all", "sluice.backend": "main",
        "sluice.endpoint": everything["main"].http.address, "sluice.request_id": "id-7"}
    assert before - 10 ** 9 < server.start <= server.end < after + 10 ** 9 and not server.is_error
    assert server.resource["service.name"] == "edge" and server.resource["process.pid"] == everything.gateway.pid
    assert set(server.resource) == {
        "service.name", "service.version", "service.instance.id", "host.name", "process.pid"}
    # The try is the exchange's child, and what the endpoint is told to go on with.
    assert sent.parent == server.id and sent.name == "POST main" and not sent.flags & IS_REMOTE
    assert everything["main"].the_request().get("traceparent") == f"00-{trace}-{sent.id}-01"
    assert sent["server.address"] == "127.0.0.1" and sent["server.port"] == everything["main"].http.port
    assert sent["http.response.status_code"] == 200 and sent["network.protocol.version"] == "1.1"
    assert "http.request.resend_count" not in sent.attributes and not sent.is_error
    assert server.start <= sent.start <= sent.events["first_byte"] <= sent.end <= server.end
    assert "secret" not in str(spans) and "hidden" not in str(spans)


def test_connections_are_seen_when_they_are_made(everything):
    with MockUpstream() as fresh, Collector() as collector:
        text = f"""
tracing: {{ endpoint: '{collector.url}', samplePercent: 100 }}
backends: {{ main: {{ endpoints: ['{fresh.address}'] }} }}
routes: [{{ name: all, backends: [{{ name: main }}] }}]
"""
        with Gateway(text, everything.gateway.workdir / "fresh") as gateway, Client(gateway.host, gateway.port) as client:
            traces = [a_trace() for _ in range(2)]
            for trace in traces:
                client.exchange(get("/", "h", ": ".join(named(trace))))
            first = collector.wait_trace(traces[0], 3)
            connect, sent = first.one("connect"), first.one("GET main")
            assert connect.parent == sent.id and sent.start <= connect.start <= connect.end <= sent.end
            assert connect["server.port"] == fresh.port and not connect.is_error
            assert [span.kind for span in collector.wait_trace(traces[1], 2)] == ["server", "client"]


def test_without_a_traceparent_one_is_made(everything):
    everything.ask(HTTP1, "/all")
    trace, span, flags = PARENT.fullmatch(everything["main"].the_request().get("traceparent")).groups()
    spans = everything.collector.wait_trace(trace, 2)
    assert spans.server.parent == "" and not spans.server.flags & IS_REMOTE and flags == "01"
    assert spans.of_kind("client")[0].id == span


def test_grpc(everything):
    trace = a_trace()
    assert everything.ask(CALL, "/test.Service/Call", named(trace)).is_good
    spans = everything.collector.wait_trace(trace, 2)
    for span in [spans.server, spans.of_kind("client")[0]]:
        assert span["rpc.system"] == "grpc" and span["rpc.grpc.status_code"] == 0 and not span.is_error
        assert span["rpc.service"] == "test.Service" and span["rpc.method"] == "Call"
    assert spans.server["network.protocol.version"] == spans.of_kind("client")[0]["network.protocol.version"] == "2"


def test_auth(everything):
    trace = a_trace()
    reply = everything.ask(HTTP1, "/secret", named(trace), ("authorization", "Basic YWRhOnNlY3JldA=="))
    outcome = {200: "granted", 401: "refused"}[reply.status]
    spans = everything.collector.wait_trace(trace, 2)
    auth = spans.one("auth")
    assert auth.parent == spans.server.id and auth["sluice.auth.outcome"] == outcome and auth.kind == "internal"
    assert spans.server["enduser.id"] == ("ada" if reply.status == 200 else None)
    trace = a_trace()
    assert everything.ask(HTTP1, "/secret", named(trace)).status == 401
    spans = everything.collector.wait_trace(trace, 2)
    assert spans.one("auth")["sluice.auth.outcome"] == "missing"
    assert spans.server["sluice.cause"] == spans.server["error.type"] == "unauthorized" and not spans.server.is_error
    assert "YWRh" not in str(everything.collector.spans)


def test_queue(everything):
    """Two places; a third request waits for one of them."""
    main = everything["main"].http
    ordinary, main.reply = main.reply, main.holding()
    traces = [a_trace() for _ in range(3)]
    threads = [threading.Thread(target=everything.ask, args=(HTTP1, "/all", named(trace))) for trace in traces]
    try:
        for thread in threads[:2]:
            thread.start()
        everything.gateway.wait_metric("sluice_requests_in_flight", 2, backend="main")
        threads[2].start()
        everything.gateway.wait_metric("sluice_requests_queued", 1, backend="main")
    finally:
        main.release()
        for thread in threads:
            thread.join()
        main.clear()
        main.reply = ordinary
    spans = everything.collector.wait_trace(traces[2], 3)
    queue, sent = spans.one("queue"), spans.of_kind("client")[0]
    assert queue.parent == spans.server.id and queue.end > queue.start and queue.end <= sent.start
    assert not everything.collector.wait_trace(traces[0], 2).named("queue")


def test_mirrors(everything):
    trace = a_trace()
    assert everything.ask(HTTP1, "/mirrored", named(trace)).is_good
    spans = everything.collector.wait_trace(trace, 4)
    for name in ("shadow", "other"):
        copy = spans.one(f"mirror {name}")
        assert copy.parent == spans.server.id and copy.kind == "client" and copy["sluice.mirror.outcome"] == "ok"
        assert everything[name].the_request().get("traceparent") == f"00-{trace}-{copy.id}-01"
    assert len({span.id for span in spans}) == len(spans)


def test_a_mirror_that_ends_after_its_original(everything):
    shadow = everything["shadow"].http
    ordinary, shadow.reply = shadow.reply, shadow.holding()
    trace = a_trace()
    try:
        assert everything.ask(HTTP1, "/mirrored", named(trace)).is_good
        early = everything.collector.wait_trace(trace, 3)
        assert not early.named("mirror shadow")
    finally:
        shadow.release()
    late = everything.collector.wait(
        lambda collector: collector.traces()[trace].named("mirror shadow"), what="the late copy")[0]
    shadow.clear()
    shadow.reply = ordinary
    assert late.parent == early.server.id and late.end > early.server.end


def test_answers_made_here(everything):
    asked = [(a_trace(), *case) for case in [("/go", 302, "redirect"), ("/say", 204, "respond")]]
    for trace, path, status, _ in asked:
        assert everything.ask(HTTP1, path, named(trace), method="GET").status == status
    # Traces come once a second: all is asked before any is waited for.
    for trace, path, status, name in asked:
        spans = everything.collector.wait_trace(trace)
        assert len(spans) == 1 and spans.server.name == f"GET {name}" and not spans.server.is_error
        assert spans.server["http.response.status_code"] == status


def test_no_route(everything):
    asked = [(a_trace(), way) for way in WAYS]
    for trace, way in asked:
        everything.ask(way, "/nowhere", named(trace))
    for trace, way in asked:
        (server,) = everything.collector.wait_trace(trace)
        assert server.name == "POST" and server["sluice.cause"] == "no_route", way
        assert "sluice.route" not in server.attributes, way


def test_what_is_no_request(everything):
    everything.collector.clear()
    with Client(everything.gateway.host, everything.gateway.port) as client:
        assert client.send(b"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n").response().status == 400
    server = everything.collector.wait(
        lambda collector: [span for span in collector.spans if span["sluice.cause"] == "bad_request"])[0]
    assert server.kind == "server" and server["http.response.status_code"] == 400


def test_methods_that_nobody_knows(everything):
    trace = a_trace()
    everything.ask(HTTP1, "/all", named(trace), method="BREW")
    server = everything.collector.wait_trace(trace, 2).server
    assert server.name == "HTTP all" and server["http.request.method"] == "_OTHER"
    assert server["http.request.method_original"] == "BREW"


def test_expect_and_interim_answers(everything):
    trace = a_trace()
    with Client(everything.gateway.host, everything.gateway.port) as client:
        client.send(build("POST", "/all", "h", ": ".join(named(trace)), "Content-Length: 2", "Expect: 100-continue"))
        client.send(b"{}")
        spans = everything.collector.wait_trace(trace, 2)
    assert spans.server["http.request.body.size"] == 2 and "first_byte" in spans.of_kind("client")[0].events


def test_tunnels(everything):
    """One span for as long as the tunnel lives."""
    main = everything["main"].http
    main.serve = switching(echo)
    trace = a_trace()
    try:
        with Client(everything.gateway.host, everything.gateway.port) as client:
            client.send(ask_for_websocket("/ws", "h", ": ".join(named(trace))))
            assert client.reader.head(Response).status == 101
            client.send(b"ping")
            assert client.reader.exactly(4, "echo") == b"ping"
            client.shut_writing()
            client.expect_end()
    finally:
        main.serve = None
    spans = everything.collector.wait_trace(trace, 2)
    assert spans.server["http.response.status_code"] == 101 and not spans.server.is_error
    assert spans.of_kind("client")[0]["http.response.status_code"] == 101


# --- tracestate

STATES = [["rojo=1"], ["rojo=1,congo=2"], ["a=1", "b=2", "c=3,d=4"], ["x" * 512], ["no state at all"]]


def test_tracestate_goes_along(everything):
    asked = [(a_trace(), way, states) for way in PLAIN for states in STATES]
    for trace, way, states in asked:
        everything["main"].clear()
        everything.ask(way, "/all", *[("tracestate", state) for state in states], named(trace))
        assert everything["main"].the_request().all("tracestate") == states, way
    for trace, way, states in asked:
        assert everything.collector.wait_trace(trace, 2).server.state == states[0], way


@pytest.mark.parametrize("fields", [
    [], [("traceparent", "junk")], [("traceparent", f"00-{'0' * 32}-{'1' * 16}-01")],
    [("traceparent", f"00-{'a' * 32}-{'1' * 16}-01")] * 2, [("traceparent", f"00-{'A' * 32}-{'1' * 16}-01")],
], ids=["none", "junk", "zeros", "twice", "capitals"])
@pytest.mark.parametrize("is_traced", [True, False], ids=["traced", "off"])
def test_tracestate_alone_means_nothing(everything, plain, is_traced, fields):
    site = everything if is_traced else plain
    site.clear()
    site.ask(HTTP1, "/all", ("tracestate", "rojo=1"), *fields)
    seen = site["main"].the_request()
    assert seen.all("tracestate") == [] and PARENT.fullmatch(seen.get("traceparent"))
    assert seen.get("traceparent") not in [value for _, value in fields]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Tracing is off."""
    text = "\n".join(line for line in CONFIG.splitlines() if not line.startswith("tracing"))
    with serving(text.format(trusted="192.0.2.1"), tmp_path_factory.mktemp("plain"), "main", "shadow", "other") as site:
        yield site


@pytest.mark.parametrize("value", [
    f"00-{'a' * 32}-{'1' * 16}-01", f"00-{'a' * 32}-{'1' * 16}-00", f"cc-{'a' * 32}-{'1' * 16}-01-what-the-future-will-be-like"])
def test_without_tracing_the_clients_words_go_on(plain, value):
    plain.ask(HTTP1, "/all", ("traceparent", value), ("tracestate", "a=1"), ("tracestate", "b=2"))
    seen = plain["main"].the_request()
    assert seen.get("traceparent") == value and seen.all("tracestate") == ["a=1", "b=2"]


def test_a_later_version_is_answered_in_ours(everything):
    trace = a_trace()
    everything.ask(HTTP1, "/all", ("traceparent", f"cc-{trace}-{'1' * 16}-01-more"))
    spans = everything.collector.wait_trace(trace, 2)
    assert spans.server.parent == "1" * 16
    assert everything["main"].the_request().get("traceparent") == f"00-{trace}-{spans.of_kind('client')[0].id}-01"


# --- which of them

def test_only_failures_are_exported(nothing):
    """And with all that belongs to them, though nobody had decided so."""
    good, bad, missed = a_trace(), a_trace(), a_trace()
    assert nothing.ask(HTTP1, "/all", named(good)).is_good
    assert nothing["main"].the_request().get("traceparent")[-2:] == "00"
    assert nothing.ask(HTTP1, "/nowhere", named(missed)).status == 404
    assert nothing.ask(HTTP1, "/broken", named(bad)).status == 503
    spans = nothing.collector.wait_trace(bad)
    assert spans.server.is_error and spans.server["error.type"] == "503"
    assert not {good, missed} & set(nothing.collector.traces())


def test_an_endpoints_failure_is_exported_with_its_tries(nothing):
    nothing["main"].http.reply, ordinary = answer(b"", "500 Oops"), nothing["main"].http.reply
    trace = a_trace()
    try:
        assert nothing.ask(HTTP1, "/mirrored", named(trace)).status == 500
    finally:
        nothing["main"].http.reply = ordinary
    spans = nothing.collector.wait_trace(trace, 4)
    assert spans.server.is_error and spans.one("POST main").is_error and spans.one("POST main")["error.type"] == "500"
    assert not spans.one("mirror shadow").is_error


@pytest.mark.parametrize("source, flags, is_exported", [
    ("127.0.0.2", "01", True), ("127.0.0.2", "00", False), ("127.0.0.1", "01", False)])
def test_a_trusted_peer_decides(nothing, source, flags, is_exported):
    trace, last = a_trace(), a_trace()
    nothing.ask(HTTP1, "/all", named(trace, flags), connection={"source": source})
    assert nothing["main"].the_request().get("traceparent")[-2:] == ("01" if is_exported else "00")
    nothing.ask(HTTP1, "/broken", named(last))
    nothing.collector.wait_trace(last)
    if is_exported:
        assert len(nothing.collector.wait_trace(trace, 2)) >= 2
    assert (trace in nothing.collector.traces()) == is_exported


def test_an_untrusted_peer_does_not(everything):
    trace = a_trace()
    everything.ask(HTTP1, "/all", named(trace, "00"))
    everything.collector.wait_trace(trace, 2)
    assert everything["main"].the_request().get("traceparent").endswith("-01")


def test_percent(tmp_path):
    """Of 1,000 requests 30 %: six standard deviations are 9 %."""
    with traced(tmp_path, percent=30) as site:
        with Client(site.gateway.host, site.gateway.port) as client:
            for _ in range(1000):
                client.exchange(get("/say"))
        site.gateway.stop()
        assert 210 <= len(site.collector.spans) <= 390
        site.gateway.start()


def test_a_client_that_leaves(everything):
    main = everything["main"].http
    ordinary, main.reply = main.reply, main.holding()
    trace = a_trace()
    try:
        with Client(everything.gateway.host, everything.gateway.port) as client:
            client.send(get("/all", "h", ": ".join(named(trace))))
            everything.gateway.wait_metric("sluice_requests_in_flight", 1, backend="main")
            client.reset()
        spans = everything.collector.wait_trace(trace, 2)
    finally:
        main.release()
        main.clear()
        main.reply = ordinary
    assert spans.server["sluice.cause"] == "client_closed" and not spans.server.is_error


def test_streams_of_one_connection_have_traces_of_their_own(everything):
    traces = [a_trace() for _ in range(8)]
    with H2Client(everything.gateway.host, everything.gateway.port) as client:
        streams = [client.open(http2.request("GET", "/all", named(trace)), end=True) for trace in traces]
        assert all(client.answer(stream).status == 200 for stream in streams)
    for trace in traces:
        spans = everything.collector.wait_trace(trace, 2)
        assert len(spans.of_kind("client")) == 1 and spans.of_kind("client")[0].parent == spans.server.id
