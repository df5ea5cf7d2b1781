"""Thousands of small changes to valid messages: whatever comes, the gateway lives and passes on nothing malformed.

The seeds are fixed, so a failure is the same on every run.
"""

import random

import pytest

from support.gateway import wait_until
from support.rawhttp import Incomplete, Malformed, answer, build, chunked, get, post

SEEDS = range(3)

REQUESTS = [
    get("/v2/models/a?x=1", "example.com", "Accept: */*", "Connection: keep-alive"),
    post(b'{"inputs":[]}', "/v2/models/a/infer", "example.com", "Content-Type: application/json"),
    build("POST", "/c", "example.com", "Transfer-Encoding: chunked", "TE: trailers")
    + chunked(b"hello", b"0123456789abcdef", trailers=b"X-Sum: 1\r\n"),
    build("POST", "/e", "example.com", "Expect: 100-continue", "Content-Length: 5") + b"hello",
    b"GET http://example.com/a%20b HTTP/1.1\r\nHost: example.com\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
    b"GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    build(
        "HEAD",
        "/h",
        "example.com",
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "X-Request-Id: a",
    ),
    build("OPTIONS", "*", "[::1]:80"),
]
ANSWERS = [
    answer(b"hello", "200 OK", "Content-Type: text/plain", "Connection: keep-alive"),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    + chunked(b"hello", b"world!", trailers=b"X-Sum: 1\r\n"),
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(b"ok"),
    b"HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nuntil the end",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
]
PIECES = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\x00",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"0",
    b"-1",
    b"+",
    b"0x",
    b"ffffffffffffffff",
    b"\xff",
    b"%2f",
    b"%00",
    b"..",
    b"\\",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: b\r\n",
    b"\r\n ",
    b"HTTP/1.1",
    b"99999999999999999999",
    b"Connection: close\r\n",
]


def mutate(chance: random.Random, data: bytes) -> bytes:
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            data[at:at] = chance.choice(PIECES)
        elif kind == 1:
            del data[at : at + chance.choice((1, 1, 2, 5))]
        elif kind == 2 and at < len(data):
            data[at] = chance.randrange(256)
        elif kind == 3:
            data[at : at + chance.randrange(1, 6)] = chance.choice(PIECES)
        else:
            piece = bytes(data[at : at + chance.randrange(1, 40)])
            to = chance.randrange(len(data) + 1)
            data[to:to] = piece
    return bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_mutated_requests(proxy, seed):
    """Two in a row, then the end of the stream: all answers and all that the endpoint gets are well-formed."""
    chance = random.Random(seed)
    for _ in range(1500):
        first, second = (mutate(chance, chance.choice(REQUESTS)) for _ in range(2))
        with proxy.connect() as client:
            client.send_all_it_takes(first + second)
            try:
                client.shut_writing()
            except OSError:
                pass
            received = client.rest()
        assert received == b"" or received.startswith(b"HTTP/1.1 "), (first, second, received)
    strange = [
        (c.failure, c.received[-300:])
        for c in proxy.upstream.connections
        if isinstance(c.failure, (Malformed, AssertionError))
    ]
    assert not strange
    proxy.upstream.clear()
    assert proxy.send(get("/alive")).status == 200
    wait_until(lambda: proxy.gateway.metrics().sum("sluice_requests_in_flight") == 0, what="nothing in flight")


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_mutated_answers(proxy, seed):
    """The client sees a well-formed message or one that breaks off, and the next client gets its own answer."""
    chance = random.Random(1000 + seed)
    data = b""

    def reply(request, connection):
        if request.target.startswith("/own"):
            return answer(request.target.encode())
        connection.send(data)
        return b"" if chance.random() < 0.1 else None

    proxy.upstream.reply = reply
    for number in range(400):
        data = mutate(chance, chance.choice(ANSWERS))
        with proxy.connect(timeout=0.4) as client:
            client.send(get("/mutated"))
            try:
                client.response()
            except Incomplete:
                pass
            except TimeoutError:
                # The endpoint kept the connection open inside an unfinished message: both sides wait, as they must.
                pass
            except Malformed as failure:
                raise AssertionError(f"{data!r} came through as {bytes(client.reader.received)!r}: {failure}") from None
        target = f"/own/{number}"
        assert proxy.send(get(target)).body == target.encode(), data
