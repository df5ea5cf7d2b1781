"""What HTTP/2 lets an attacker do cheaply: each way ends the attacker's connection and nobody else's.

The limits are those of HTTP2Limits. How a stall ends is left to its unit tests, which need not wait a minute for it.
"""

import contextlib
import struct
import threading
import time

import pytest

from support.gateway import wait_until
from support.http2 import (
    ACK, CONTINUATION, DATA, END_STREAM, FRAME, HEADERS, INITIAL_WINDOW, LARGEST_WINDOW, PADDED, PREFACE, SETTINGS,
    STREAMS, WINDOW, Code, Fault, block, connect, data, frame, header_frames, headers, integer, ping, priority, request,
    reset, settings, text, window_update,
)
from support.rawhttp import Incomplete, answer, get

MIB = 1 << 20
ASK = request()
POST = request("POST")
# What an attack may leave behind in a process that has served nothing before: buffers of a connection and its streams.
GROWTH = 16 * MIB
# For a request that has nothing to wait for, on a machine that may stop everybody for a while; and the processor's time
# that the gateway may spend on an attack, and on the neighbour meanwhile.
PATIENCE = 8
PROCESSOR = 2


class Neighbour:
    """A client with a connection of its own, which asks one question after another while the context lasts."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.slowest, self.answered, self.failure = 0.0, 0, None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        try:
            with connect(self.proxy) as client:
                while not self.stopping.is_set():
                    began = time.monotonic()
                    assert client.get("/neighbour").status == 200
                    self.slowest = max(self.slowest, time.monotonic() - began)
                    self.answered += 1
        except Exception as failure:
            self.failure = failure

    def __enter__(self) -> "Neighbour":
        self.thread.start()
        wait_until(lambda: self.answered or self.failure, what="the neighbour is answered")
        self.before = self.answered
        self.spent = self.proxy.gateway.cpu_seconds()
        return self

    def __exit__(self, *_) -> None:
        wait_until(lambda: self.answered > self.before or self.failure, what="the neighbour is answered meanwhile")
        self.stopping.set()
        self.thread.join(10)
        assert self.failure is None, self.failure
        assert self.slowest < PATIENCE
        assert self.proxy.gateway.cpu_seconds() - self.spent < PROCESSOR


@contextlib.contextmanager
def harmless(proxy):
    """What happens in this context costs the neighbour nothing, and leaves nothing behind."""
    gateway = proxy.gateway
    assert proxy.send(get("/warm")).status == 200
    before = gateway.rss()
    with Neighbour(proxy):
        yield
        assert gateway.rss() - before < GROWTH
    proxy.upstream.release()
    wait_until(lambda: gateway.metrics().sum("sluice_requests_in_flight") == 0, what="nothing in flight")
    wait_until(lambda: gateway.metrics().sum("sluice_connections_open", protocol="http2") == 0, what="no connection")


def aborts(proxy, reason: str) -> float:
    listener = f"{proxy.gateway.host}:{proxy.gateway.port}"
    return proxy.gateway.metrics().sum("sluice_http2_aborts_total", listener=listener, reason=reason)


def calmed(proxy, reason: str, *frames: bytes, client=None) -> None:
    """The connection that sends these ends with GOAWAY ENHANCE_YOUR_CALM, which is counted with its reason."""
    before = aborts(proxy, reason)
    with harmless(proxy), client or connect(proxy) as attacker:
        attacker.send_all_it_takes(*frames)
        while (fault := attacker.fault()).kind == "reset":
            pass
        assert fault == Fault("goaway", Code.ENHANCE_YOUR_CALM)
        attacker.expect_end()
        wait_until(lambda: aborts(proxy, reason) == before + 1, what=f"one more {reason}")


# --- frames that ask for nothing


OPEN = headers(1, POST, end=False)

FLOODS = {
    "SETTINGS": ("settings", settings(), 150),
    "SETTINGS of windows": ("settings", settings((INITIAL_WINDOW, 1), (INITIAL_WINDOW, LARGEST_WINDOW)), 150),
    "PING": ("pings", ping(), 300),
    "PING acknowledged": ("pings", ping(flags=ACK), 300),
    "PRIORITY": ("idle_frames", priority(1, 3), 800),
    "PRIORITY of ever new streams": ("idle_frames", None, 800),
    "PRIORITY_UPDATE": ("idle_frames", frame(0x10, 0, 0, struct.pack(">I", 1) + b"u=1"), 800),
    "unknown frames": ("idle_frames", frame(0xEE, 0, 0, b"x"), 800),
    "empty DATA": ("empty_frames", data(1), 150),
    "DATA of padding": ("empty_frames", frame(DATA, PADDED, 1, bytes(256).replace(b"\0", b"\xff", 1)), 150),
    "WINDOW_UPDATE": ("window_updates", window_update(0, 1), 1500),
    "WINDOW_UPDATE of a stream": ("window_updates", window_update(1, 1), 1500),
    "RST_STREAM of one stream": ("resets", reset(1), 1300),
}


@pytest.mark.parametrize("reason, one, count", FLOODS.values(), ids=FLOODS.keys())
def test_floods(proxy, reason, one, count):
    proxy.upstream.reply = lambda asked, connection: answer() if asked.method == "GET" else proxy.upstream.hold()
    frames = [priority(stream, 0) for stream in range(1, 2 * count, 2)] if one is None else [one] * count
    calmed(proxy, reason, OPEN, *frames)


def test_acknowledgements_of_nothing(proxy):
    with harmless(proxy), connect(proxy) as client:
        client.send_all_it_takes(*[frame(SETTINGS, ACK)] * 3)
        assert client.fault() == Fault("goaway", Code.PROTOCOL_ERROR)
        client.expect_end()


def test_as_many_as_clients_send_are_no_attack(proxy):
    with connect(proxy) as client:
        client.send(*[settings((INITIAL_WINDOW, WINDOW))] * 20, *[ping()] * 50, *[priority(1, 3)] * 200)
        client.send(*[window_update(0, 1000)] * 500)
        client.settle()
        for _ in range(100):
            stream = client.open(ASK)
            client.send(window_update(stream, 1), priority(stream, 0))
            assert client.answer(stream).status == 200


# --- streams that are opened for nothing


def streams(count: int):
    return range(1, 2 * count, 2)


def test_rapid_reset(proxy):
    """CVE-2023-44487."""
    proxy.upstream.reply = lambda asked, connection: answer() if asked.method == "GET" else proxy.upstream.hold()
    head = block(POST)
    calmed(proxy, "cancellations", *[header_frames(one, head) + reset(one) for one in streams(3000)])


PROVOCATIONS = {
    "window overflow": lambda one: headers(one, POST, end=False) + window_update(one, LARGEST_WINDOW),
    "malformed head": lambda one: headers(one, [("a", "b")]),
    "connection field": lambda one: headers(one, [*ASK, ("connection", "close")]),
    "body too long": lambda one: headers(one, [*POST, ("content-length", "1")], end=False) + data(one, b"xx"),
    "body too short": lambda one: headers(one, [*POST, ("content-length", "2")], end=False) + data(one, b"x", end=True),
    "second head": lambda one: headers(one, POST, end=False) * 2,
    "bad trailers": lambda one: headers(one, POST, end=False) + headers(one, [(":path", "/")]),
}


@pytest.mark.parametrize("provoke", PROVOCATIONS.values(), ids=PROVOCATIONS.keys())
def test_made_you_reset(proxy, provoke):
    """CVE-2025-8671: the gateway is made to reset streams whose requests it has passed on."""
    calmed(proxy, "provoked_resets", *[provoke(one) for one in streams(200)])


def test_more_streams_than_announced(proxy):
    """The endpoint answers none of them; those within the limit are kept until the connection ends."""
    proxy.upstream.reply = lambda asked, connection: answer() if asked.method == "GET" else proxy.upstream.hold()
    client = connect(proxy)
    client.settle()
    frames = [headers(one, POST) for one in streams(client.settings[STREAMS] + 1)]
    before = aborts(proxy, "concurrent_streams")
    with harmless(proxy), client:
        client.send_all_it_takes(*frames)
        assert client.fault().code in (Code.PROTOCOL_ERROR, Code.ENHANCE_YOUR_CALM)
        client.expect_end()
        wait_until(lambda: aborts(proxy, "concurrent_streams") == before + 1, what="it is counted")


# --- header blocks


def test_continuation_flood(proxy):
    """CVE-2024-27316."""
    calmed(proxy, "continuations", frame(HEADERS, END_STREAM, 1, block(ASK)), *[frame(CONTINUATION, 0, 1, b"")] * 1000)


def test_continuation_flood_with_fields(proxy):
    part = block([("x-a", "y" * 100)])
    calmed(proxy, "continuations", frame(HEADERS, END_STREAM, 1, block(ASK)), *[frame(CONTINUATION, 0, 1, part)] * 1000)


def test_a_header_block_without_end(proxy):
    part = block([("x-a", "y" * (FRAME - 100))])
    calmed(proxy, "header_block", frame(HEADERS, END_STREAM, 1, block(ASK)), *[frame(CONTINUATION, 0, 1, part)] * 8)


def test_hpack_bomb(proxy):
    """4 KiB in the table, and one byte for each time they are meant (RFC 7541 section 7.3)."""
    entry = b"\x40" + text("x-bomb") + text("b" * 3900)
    calmed(proxy, "decoded_headers", header_frames(1, block(ASK) + entry + integer(62, 7, 0x80) * 5000))


@pytest.mark.parametrize(
    "more",
    [
        pytest.param([("x-a", "y" * 65_500)], id="one long field"),
        pytest.param([("x-a", "y")] * 1500, id="many fields"),
        pytest.param([(f"x-{index}", "y" * 1000) for index in range(70)], id="many long fields"),
        pytest.param([("cookie", "a=" + "b" * 1000)] * 70, id="crumbs"),
    ],
)
def test_a_header_list_above_the_limit_is_answered(proxy, more):
    """No attack: the connection stays, and its compression state is right for what follows."""
    with connect(proxy) as client:
        refused = client.answer(client.open(request("GET", "/", *more)))
        assert (refused.status, refused.cause) == (431, "headers_too_large")
        assert client.get().status == 200
    assert [asked.target for asked in proxy.requests_after_marker()] == ["/"]


def test_a_field_longer_than_all_may_be(proxy):
    """The decoder does not take it, so the connection has lost its compression state."""
    with harmless(proxy), connect(proxy) as client:
        client.send_all_it_takes(headers(1, request("GET", "/", ("x-a", "y" * 70_000))))
        assert client.fault().kind == "goaway"
        client.expect_end()


# --- slowness


def test_streams_without_window(proxy):
    """Answers that nobody lets through cost their streams and no more."""
    proxy.upstream.reply = lambda asked, connection: answer(bytes(MIB if asked.target == "/large" else 1))
    with harmless(proxy), connect(proxy, hello=PREFACE + settings((INITIAL_WINDOW, 0))) as client:
        opened = [client.open(request("GET", "/large")) for _ in range(50)]
        client.until(lambda: all(client.answers[stream].status == 200 for stream in opened))
        assert not any(client.answers[stream].body for stream in opened)
        client.send(reset(opened[0]), window_update(opened[1], MIB))
        assert len(client.answer(opened[1]).body) == MIB


def test_windows_of_one_byte(proxy):
    """A client that takes its answers byte by byte gets them so."""
    proxy.upstream.reply = answer(b"0123456789" * 30)
    with harmless(proxy), connect(proxy, credit=False, hello=PREFACE + settings((INITIAL_WINDOW, 1))) as client:
        stream = client.open(ASK)
        for size in range(1, 301):
            client.until(lambda: len(client.answers[stream].body) == size)
            client.send(window_update(stream, 1))
        assert client.answer(stream).body == b"0123456789" * 30


def test_slow_bodies_on_many_streams(proxy):
    with harmless(proxy), connect(proxy) as client:
        opened = [client.open(POST, end=False) for _ in range(120)]
        for _ in range(5):
            client.send(*[data(stream, b"x") for stream in opened])
            client.settle()
        client.send(*[data(stream, b"x", end=True) for stream in opened])
        assert all(client.answer(stream).status == 200 for stream in opened)


def test_a_socket_that_is_not_read(proxy):
    """Requests whose answers nobody takes from the socket; the client's own window would let them all through."""
    proxy.upstream.reply = lambda asked, connection: answer(bytes(4 * MIB if asked.target == "/large" else 1))
    hello = PREFACE + settings((INITIAL_WINDOW, LARGEST_WINDOW)) + window_update(0, 1 << 30)
    with harmless(proxy):
        client = connect(proxy, hello=hello, receive_buffer=16_384)
        for stream in streams(30):
            client.send(headers(stream, request("GET", "/large")))
        client.send(*[ping()] * 100)
        proxy.upstream.wait_requests(31)
        time.sleep(0.5)
        client.sock.close()


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(PREFACE[:10], id="half a preface"),
        pytest.param(PREFACE, id="no SETTINGS"),
        pytest.param(PREFACE + settings(), id="no request"),
        pytest.param(PREFACE + settings() + frame(HEADERS, 0, 1, block(ASK)), id="half a head"),
        pytest.param(PREFACE + settings() + frame(HEADERS, 0, 1, block(ASK))[:20], id="half a frame"),
    ],
)
def test_connections_that_say_too_little(proxies, start):
    """As over HTTP/1.1: who has not finished a head in time is sent away."""
    proxy = proxies("""
listeners: [{ address: "127.0.0.1:${port}", limits: { headerTimeout: 300ms, idleTimeout: 500ms } }]
backends: { main: { endpoints: [{address}] } }
routes: [{ name: all, backends: [{ name: main }] }]
""")
    with proxy.connect() as client:
        client.send_all_it_takes(start)
        client.rest()

    def is_served() -> bool:
        # A client that is stopped between connecting and sending has not said enough in time either.
        try:
            return proxy.send(get()).status == 200
        except (Incomplete, ConnectionError):
            return False

    wait_until(is_served, what="another client is served")
