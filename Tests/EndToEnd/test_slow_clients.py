"""Clients that take their time: who moves, however slowly, is served, and who does not is told why and sent away."""

import contextlib
import struct
import threading
import time

import pytest

from support.gateway import wait_until
from support.http2 import (
    ACK, CONTINUATION, GOAWAY, HEADERS, PREFACE, RESET, SETTINGS, block, data, frame, headers, request, settings,
)
from support.rawhttp import Incomplete, build, get

# Of clients and endpoints that move all the time and may be held up themselves, and for how long they are watched.
PATIENCE, WATCHED = "2s", 3.0
ROOM = 256 << 10

CONFIG = """
listeners:
  - address: 127.0.0.1:${port}
    limits: { headerTimeout: 500ms, idleTimeout: 1s }
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: hurried, match: [{ path: { prefix: /hurried } }], backends: [{ name: main }] }
  - { name: all, idleTimeout: 1s, backends: [{ name: main }] }
"""


@pytest.fixture
def slow(proxies, upstreams):
    # Room for a few segments of loopback's 64 KiB: a smaller window moves by the kernel's timers only.
    return proxies(CONFIG, upstream=upstreams(receive_buffer=ROOM))


@pytest.fixture
def patient(proxies, upstreams):
    text = CONFIG.replace("idleTimeout: 1s", f"idleTimeout: {PATIENCE}")
    return proxies(text, upstream=upstreams(receive_buffer=ROOM))


def cause(proxy, name: str, count: int = 1) -> None:
    proxy.gateway.wait_metric("sluice_requests_total", count, cause=name)


SIZE = 24 << 20


def stream_answer(proxy) -> None:
    """More than the kernel and the gateway hold for a client."""

    def reply(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        for _ in range(SIZE >> 16):
            connection.send(bytes(1 << 16))

    proxy.upstream.reply = reply


def test_a_client_that_reads_slowly_all_the_time(patient):
    """For longer than `idleTimeout` nothing else moves: the gateway and the kernel are full."""
    stream_answer(patient)
    with patient.connect(receive_buffer=ROOM) as client:
        client.send(get())
        got, until = 0, time.monotonic() + WATCHED
        while time.monotonic() < until:
            part = client.sock.recv(32 << 10)
            assert part, f"cut after {got} bytes, although it reads"
            got += len(part)
            time.sleep(0.05)
        while part := client.sock.recv(1 << 18):
            got += len(part)
            if got > SIZE:
                break
    assert patient.gateway.metrics().sum("sluice_requests_total", cause="idle_timeout") == 0


def test_a_client_that_stops_reading(slow):
    """With an answer under way all that can be done is to cut it; the cause is in the metrics."""
    stream_answer(slow)
    with slow.connect(receive_buffer=ROOM) as client:
        client.send(get())
        client.sock.recv(1000)
        cause(slow, "idle_timeout")


def test_an_endpoint_that_reads_slowly_all_the_time(patient):
    def serve(connection):
        connection.read_head()
        until = time.monotonic() + WATCHED
        got = 0
        while time.monotonic() < until:
            got += len(connection.sock.recv(32 << 10))
            time.sleep(0.05)
        while got < SIZE // 2:
            part = connection.sock.recv(1 << 18)
            if not part:
                return
            got += len(part)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    patient.upstream.serve = serve
    with patient.connect() as client:
        client.sock.settimeout(30)
        with contextlib.suppress(ConnectionError):
            client.send(build("POST", "/", "test", f"Content-Length: {SIZE}") + bytes(SIZE))
        assert client.response().status == 200


def test_a_body_that_stops(slow):
    with slow.connect() as client:
        client.send(build("POST", "/", "test", "Content-Length: 100") + b"some")
        with contextlib.suppress(Incomplete):
            response = client.response()
            assert (response.status, response.cause) == (504, "idle_timeout")
    cause(slow, "idle_timeout")


def test_a_chunk_line_that_dribbles(slow):
    """Bytes come all the time, but no body with them: extensions end, and so does patience."""
    with slow.connect() as client:
        client.send(build("POST", "/", "test", "Transfer-Encoding: chunked") + b"5;")
        until = time.monotonic() + 20
        while not client.readable(0.02):
            assert time.monotonic() < until, "it may go on for ever"
            client.send_all_it_takes(b"x" * 20)
        with contextlib.suppress(Incomplete):
            assert client.response().status in (400, 504)


def test_trailers_that_dribble(slow):
    with slow.connect() as client:
        client.send(build("POST", "/", "test", "Transfer-Encoding: chunked") + b"0\r\nX-A: ")
        until = time.monotonic() + 20
        while not client.readable(0.05):
            assert time.monotonic() < until, "it may go on for ever"
            client.send_all_it_takes(b"x")
        with contextlib.suppress(Incomplete):
            assert client.response().status in (408, 431, 504)


# --- HTTP/2


def test_a_header_that_dribbles_in_continuations(slow):
    """Each frame is fast, the header never ends."""
    with slow.connect() as client:
        client.send(PREFACE + settings() + frame(SETTINGS, ACK) + frame(HEADERS, 0, 1, block(request())))
        until = time.monotonic() + 20
        while not client.closed_within(0.1):
            assert time.monotonic() < until, "it may go on for ever"
            client.send_all_it_takes(frame(CONTINUATION, 0, 1, block([("x-a", "b")])))
    assert slow.send(get()).status == 200


def frames(client, seconds: float):
    """(kind, stream) of the frames that come within `seconds` or until the end."""
    buffer, until = bytearray(), time.monotonic() + seconds
    client.sock.settimeout(0.2)
    while time.monotonic() < until:
        while len(buffer) >= 9 and len(buffer) >= 9 + int.from_bytes(buffer[:3], "big"):
            size = int.from_bytes(buffer[:3], "big")
            yield buffer[3], struct.unpack(">I", buffer[5:9])[0]
            del buffer[: 9 + size]
        try:
            part = client.sock.recv(1 << 16)
        except TimeoutError:
            continue
        except ConnectionError:
            return
        if not part:
            return
        buffer += part


def test_a_stream_whose_body_stops(slow):
    """The stream ends, with its cause, and the connection goes on."""
    with slow.connect() as client:
        client.send(PREFACE + settings() + frame(SETTINGS, ACK))
        client.send(headers(1, request("POST"), end=False) + data(1, b"some"))
        # Another stream is busy meanwhile.
        over = threading.Event()

        def chatter():
            stream = 3
            while not over.wait(0.2):
                client.send_all_it_takes(headers(stream, request()))
                stream += 2

        thread = threading.Thread(target=chatter)
        thread.start()
        try:
            for kind, stream in frames(client, 20):
                assert kind != GOAWAY
                # An answer, or the stream's end.
                if stream == 1 and kind in (HEADERS, RESET):
                    break
            else:
                raise AssertionError("it may stand still for ever")
        finally:
            over.set()
            thread.join()
    cause(slow, "idle_timeout")


def test_a_stream_that_nobody_reads(slow):
    """Its window is closed; the others go on."""
    stream_answer(slow)
    with slow.connect() as client:
        client.send(PREFACE + settings() + frame(SETTINGS, ACK) + headers(1, request()))
        cause(slow, "idle_timeout")


# --- many of them


def test_a_crowd_of_slow_clients_costs_nothing_but_memory(slow):
    """Two hundred of every kind; a client in a hurry notices nothing."""
    kinds = [
        b"G", b"GET / HTTP/1.1\r\nX-A: ", build("POST", "/", "test", "Content-Length: 1000000") + b"x",
        PREFACE[:5],
        PREFACE + settings() + frame(HEADERS, 0, 1, block(request())),
    ]
    crowd = [slow.connect().send(kinds[index % len(kinds)]) for index in range(200)]
    try:
        for _ in range(100):
            assert slow.send(get("/hurried")).status == 200
        for client in crowd:
            assert client.closed_within(20), "sent away"
    finally:
        for client in crowd:
            client.close()
    wait_until(lambda: slow.gateway.metrics().sum("sluice_connections_open") == 0, 20, "all have gone")
