"""Endpoints that reset, break and speak broken HTTP/2: the client hears of it, and the next request is served."""

import struct
import threading

import pytest

from support import http2
from support.gateway import Gateway
from support.http2 import Code, H2Client
from support.http2_server import Http2Server, by_path
from support.http2_upstream import VERSIONS, ask, config, front, servers, version  # noqa: F401, fixtures among them
from support.mock_upstream import MockUpstream
from support.rawhttp import Client, Incomplete, answer, build

MIB = 1 << 20


# --- resets


@pytest.mark.parametrize("code", [Code.CANCEL, Code.INTERNAL_ERROR, Code.PROTOCOL_ERROR, Code.ENHANCE_YOUR_CALM])
def test_reset_before_the_answer(front, servers, version, code):
    server = servers(by_path({"/reset": lambda stream: stream.wait_complete().reset(code)}))
    gateway = front(server)
    got = ask(gateway, version, "POST", "/reset", b"x")
    assert (got.status, got.cause) == (502, "upstream_reset")
    assert ask(gateway, version).status == 200
    assert len(server.connections) == 1, "the others of the connection have nothing to do with it"


def test_reset_in_the_answer(front, servers, version):
    begun = threading.Event()

    def serve(stream):
        stream.head().data(b"begun")
        begun.wait(10)
        stream.reset(Code.INTERNAL_ERROR)

    gateway = front(servers(serve))
    # The client has the beginning, waits for nothing but the end, and is told of it before its patience is over.
    if version == "HTTP/2":
        with H2Client(gateway.host, gateway.port) as client:
            stream = client.open(http2.request())
            client.until(lambda: client.answers[stream].body == b"begun")
            begun.set()
            got = client.answer(stream)
            assert got.reset is not None and not got.ended, "half an answer passed as a whole one"
    else:
        with Client(gateway.host, gateway.port) as client:
            client.send(build("GET", "/"))
            assert client.readable(10)
            begun.set()
            with pytest.raises(Incomplete):
                client.response()
    gateway.wait_metric("sluice_requests_total", 1, cause="upstream_reset")


@pytest.mark.parametrize("how", ["close", "reset"])
def test_the_connection_breaks(front, servers, version, how):
    server = servers(by_path({"/break": lambda stream: getattr(stream.wait_complete().connection, how)()}))
    gateway = front(server)
    assert ask(gateway, version).status == 200
    got = ask(gateway, version, "POST", "/break", b"x")
    assert (got.status, got.cause) == (502, "upstream_reset")
    assert ask(gateway, version).status == 200


def test_client_that_leaves_cancels_its_stream(front, servers, version):
    server = servers(by_path({"/held": lambda stream: stream.ended.wait(20)}))
    gateway = front(server)
    assert ask(gateway, version).status == 200
    if version == "HTTP/2":
        with H2Client(gateway.host, gateway.port) as client:
            stream = client.open(http2.request(path="/held"))
            server.wait_streams(2)
            client.send(http2.reset(stream))
            assert server.streams[1].wait_reset() == Code.CANCEL
            assert client.get("/").status == 200
    else:
        with Client(gateway.host, gateway.port) as client:
            client.send(build("GET", "/held"))
            server.wait_streams(2)
        assert server.streams[1].wait_reset() == Code.CANCEL
    assert ask(gateway, version).status == 200
    assert len(server.connections) == 1


def test_timeouts_cancel_the_stream(front, servers, version):
    server = servers(lambda stream: stream.ended.wait(20))
    gateway = front(server, "timeouts: { firstByte: 300ms }")
    got = ask(gateway, version)
    assert (got.status, got.cause) == (504, "first_byte_timeout")
    assert server.streams[0].wait_reset() == Code.CANCEL
    assert not server.connections[0].closed.is_set()


# --- what no endpoint may say


def fields(*pairs):
    """A stream error: a head that is not one."""
    return lambda stream: stream.wait_complete().connection.send(http2.headers(stream.number, list(pairs)))


def raw(make):
    """A connection error: bytes made from the stream's number."""
    return lambda stream: stream.wait_complete().connection.send(make(stream.number))


OK = (":status", "200")
MALFORMED = {
    "no status": fields(("server", "x")),
    "two statuses": fields(OK, OK),
    "status of letters": fields((":status", "abc")),
    "status of two digits": fields((":status", "20")),
    "status with a sign": fields((":status", "+200")),
    "101": fields((":status", "101")),
    "pseudo-header of a request": fields(OK, (":path", "/")),
    "unknown pseudo-header": fields(OK, (":x", "y")),
    "late pseudo-header": fields(("server", "x"), OK),
    "upper case": fields(OK, ("X-Upper", "1")),
    "empty name": fields(OK, ("", "1")),
    "space in a name": fields(OK, ("x y", "1")),
    "colon in a name": fields(OK, ("x:y", "1")),
    "line feed in a value": fields(OK, ("x", "a\nset-cookie: b")),
    "carriage return in a value": fields(OK, ("x", "a\rb")),
    "NUL in a value": fields(OK, ("x", "a\0b")),
    "connection": fields(OK, ("connection", "close")),
    "transfer-encoding": fields(OK, ("transfer-encoding", "chunked")),
    "keep-alive": fields(OK, ("keep-alive", "timeout=5")),
    "upgrade": fields(OK, ("upgrade", "h2c")),
    "two lengths": fields(OK, ("content-length", "1"), ("content-length", "2")),
    "length of letters": fields(OK, ("content-length", "abc")),
    "length and no body": fields(OK, ("content-length", "5")),
    "interim answer that ends": fields((":status", "103")),
    "body first": raw(lambda number: http2.data(number, b"early")),
    "header block of garbage": raw(lambda number: http2.header_frames(number, b"\xff" * 20)),
    "PUSH_PROMISE": raw(lambda number: http2.frame(
        http2.PUSH_PROMISE, http2.END_HEADERS, number, struct.pack(">I", 2) + http2.block(http2.request()))),
    "frame too large": raw(lambda number: http2.frame(http2.DATA, 0, number, bytes(20_000))),
    "CONTINUATION alone": raw(lambda number: http2.frame(http2.CONTINUATION, http2.END_HEADERS, number)),
    "HEADERS on stream 0": raw(lambda number: http2.headers(0, [OK])),
    "window above the limit": raw(lambda number: http2.window_update(0, http2.LARGEST_WINDOW)),
    "SETTINGS of five bytes": raw(lambda number: http2.frame(http2.SETTINGS, 0, 0, bytes(5))),
}


@pytest.mark.parametrize("script", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_answers(malformed, script):
    gateway, server = malformed
    for version in VERSIONS:
        server.serve = by_path({"/bad": script})
        got = ask(gateway, version, "POST", "/bad", b"x")
        assert (got.status, got.cause) == (502, "upstream_protocol")
        assert ask(gateway, version).status == 200


@pytest.fixture(scope="module")
def malformed(tmp_path_factory):
    with Http2Server() as server:
        with Gateway(config(server), tmp_path_factory.mktemp("gateway")) as gateway:
            yield gateway, server


LATE = {
    "body shorter than its length": lambda stream: stream.head(("content-length", "10")).data(b"short", end=True),
    "body longer than its length": lambda stream: stream.head(("content-length", "5")).data(b"much longer", end=True),
    "pseudo-header in trailers": lambda stream: stream.head().data(b"x").finish(OK),
    "trailers that do not end": lambda stream: (
        stream.head().data(b"x"), stream.connection.send(http2.headers(stream.number, [("x", "y")], end=False))),
    "upper case in trailers": lambda stream: stream.head().data(b"x").finish(("X-Upper", "1")),
}


@pytest.mark.parametrize("script", LATE.values(), ids=LATE.keys())
def test_malformed_behind_the_head(malformed, script):
    """Too late for a 502: the answer is broken off, or refused if none of it has left yet."""
    gateway, server = malformed
    server.serve = by_path({"/bad": script})
    for version in VERSIONS:
        got = ask(gateway, version, "GET", "/bad")
        assert got.broken or (got.status, got.cause) == (502, "upstream_protocol"), got
        assert ask(gateway, version).status == 200


def test_head_without_bound(front, servers):
    """What is more than the gateway said it takes is refused, and its memory stays what it was."""
    def serve(stream):
        stream.wait_complete()
        stream.connection.send(http2.headers(
            stream.number, [OK, *((f"x-{number}", "y" * 1000) for number in range(300))]))

    gateway = front(servers(by_path({"/large": serve})))
    assert ask(gateway, "HTTP/1.1").status == 200
    before = gateway.rss()
    got = ask(gateway, "HTTP/1.1", path="/large")
    assert (got.status, got.cause) == (502, "upstream_protocol")
    assert gateway.rss() - before < 8 * MIB
    assert ask(gateway, "HTTP/1.1").status == 200


def test_endpoint_that_speaks_http1(front):
    def serve(connection):
        connection.send(answer(b"what is this?", "400 Bad Request"))

    with MockUpstream(serve=serve) as upstream:
        got = ask(front(upstream), "HTTP/1.1", "POST", "/", b"x")
        assert (got.status, got.cause) == (502, "upstream_protocol")
