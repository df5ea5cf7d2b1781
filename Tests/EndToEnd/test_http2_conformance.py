"""RFC 9113 and RFC 7541, rule by rule: what a client may send is answered, and what it may not is the right error.

The rules are those that the conformance suite h2spec walks through, under its section numbers, which are RFC 7540's.
"""

import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

from support.http2 import (
    ACK, CONTINUATION, DATA, ENABLE_PUSH, END_HEADERS, END_STREAM, FRAME, FRAME_SIZE, GOAWAY, HEADERS, INITIAL_WINDOW,
    LARGEST_WINDOW, PADDED, PING, PREFACE, PRIORITISED, PRIORITY, PUSH_PROMISE, RESET, SETTINGS, STREAMS, WINDOW_UPDATE,
    Code, Fault, block, connect, data, dependent, frame, goaway, header_frames, headers, integer, literal, ping,
    priority, request, reset, settings, text, window_update,
)
from support.rawhttp import answer

ASK = request()
BLOCK = block(ASK)
POST = request("POST")
GET = headers(1, ASK)
OPEN = headers(1, POST, end=False)
HALF = frame(HEADERS, END_STREAM, 1, BLOCK)  # END_HEADERS is still to come
REST = block([("x-a", "b")])
BODY = b"hello, world"

huffman = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode


@pytest.fixture
def client(proxy):
    proxy.upstream.reply = answer(BODY)
    with connect(proxy) as client:
        yield client


def cases(table: dict):
    return pytest.mark.parametrize("frames, codes", table.values(), ids=table.keys())


def serves_on(client) -> None:
    """A request on the next stream is answered."""
    client.last = max(client.last, 99)
    assert client.get("/good").status == 200


# --- what is allowed


def represented(pattern: int, bits: int, by_index: bool, coded: bool) -> bytes:
    """One more field, in one of the representations of RFC 7541 section 6.2."""

    def string(value: bytes) -> bytes:
        return integer(len(huffman(value)), 7, 0x80) + huffman(value) if coded else text(value)

    # 58 is user-agent in the static table.
    name = integer(58, bits, pattern) if by_index else integer(0, bits, pattern) + string(b"x-test")
    return name + string(b"a value")


REPRESENTATIONS = {
    f"5 {kind}, {'indexed' if by_index else 'new'} name{', Huffman' if coded else ''}":
        header_frames(1, BLOCK + represented(pattern, bits, by_index, coded))
    for kind, pattern, bits in (("indexing", 0x40, 6), ("not indexed", 0x00, 4), ("never indexed", 0x10, 4))
    for by_index in (True, False)
    for coded in (False, True)
}

ANSWERED = {
    "1 preface": GET,
    "3.1 DATA": OPEN + data(1, b"test", end=True),
    "3.1 several DATA": OPEN + data(1, b"test") * 2 + data(1, b"test", end=True),
    "3.1 padded DATA": OPEN + frame(DATA, END_STREAM | PADDED, 1, b"\x06" + b"test" + bytes(6)),
    "3.2 padded HEADERS": frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, b"\x06" + BLOCK + bytes(6)),
    "3.2 HEADERS with priority":
        frame(HEADERS, END_STREAM | END_HEADERS | PRIORITISED, 1, dependent(0x8000_0000) + BLOCK),
    "3.2 HEADERS with both":
        frame(HEADERS, END_STREAM | END_HEADERS | PRIORITISED | PADDED, 1, b"\x01" + dependent(0) + BLOCK + b"\x00"),
    "3.3 PRIORITY, weight 1": priority(1, 0, 1) + GET,
    "3.3 PRIORITY, weight 256": priority(1, 0, 256) + GET,
    "3.3 PRIORITY, dependency": priority(1, 3) + GET,
    "3.3 PRIORITY, exclusive": priority(1, 0x8000_0003) + GET,
    "3.3 PRIORITY of an idle stream, then a lower one opens": priority(5) + GET,
    "3.9 WINDOW_UPDATE of the connection": window_update(0, 1) + GET,
    "3.9 WINDOW_UPDATE of a stream": OPEN + window_update(1, 1) + data(1, end=True),
    "3.10 CONTINUATION": HALF + frame(CONTINUATION, END_HEADERS, 1, REST),
    "3.10 several CONTINUATION": HALF + frame(CONTINUATION, 0, 1, REST) * 2 + frame(CONTINUATION, END_HEADERS, 1, REST),
    "3.10 empty CONTINUATION": HALF + frame(CONTINUATION, END_HEADERS, 1),
    "4 POST": OPEN + data(1, end=True),
    "4 POST with trailers": OPEN + data(1, b"test") + headers(1, [("x-sum", "1")]),
    "4.2 DATA of 2^14 bytes": OPEN + data(1, bytes(FRAME), end=True),
    "5 indexed field": header_frames(1, b"\x82\x86\x84" + literal(":authority", "test")),
    "5 table size update": header_frames(1, b"\x20" + BLOCK),
    "5 table size updates": header_frames(1, b"\x20" + integer(4096, 5, 0x20) + BLOCK),
    "5.1 WINDOW_UPDATE, half closed": GET + window_update(1, 1),
    "5.1 PRIORITY, half closed": GET + priority(1),
    **REPRESENTATIONS,
}


@pytest.mark.parametrize("frames", ANSWERED.values(), ids=ANSWERED.keys())
def test_answered(client, frames):
    client.send(frames)
    answered = client.answer(1)
    assert (answered.status, answered.body) == (200, BODY)
    serves_on(client)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE"])
def test_methods(client, method):
    stream = client.open(request(method))
    assert client.answer(stream).status == 200


IGNORED = {
    "2 PRIORITY, idle": priority(1),
    "3.4 RST_STREAM": OPEN + reset(1),
    "3.4 RST_STREAM, half closed": GET + reset(1),
    "4.1 unknown type": frame(0x16, 0, 0, b"test"),
    "4.1 unknown type of a stream": frame(0xFF, 0xFF, 1, b"test"),
    "4.1 undefined flags": frame(PING, 0x16, 0, bytes(8)),
    "4.1 reserved bit": frame(PING, 0, 0x8000_0000, bytes(8)),
    "5.5 extension": frame(0x20, 0, 0, bytes(100)),
    "6.5.2 unknown setting": settings((0xFF, 1)),
    "6.5.2 allowed values":
        settings((ENABLE_PUSH, 0), (STREAMS, 0), (INITIAL_WINDOW, LARGEST_WINDOW), (FRAME_SIZE, FRAME)),
    "6.7 PING with ACK": ping(bytes(8), ACK),
    "7 unknown code of RST_STREAM": OPEN + reset(1, 0xFF),
}


@pytest.mark.parametrize("frames", IGNORED.values(), ids=IGNORED.keys())
def test_taken_without_complaint(client, frames):
    client.send(frames)
    client.settle()


def test_2_priority_of_a_closed_stream(client):
    assert client.get().status == 200
    client.send(priority(1), window_update(1, 1), reset(1))
    client.settle()
    serves_on(client)


def test_3_5_settings_come_first_and_are_acknowledged(client):
    first = client.advance()
    assert (first.kind, first.flags, first.stream) == (SETTINGS, 0, 0)
    assert client.settings[STREAMS] >= 100
    while client.advance() != (SETTINGS, ACK, 0, b""):
        pass


def test_6_7_ping_comes_back(client):
    client.send(ping(b"not this", ACK), ping(b"but this"))
    pings = (got for got in iter(client.advance, None) if got.kind == PING)
    assert next(pings) == (PING, ACK, 0, b"but this")


@pytest.mark.parametrize("code", [Code.NO_ERROR, Code.ENHANCE_YOUR_CALM, 0xFF])
def test_3_8_and_7_goaway_lets_open_streams_end(client, code):
    """What was asked before is answered; then there is nothing left to keep the connection for."""
    client.send(OPEN, goaway(code), data(1, b"test", end=True))
    assert client.answer(1).body == BODY
    client.expect_end()


# --- errors of the connection


CONNECTION_ERRORS = {
    "4.2 HEADERS longer than a frame may be":
        (frame(HEADERS, END_STREAM | END_HEADERS, 1, block([*ASK, ("x", "y" * FRAME)])), [Code.FRAME_SIZE_ERROR]),
    "4.3 broken block": (frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\x40"), [Code.COMPRESSION_ERROR]),
    "4.3 PRIORITY inside a block": (HALF + priority(1), [Code.PROTOCOL_ERROR]),
    "4.3 HEADERS inside a block": (HALF + headers(3, ASK), [Code.PROTOCOL_ERROR]),
    "5.1 RST_STREAM, idle": (reset(1), [Code.PROTOCOL_ERROR]),
    "5.1 WINDOW_UPDATE, idle": (window_update(1, 100), [Code.PROTOCOL_ERROR]),
    "5.1 CONTINUATION, idle": (frame(CONTINUATION, END_HEADERS, 1, BLOCK), [Code.PROTOCOL_ERROR]),
    "5.1.1 even stream": (headers(2, ASK), [Code.PROTOCOL_ERROR]),
    "5.1.1 stream lower than the last": (headers(5, ASK) + headers(3, ASK), [Code.PROTOCOL_ERROR]),
    "5.4.1 PING of a stream": (frame(PING, 0, 3, bytes(8)), [Code.PROTOCOL_ERROR]),
    "5.5 extension inside a block": (HALF + frame(0x16, 0, 1, bytes(8)), [Code.PROTOCOL_ERROR]),
    "6.1 DATA of stream 0": (data(0, b"test"), [Code.PROTOCOL_ERROR]),
    "6.1 pad length": (OPEN + frame(DATA, END_STREAM | PADDED, 1, b"\x06test"), [Code.PROTOCOL_ERROR]),
    "6.2 DATA inside a block": (HALF + data(1, b"test"), [Code.PROTOCOL_ERROR]),
    "6.2 HEADERS of stream 0": (headers(0, ASK), [Code.PROTOCOL_ERROR]),
    "6.3 PRIORITY of stream 0": (priority(0), [Code.PROTOCOL_ERROR]),
    "6.4 RST_STREAM of stream 0": (reset(0), [Code.PROTOCOL_ERROR]),
    "6.5 ACK with payload": (frame(SETTINGS, ACK, 0, bytes(6)), [Code.FRAME_SIZE_ERROR]),
    "6.5 SETTINGS of a stream": (frame(SETTINGS, 0, 1, bytes(6)), [Code.PROTOCOL_ERROR]),
    "6.5 SETTINGS of 3 bytes": (frame(SETTINGS, 0, 0, bytes(3)), [Code.FRAME_SIZE_ERROR]),
    "6.5.2 ENABLE_PUSH of 2": (settings((ENABLE_PUSH, 2)), [Code.PROTOCOL_ERROR]),
    "6.5.2 INITIAL_WINDOW_SIZE of 2^31": (settings((INITIAL_WINDOW, 1 << 31)), [Code.FLOW_CONTROL_ERROR]),
    "6.5.2 MAX_FRAME_SIZE of 2^14 - 1": (settings((FRAME_SIZE, FRAME - 1)), [Code.PROTOCOL_ERROR]),
    "6.5.2 MAX_FRAME_SIZE of 2^24": (settings((FRAME_SIZE, 1 << 24)), [Code.PROTOCOL_ERROR]),
    "6.7 PING of 6 bytes": (frame(PING, 0, 0, bytes(6)), [Code.FRAME_SIZE_ERROR]),
    "6.8 GOAWAY of a stream": (frame(GOAWAY, 0, 1, bytes(8)), [Code.PROTOCOL_ERROR]),
    "6.9 increment of 0": (window_update(0, 0), [Code.PROTOCOL_ERROR]),
    "6.9 WINDOW_UPDATE of 3 bytes": (frame(WINDOW_UPDATE, 0, 0, bytes(3)), [Code.FRAME_SIZE_ERROR]),
    "6.9.1 window above 2^31 - 1":
        (window_update(0, LARGEST_WINDOW) * 2, [Code.FLOW_CONTROL_ERROR]),
    "6.10 CONTINUATION, then DATA": (HALF + frame(CONTINUATION, 0, 1, REST) + data(1, b"test"), [Code.PROTOCOL_ERROR]),
    "6.10 CONTINUATION of stream 0": (HALF + frame(CONTINUATION, END_HEADERS, 0, REST), [Code.PROTOCOL_ERROR]),
    "6.10 CONTINUATION behind END_HEADERS": (OPEN + frame(CONTINUATION, END_HEADERS, 1, REST), [Code.PROTOCOL_ERROR]),
    "6.10 CONTINUATION behind the last CONTINUATION":
        (HALF + frame(CONTINUATION, END_HEADERS, 1, REST) * 2, [Code.PROTOCOL_ERROR]),
    "6.10 CONTINUATION behind DATA":
        (OPEN + data(1, b"test") + frame(CONTINUATION, END_HEADERS, 1, REST), [Code.PROTOCOL_ERROR]),
    "8.2 PUSH_PROMISE":
        (GET + frame(PUSH_PROMISE, END_HEADERS, 1, b"\x00\x00\x00\x03" + BLOCK), [Code.PROTOCOL_ERROR]),
    "HPACK 2.3.3 index behind the tables": (header_frames(1, BLOCK + integer(70, 7, 0x80)), [Code.COMPRESSION_ERROR]),
    "HPACK 2.3.3 name index behind the tables":
        (header_frames(1, BLOCK + integer(70, 6, 0x40) + text("a")), [Code.COMPRESSION_ERROR]),
    "HPACK 4.2 size update at the end": (header_frames(1, BLOCK + b"\x21"), [Code.COMPRESSION_ERROR]),
    "HPACK 5.2 padding of 8 bits": (header_frames(1, BLOCK + b"\x00\x01x\x82\x1f\xff"), [Code.COMPRESSION_ERROR]),
    "HPACK 5.2 padding of zeros": (header_frames(1, BLOCK + b"\x00\x01x\x81\x18"), [Code.COMPRESSION_ERROR]),
    "HPACK 5.2 EOS": (header_frames(1, BLOCK + b"\x00\x01x\x84\xff\xff\xff\xff"), [Code.COMPRESSION_ERROR]),
    "HPACK 5.2 length behind the block": (header_frames(1, BLOCK + b"\x00\x01x\x7fabc"), [Code.COMPRESSION_ERROR]),
    "HPACK 5.1 integer without end": (header_frames(1, BLOCK + b"\xff" + b"\x80" * 20), [Code.COMPRESSION_ERROR]),
    "HPACK 6.1 index 0": (header_frames(1, BLOCK + b"\x80"), [Code.COMPRESSION_ERROR]),
    "HPACK 6.3 table above the limit": (header_frames(1, integer(4097, 5, 0x20) + BLOCK), [Code.COMPRESSION_ERROR]),
}


@cases(CONNECTION_ERRORS)
def test_errors_of_the_connection(client, frames, codes):
    client.send_all_it_takes(frames)
    fault = client.fault()
    assert fault.kind == "goaway" and fault.code in codes
    client.expect_end()


def test_3_5_the_first_frame_has_to_be_settings(proxy):
    with connect(proxy, hello=PREFACE + ping()) as client:
        assert client.fault() in (Fault("goaway", Code.PROTOCOL_ERROR), Fault("close"))


@pytest.mark.parametrize(
    "start",
    [
        b"INVALID CONNECTION PREFACE\r\n\r\n",
        PREFACE[:-8] + b"XX\r\n\r\n",
        PREFACE[:14] + b"X" * 40,
        PREFACE.lower(),
        b"PRI * HTTP/2.0\r\nHost: test\r\n\r\n",
    ],
)
def test_3_5_another_preface(proxy, start):
    """Not HTTP/2; what of it is HTTP/1.1 may be answered in that, but the connection ends."""
    with proxy.connect() as client:
        client.send_all_it_takes(start + b"\r\n\r\n")
        said = client.rest()
    assert said == b"" or said.startswith(b"HTTP/1.1 ") and b" 200 " not in said[:13] or said[3] in (SETTINGS, GOAWAY)
    assert proxy.requests_after_marker() == []


# --- errors of a stream


LATE_HEADERS = headers(1, POST)
LATE_CONTINUATION = frame(CONTINUATION, END_HEADERS, 1, REST)


def changed(*fields: tuple, without: str = "", before: tuple = ()) -> bytes:
    """The request with more fields, or without one."""
    return headers(1, [*before, *(field for field in ASK if field[0] != without), *fields])


STREAM_ERRORS = {
    "4.2 DATA longer than a frame may be": (OPEN + data(1, bytes(FRAME + 1), end=True), [Code.FRAME_SIZE_ERROR]),
    "5.1 DATA, idle": (data(1, b"test", end=True), [Code.PROTOCOL_ERROR, Code.STREAM_CLOSED]),
    "5.1 DATA, half closed": (GET + data(1, b"test", end=True), [Code.STREAM_CLOSED]),
    "5.1 HEADERS, half closed": (GET + GET, [Code.STREAM_CLOSED]),
    "5.1 CONTINUATION, half closed": (GET + LATE_CONTINUATION, [Code.STREAM_CLOSED, Code.PROTOCOL_ERROR]),
    "5.1 DATA behind RST_STREAM": (OPEN + reset(1) + data(1, b"test", end=True), [Code.STREAM_CLOSED]),
    "5.1 HEADERS behind RST_STREAM": (OPEN + reset(1) + LATE_HEADERS, [Code.STREAM_CLOSED]),
    "5.1 CONTINUATION behind RST_STREAM":
        (OPEN + reset(1) + LATE_CONTINUATION, [Code.STREAM_CLOSED, Code.PROTOCOL_ERROR]),
    "5.3.1 HEADERS that depend on themselves":
        (frame(HEADERS, END_STREAM | END_HEADERS | PRIORITISED, 1, dependent(1) + BLOCK), [Code.PROTOCOL_ERROR]),
    "5.3.1 PRIORITY that depends on itself": (OPEN + priority(1, 1), [Code.PROTOCOL_ERROR]),
    "5.3.1 PRIORITY of an idle stream that depends on itself": (priority(3, 3), [Code.PROTOCOL_ERROR]),
    "6.2 pad length":
        (frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, bytes([len(BLOCK) + 2]) + BLOCK), [Code.PROTOCOL_ERROR]),
    "6.3 PRIORITY of 4 bytes": (OPEN + frame(PRIORITY, 0, 1, b"\x80\x00\x00\x00"), [Code.FRAME_SIZE_ERROR]),
    "6.4 RST_STREAM of 3 bytes": (OPEN + frame(RESET, 0, 1, bytes(3)), [Code.FRAME_SIZE_ERROR]),
    "6.9 increment of 0": (OPEN + window_update(1, 0), [Code.PROTOCOL_ERROR]),
    "6.9.1 window above 2^31 - 1": (OPEN + window_update(1, LARGEST_WINDOW) * 2, [Code.FLOW_CONTROL_ERROR]),
    "6.9.2 window above 2^31 - 1 by SETTINGS":
        (OPEN + window_update(1, 1 << 30) + settings((INITIAL_WINDOW, LARGEST_WINDOW)), [Code.FLOW_CONTROL_ERROR]),
    "8.1 second HEADERS that do not end": (OPEN + headers(1, [("x-a", "b")], end=False), [Code.PROTOCOL_ERROR]),
    "8.1.2 upper-case name": (changed(("X-TEST", "ok")), [Code.PROTOCOL_ERROR]),
    "8.1.2.1 unknown pseudo-header": (changed(before=((":test", "ok"),)), [Code.PROTOCOL_ERROR]),
    "8.1.2.1 pseudo-header of answers": (changed(before=((":status", "200"),)), [Code.PROTOCOL_ERROR]),
    "8.1.2.1 pseudo-header in trailers":
        (OPEN + data(1, b"test") + headers(1, [(":method", "GET")]), [Code.PROTOCOL_ERROR]),
    "8.1.2.1 pseudo-header behind a field":
        (changed(("x-a", "b"), (":path", "/"), without=":path"), [Code.PROTOCOL_ERROR]),
    "8.1.2.2 connection": (changed(("connection", "keep-alive")), [Code.PROTOCOL_ERROR]),
    "8.1.2.2 te": (changed(("te", "trailers, deflate")), [Code.PROTOCOL_ERROR]),
    "8.1.2.3 empty path": (changed((":path", ""), without=":path"), [Code.PROTOCOL_ERROR]),
    "8.1.2.3 no method": (changed(without=":method"), [Code.PROTOCOL_ERROR]),
    "8.1.2.3 no scheme": (changed(without=":scheme"), [Code.PROTOCOL_ERROR]),
    "8.1.2.3 no path": (changed(without=":path"), [Code.PROTOCOL_ERROR]),
    "8.1.2.3 method twice": (changed(before=((":method", "GET"),)), [Code.PROTOCOL_ERROR]),
    "8.1.2.3 scheme twice": (changed(before=((":scheme", "http"),)), [Code.PROTOCOL_ERROR]),
    "8.1.2.3 path twice": (changed(before=((":path", "/"),)), [Code.PROTOCOL_ERROR]),
    "8.1.2.6 body longer than its length":
        (headers(1, [*POST, ("content-length", "1")], end=False) + data(1, b"test", end=True), [Code.PROTOCOL_ERROR]),
    "8.1.2.6 bodies longer than their length":
        (headers(1, [*POST, ("content-length", "1")], end=False) + data(1, b"t") + data(1, b"t", end=True),
         [Code.PROTOCOL_ERROR]),
}


@cases(STREAM_ERRORS)
def test_errors_of_a_stream(client, frames, codes):
    """An error of the connection, which some of these are, is as right as one of the stream."""
    client.send_all_it_takes(frames)
    fault = client.fault()
    assert fault.code in codes
    if fault.kind == "goaway":
        client.expect_end()
    else:
        serves_on(client)


CLOSED = {
    "5.1 DATA": (data(1, b"test", end=True), [Code.STREAM_CLOSED]),
    "5.1 HEADERS": (GET, [Code.STREAM_CLOSED]),
    "5.1 CONTINUATION": (LATE_CONTINUATION, [Code.STREAM_CLOSED, Code.PROTOCOL_ERROR]),
    "6.1 DATA of a stream that was ended": (data(1), [Code.STREAM_CLOSED]),
}


@cases(CLOSED)
def test_frames_of_a_stream_that_is_over(client, frames, codes):
    assert client.get().status == 200
    client.send_all_it_takes(frames)
    assert client.fault().code in codes


def test_5_1_2_more_streams_than_announced(proxy):
    proxy.upstream.reply = proxy.upstream.holding()
    with connect(proxy) as client:
        client.until(lambda: client.settings)
        most = client.settings[STREAMS]
        client.send_all_it_takes(*[headers(stream, ASK) for stream in range(1, 2 * most + 2, 2)])
        assert client.fault().code in (Code.PROTOCOL_ERROR, Code.REFUSED_STREAM)
        proxy.upstream.release()


# --- windows


def next_data(client):
    while (got := client.advance()) is not None:
        if got.kind == DATA:
            return got
    raise AssertionError("the connection ended")


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(settings((INITIAL_WINDOW, 1)) + GET, id="6.9.1 window of 1"),
        pytest.param(settings((INITIAL_WINDOW, 100), (INITIAL_WINDOW, 1)) + GET, id="6.5.3 the last value counts"),
        pytest.param(
            settings((INITIAL_WINDOW, 0)) + GET + settings((INITIAL_WINDOW, 1)), id="6.9.2 changed behind HEADERS"
        ),
    ],
)
def test_windows_are_kept_to(client, start):
    client.credit = False
    client.send(start)
    assert len(next_data(client).payload) == 1
    client.settle()
    assert len(client.answers[1].body) == 1
    client.send(window_update(1, 100))
    assert client.answer(1).body == BODY


def test_6_9_2_a_window_may_become_negative(client):
    client.credit = False
    client.send(settings((INITIAL_WINDOW, 3)), GET)
    assert len(next_data(client).payload) == 3
    client.send(settings((INITIAL_WINDOW, 2)))
    client.settle()
    client.send(window_update(1, 2))
    assert len(next_data(client).payload) == 1
