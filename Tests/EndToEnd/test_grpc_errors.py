"""What the gateway itself says to gRPC clients: a status with a message, never an HTTP error they cannot read."""

import threading
import time
from urllib.parse import unquote

import grpc
import pytest

from support import http2
from support.gateway import Gateway, wait_until
from support.grpc_mock import SERVICE, GrpcServer, channel, framed, head
from support.http2 import Code, H2Client
from support.http2_server import Http2Server, by_path
from support.http2_upstream import front, servers  # noqa: F401, fixtures
from support.mock_upstream import SilentPort, refused_port

BACKENDS = """
  main: { protocol: http2, endpoints: [ADDRESS] }
  http1: { endpoints: [ADDRESS] }
  nobody: { protocol: http2, endpoints: ["127.0.0.1:REFUSED"] }
  silent: { protocol: http2, endpoints: ["127.0.0.1:SILENT"], timeouts: { connect: 300ms } }
  slow: { protocol: http2, endpoints: [ADDRESS], timeouts: { firstByte: 300ms } }
  full: { protocol: http2, endpoints: [ADDRESS], limits: { inFlight: 1, queue: 0 } }
  queue: { protocol: http2, endpoints: [ADDRESS], limits: { inFlight: 1, queue: 5, queueTimeout: 300ms } }
"""
# Of each route, which is asked for by a header: its backend and its settings.
ROUTES = {
    "locked": ("main", 'basicAuth: { realm: x, users: { ann: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" } },'),
    "small": ("main", "maxBodySize: 1KiB,"),
    "timed": ("main", "timeout: 400ms,"),
    "still": ("main", "idleTimeout: 400ms,"),
    "main": ("main", ""),
    "http1": ("http1", ""),
    "nobody": ("nobody", ""),
    "silent": ("silent", ""),
    "slow": ("slow", ""),
    "full": ("full", ""),
    "queue": ("queue", ""),
}


class Case:
    """A refusal: what was asked for, the cause, the status in HTTP's words and in gRPC's."""

    def __init__(self, route: str, method: str, cause: str, http: int, code: grpc.StatusCode):
        self.route, self.method, self.cause, self.http, self.code = route, method, cause, http, code
        self.path = method if method.startswith("/") else SERVICE + method


CASES = [
    Case("none", "/nowhere.Service/Call", "no_route", 404, grpc.StatusCode.UNIMPLEMENTED),
    Case("locked", "Echo", "unauthorized", 401, grpc.StatusCode.UNAUTHENTICATED),
    Case("main", "/test.Service/../Echo", "bad_request", 400, grpc.StatusCode.INVALID_ARGUMENT),
    Case("small", "Echo", "body_too_large", 413, grpc.StatusCode.RESOURCE_EXHAUSTED),
    Case("http1", "Echo", "not_implemented", 501, grpc.StatusCode.UNIMPLEMENTED),
    Case("nobody", "Echo", "connect_failed", 502, grpc.StatusCode.UNAVAILABLE),
    Case("silent", "Echo", "connect_timeout", 504, grpc.StatusCode.DEADLINE_EXCEEDED),
    Case("slow", "Hold", "first_byte_timeout", 504, grpc.StatusCode.DEADLINE_EXCEEDED),
    Case("timed", "Hold", "exchange_timeout", 504, grpc.StatusCode.DEADLINE_EXCEEDED),
    Case("still", "Hold", "idle_timeout", 504, grpc.StatusCode.DEADLINE_EXCEEDED),
    Case("full", "Echo", "queue_full", 503, grpc.StatusCode.UNAVAILABLE),
    Case("queue", "Echo", "queue_timeout", 503, grpc.StatusCode.UNAVAILABLE),
]
# More than the route `small` takes.
MESSAGE = b"m" * 2000


def grpc_server(scripts: dict) -> Http2Server:
    return Http2Server(by_path(scripts, default=lambda stream: (
        stream.wait_complete().head(("content-type", "application/grpc")),
        stream.data(framed(b"ok")).finish(("grpc-status", "0")))))


def call(client: H2Client, path: str, *fields: tuple):
    stream = client.open(head(path, *fields), end=False)
    client.upload(stream, framed(b"x"))
    return client.answer(stream)


@pytest.fixture(scope="module")
def _running(tmp_path_factory):
    routes = "".join(
        f"  - {{ name: {name}, match: [{{ path: {{ prefix: /test.Service }}, headers: {{ x-route: {name} }} }}], "
        f"{settings} backends: [{{ name: {backend} }}] }}\n" for name, (backend, settings) in ROUTES.items())
    with GrpcServer() as server, refused_port() as refused, SilentPort() as silent:
        config = "backends:" + BACKENDS + "routes:\n" + routes
        for word, value in (("ADDRESS", server.address), ("REFUSED", refused.getsockname()[1]),
                            ("SILENT", silent.port)):
            config = config.replace(word, str(value))
        with Gateway(config, tmp_path_factory.mktemp("gateway")) as gateway:
            yield gateway, server


@pytest.fixture
def gateway(_running):
    gateway, server = _running
    gateway.check_alive()
    server.clear()
    yield gateway
    server.release()


@pytest.fixture
def server(_running):
    return _running[1]


@pytest.fixture
def busy(gateway, server):
    """The one place of each limited backend is taken."""
    with channel(f"{gateway.host}:{gateway.port}") as opened:
        calls = [opened.unary_unary(SERVICE + "Hold").future(b"", metadata=[("x-route", name)])
                 for name in ("full", "queue")]
        server.wait_calls(2)
        yield
        server.release()
        assert [call.result() for call in calls] == [b"", b""]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.cause)
def test_status_for_a_grpc_client(gateway, busy, case):
    with channel(f"{gateway.host}:{gateway.port}") as opened:
        begin = time.monotonic()
        with pytest.raises(grpc.RpcError) as raised:
            opened.unary_unary(case.path)(MESSAGE, metadata=[("x-route", case.route)], timeout=10)
        # Less than one waits for a place where nothing is said about it.
        assert time.monotonic() - begin < 4.5
    error = raised.value
    assert error.code() is case.code and error.details()
    assert dict(error.trailing_metadata())["x-sluice-cause"] == case.cause


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.cause)
def test_form_of_the_answer(gateway, busy, case):
    """Status 200 and everything in one block that ends the stream (trailers-only), so that any client reads it."""
    labels = {"code": str(case.http), "cause": case.cause}
    before = gateway.metrics().sum("sluice_requests_total", **labels)
    with H2Client(gateway.host, gateway.port) as client:
        stream = client.open(head(case.path, ("x-route", case.route)), end=False)
        client.upload(stream, framed(MESSAGE))
        answer = client.answer(stream)
        assert (answer.status, answer.get("content-type"), answer.cause) == (200, "application/grpc", case.cause)
        assert answer.get("grpc-status") == str(case.code.value[0])
        assert unquote(answer.get("grpc-message")) and all(" " <= c <= "~" for c in answer.get("grpc-message"))
        assert (bytes(answer.body), answer.trailers, answer.ended) == (b"", [], True)
        # The connection and its other streams have nothing to do with it.
        client.settle()
    gateway.wait_metric("sluice_requests_total", before + 1, **labels)


def test_statuses_are_counted(gateway, server):
    name = "sluice_grpc_responses_total"
    before = gateway.metrics().sum(name, grpc_status="14", route="nobody")
    with channel(f"{gateway.host}:{gateway.port}") as opened:
        with pytest.raises(grpc.RpcError):
            opened.unary_unary(SERVICE + "Echo")(b"", metadata=[("x-route", "nobody")], timeout=5)
    gateway.wait_metric(name, before + 1, grpc_status="14", route="nobody")


def test_other_requests_get_http(gateway):
    """The same refusals for what is not gRPC."""
    with H2Client(gateway.host, gateway.port) as client:
        for content_type in ("application/json", "application/grpc-web", "application/grpcx"):
            answer = client.post(b"x", "/nowhere", ("content-type", content_type))
            assert (answer.status, answer.cause, answer.get("grpc-status")) == (404, "no_route", None)
            assert answer.body.startswith(b'{"error":')
        for content_type in ("application/grpc+proto", "application/grpc;charset=utf-8", "Application/GRPC"):
            answer = client.post(b"", "/nowhere", ("content-type", content_type))
            assert (answer.status, answer.get("grpc-status")) == (200, "12")


# --- limits of size


def test_the_limit_is_for_each_message(gateway, server):
    """A stream of any length passes while each of its messages is small enough."""
    with channel(f"{gateway.host}:{gateway.port}") as opened:
        collect = opened.stream_unary(SERVICE + "Collect")
        metadata = [("x-route", "small")]
        assert collect((b"x" * 1024 for _ in range(100)), metadata=metadata, timeout=10) == b"100 102400"
        with pytest.raises(grpc.RpcError) as raised:
            collect((b"x" * size for size in (10, 1025)), metadata=metadata, timeout=10)
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert server.wait_calls(2)[1].ended.wait(5), "the server waits for the rest"


# --- deadlines


def test_deadline_nobody_else_watches(front):
    """The gateway keeps it: DEADLINE_EXCEEDED for the client, and the server's stream is reset."""
    with grpc_server({"/held": lambda stream: stream.ended.wait(20)}) as server:
        with H2Client((gateway := front(server)).host, gateway.port) as client:
            begin = time.monotonic()
            answer = call(client, "/held", ("grpc-timeout", "300m"))
            assert 0.25 < time.monotonic() - begin < 8
            assert (answer.status, answer.get("grpc-status"), answer.cause) == (200, "4", "exchange_timeout")
            assert server.streams[0].wait_reset(5) == Code.CANCEL
            assert call(client, "/good").trailers == [("grpc-status", "0")]


def test_deadline_in_the_answer(gateway, server):
    with H2Client(gateway.host, gateway.port) as client:
        stream = client.open(head(SERVICE + "Produce", ("x-route", "main"), ("grpc-timeout", "1000000u")), end=False)
        client.upload(stream, framed(b"1000 10 0.02"))
        answer = client.answer(stream)
        assert answer.status == 200 and answer.body
        assert answer.reset is not None or ("grpc-status", "4") in answer.trailers
    assert server.the_call().ended.wait(5)


@pytest.mark.parametrize("value", ["99999999H", "5124095H", "99999999S", "99999999n"])
def test_long_deadlines(front, value):
    """Longer than a clock of 64 bits has nanoseconds for, and shorter than that."""
    with grpc_server({}) as server:
        with H2Client((gateway := front(server)).host, gateway.port) as client:
            assert call(client, "/good", ("grpc-timeout", value)).trailers == [("grpc-status", "0")]


@pytest.mark.parametrize("value", ["", "1", "m", "-1m", "1.5S", "123456789m", "1x"])
def test_deadline_that_is_none(front, value):
    """Refused, or left to the server; no accident either way."""
    with grpc_server({}) as server:
        with H2Client((gateway := front(server)).host, gateway.port) as client:
            answer = call(client, "/good", ("grpc-timeout", value))
            assert answer.get("grpc-status") in ("3", "13") or answer.trailers == [("grpc-status", "0")]


@pytest.mark.parametrize("name, wrong, right", [("grpc-timeout", "1x", "8S"), ("x-bin", "!!!", "AAAA")])
def test_a_client_cannot_spoil_the_connection_of_the_others(front, name, wrong, right):
    """gRPC's C++ library remembers with a name in its header table that the value which came first was wrong, and fails
    every later request of the connection that refers to it."""
    with GrpcServer() as server:
        gateway = front(server)
        for value in (wrong, right, right):
            with H2Client(gateway.host, gateway.port) as client:
                answer = call(client, SERVICE + "Echo", (name, value))
        assert dict(answer.trailers).get("grpc-status") == "0", answer.headers


def test_the_earlier_of_deadline_and_timeout(gateway, server):
    with channel(f"{gateway.host}:{gateway.port}") as opened:
        begin = time.monotonic()
        with pytest.raises(grpc.RpcError) as raised:
            opened.unary_unary(SERVICE + "Hold")(b"", metadata=[("x-route", "timed")], timeout=8)
        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert 0.35 < time.monotonic() - begin < 6


# --- servers that break off


@pytest.mark.parametrize("code", [Code.CANCEL, Code.INTERNAL_ERROR, Code.ENHANCE_YOUR_CALM])
def test_reset_before_the_answer(front, code):
    with grpc_server({"/reset": lambda stream: stream.wait_complete().reset(code)}) as server:
        gateway = front(server)
        with H2Client(gateway.host, gateway.port) as client:
            answer = call(client, "/reset")
            assert (answer.status, answer.get("grpc-status"), answer.cause) == (200, "14", "upstream_reset")
            assert call(client, "/good").trailers == [("grpc-status", "0")]


def test_reset_in_the_answer(front):
    """The client must not take what it has for the whole."""
    with grpc_server({"/reset": lambda stream: (
            stream.wait_complete().head(("content-type", "application/grpc")).data(framed(b"begun")),
            time.sleep(0.1), stream.reset(Code.INTERNAL_ERROR))}) as server:
        gateway = front(server)
        begin = time.monotonic()
        with H2Client(gateway.host, gateway.port) as client:
            answer = call(client, "/reset")
            assert answer.status == 200 and answer.reset is not None and not answer.trailers
        with channel(f"{gateway.host}:{gateway.port}") as opened:
            with pytest.raises(grpc.RpcError) as raised:
                list(opened.unary_stream("/reset")(b"x", timeout=5))
            assert raised.value.code() is not grpc.StatusCode.OK
        assert time.monotonic() - begin < 4.5, "the clients were told late"


def test_connection_that_breaks(front):
    with grpc_server({"/break": lambda stream: stream.wait_complete().connection.reset()}) as server:
        gateway = front(server)
        with H2Client(gateway.host, gateway.port) as client:
            answer = call(client, "/break")
            assert (answer.status, answer.get("grpc-status"), answer.cause) == (200, "14", "upstream_reset")
            assert call(client, "/good").trailers == [("grpc-status", "0")]


def test_answers_that_are_not_grpc_pass(front):
    """A proxy behind the gateway may answer in HTTP; the client hears what it said."""
    with grpc_server({"/plain": lambda stream: stream.wait_complete().answer(b"busy", status=503)}) as server:
        gateway = front(server)
        with H2Client(gateway.host, gateway.port) as client:
            answer = call(client, "/plain")
            assert (answer.status, bytes(answer.body), answer.cause) == (503, b"busy", None)


def test_client_reset_is_passed_on_as_cancel(front):
    with grpc_server({"/held": lambda stream: stream.ended.wait(20)}) as server:
        gateway = front(server)
        with H2Client(gateway.host, gateway.port) as client:
            stream = client.open(head("/held"), end=False)
            server.wait_streams(1)
            client.send(http2.reset(stream))
            assert server.streams[0].wait_reset(5) == Code.CANCEL
        gateway.wait_metric("sluice_requests_total", 1, cause="client_closed", code="499")


def test_calls_while_draining(gateways):
    """A call on a connection that is still open is served, or refused so that it may be sent elsewhere."""
    with GrpcServer() as server:
        config = ("shutdown: { delay: 1500ms, drain: 5s }\nbackends: { main: { protocol: http2, endpoints: "
                  f"[{server.address}] }} }}\nroutes: [{{ name: all, backends: [{{ name: main }}] }}]\n")
        gateway = gateways(config)
        with channel(f"{gateway.host}:{gateway.port}") as opened:
            held = opened.unary_unary(SERVICE + "Hold").future(b"kept", timeout=10)
            server.wait_calls(1)
            gateway.signal(15)
            wait_until(lambda: gateway.admin_status("/readyz") == 503, 10, "draining")
            assert opened.unary_unary(SERVICE + "Echo")(b"still here", timeout=5) == b"still here"
            threading.Timer(1.8, server.release).start()
            assert held.result() == b"kept"
        assert gateway.wait_exit() == 0
