"""A tunnel's bytes, and how its two directions come to their ends."""

import os
import random
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.gateway import wait_until
from support.rawhttp import answer, get
from support.websocket import SWITCHING, echo, switching, tunnel

MIB = 1 << 20
# What may be held of a direction that nobody reads: the kernel lets each of
# four socket buffers grow up to 6 MiB, and the gateway holds little beside.
HELD = 32 * MIB


def test_what_follows_the_switch_at_once(proxy):
    """Bytes in the same segment as the 101 belong to the tunnel."""

    def serve(connection):
        connection.read_head()
        connection.send(SWITCHING + b"first words")
        echo(connection)

    proxy.upstream.serve = serve
    with tunnel(proxy) as client:
        assert client.reader.exactly(11, "greeting") == b"first words"
        client.send(b"x")
        assert client.reader.exactly(1, "echo") == b"x"


def test_the_rest_of_an_upload_is_delivered(proxy):
    """The client ends its side: the endpoint gets all of it, then the end, and may go on sending."""
    data = os.urandom(MIB) * 8
    got = []

    def serve(connection):
        connection.sock.settimeout(30)
        got.append(connection.reader.exactly(len(data), "data"))
        got.append(connection.reader.fill())
        connection.send(b"all there, " + b"y" * MIB)

    proxy.upstream.serve = switching(serve)
    with tunnel(proxy, timeout=30) as client:
        client.send(data).shut_writing()
        assert client.rest(30) == b"all there, " + b"y" * MIB
    assert got == [data, False]


def test_the_rest_of_a_download_is_delivered(proxy):
    """The endpoint ends its side: the client gets all of it, then the end, and may go on sending."""
    data = os.urandom(MIB) * 8
    got = []

    def serve(connection):
        connection.send(data)
        connection.sock.shutdown(socket.SHUT_WR)
        connection.sock.settimeout(30)
        while connection.reader.fill():
            pass
        got.append(bytes(connection.reader.buffer))

    proxy.upstream.serve = switching(serve)
    with tunnel(proxy, timeout=30) as client:
        assert client.rest(30) == data
        # Enough to fill what is on the way, so that the gateway hears of the endpoint's socket again and again.
        client.send(b"z" * 16 * MIB).shut_writing()
        wait_until(lambda: got, 60, "the endpoint sees the end")
    assert got == [b"z" * 16 * MIB]


@pytest.mark.parametrize("direction", ["up", "down"])
def test_the_end_waits_for_what_is_in_front_of_it(proxies, upstreams, direction):
    """Whatever the amount: at one of these, the end is there while the gateway holds the last bytes before it."""
    proxy = proxies(upstream=upstreams(receive_buffer=64 << 10))
    got, ended = [], threading.Event()

    def serve(connection):
        connection.sock.settimeout(30)
        if direction == "up":
            ended.wait(0.2)
            while connection.reader.fill():
                pass
            got.append(len(connection.reader.buffer))
        else:
            connection.send(bytes(amount))
            connection.sock.shutdown(socket.SHUT_WR)
            ended.set()
            connection.wait_end()

    proxy.upstream.serve = switching(serve)
    for amount in range(0, 6 * MIB, 96 << 10):
        ended.clear()
        with tunnel(proxy, receive_buffer=64 << 10, timeout=30) as client:
            if direction == "up":
                client.send(bytes(amount)).shut_writing()
                ended.set()
                wait_until(lambda: got, 30, "the endpoint sees the end")
            else:
                ended.wait(0.2)
                got.append(len(client.rest(30)))
        assert got.pop() == amount


def test_last_words_of_a_client_that_closes(proxy):
    """What a client sends and closes behind, after the endpoint has ended: it is neither lost nor a failure."""
    got = []

    def serve(connection):
        connection.sock.shutdown(socket.SHUT_WR)
        while connection.reader.fill():
            pass
        got.append(bytes(connection.reader.buffer))

    for _ in range(20):
        proxy.upstream.serve = switching(serve)
        with tunnel(proxy) as client:
            client.expect_end()
            client.send(b"goodbye")
        wait_until(lambda: got, 10, "the endpoint sees the end")
        assert got.pop() == b"goodbye"


def test_both_at_once(proxy):
    """Neither direction waits for the other, however full both are."""
    data = bytes(16 * MIB)

    def serve(connection):
        sender = threading.Thread(target=lambda: connection.send(data))
        sender.start()
        connection.sock.settimeout(60)
        connection.reader.exactly(len(data), "data", sink=lambda part: None)
        sender.join()

    proxy.upstream.serve = switching(serve)
    with tunnel(proxy, timeout=60) as client:
        sender = threading.Thread(target=lambda: client.send(data))
        sender.start()
        client.reader.exactly(len(data), "data", sink=lambda part: None)
        sender.join()
        client.expect_end(30)


def fill(sock, data: bytes) -> int:
    """Sends until nothing more is taken for a second; how much that was."""
    sock.settimeout(1)
    sent = 0
    try:
        while sent < 16 * HELD:
            sent += sock.send(data)
    except TimeoutError:
        pass
    return sent


def test_a_client_that_does_not_read_stops_the_endpoint(proxies):
    proxy = proxies()
    sent = []
    go_on = threading.Event()

    def serve(connection):
        sent.append(fill(connection.sock, bytes(MIB)))
        go_on.wait(30)
        connection.sock.settimeout(30)
        connection.reader.exactly(MIB, "the other direction")

    proxy.upstream.serve = switching(serve)
    before = proxy.gateway.rss()
    with tunnel(proxy, receive_buffer=64 << 10, timeout=30) as client:
        wait_until(lambda: sent, 60, "the endpoint is stopped")
        assert sent[0] < HELD
        assert proxy.gateway.rss() - before < 8 * MIB
        # The other direction is free, and none of what was held is lost.
        client.send(b"x" * MIB)
        go_on.set()
        assert len(client.rest(30)) == sent[0]


def test_an_endpoint_that_does_not_read_stops_the_client(proxies, upstreams):
    proxy = proxies(upstream=upstreams(receive_buffer=64 << 10))
    got = []
    go_on = threading.Event()

    def serve(connection):
        connection.send(b"free")
        go_on.wait(60)
        connection.sock.settimeout(30)
        connection.reader.buffer.clear()
        count = 0
        while data := connection.sock.recv(MIB):
            count += len(data)
        got.append(count)

    proxy.upstream.serve = switching(serve)
    before = proxy.gateway.rss()
    with tunnel(proxy) as client:
        sent = fill(client.sock, bytes(MIB))
        assert sent < HELD
        assert proxy.gateway.rss() - before < 8 * MIB
        assert client.reader.exactly(4, "greeting") == b"free"
        go_on.set()
        client.shut_writing()
        wait_until(lambda: got, 60, "the endpoint has read all")
    assert got == [sent]


def test_the_client_resets(proxy):
    """The endpoint hears of it."""
    ended = threading.Event()

    def serve(connection):
        if connection.wait_end():
            ended.set()

    proxy.upstream.serve = switching(serve)
    tunnel(proxy).reset()
    assert ended.wait(10)
    labels = {"code": "101", "cause": "client_closed"}
    assert proxy.gateway.wait_metric("sluice_requests_total", 1, **labels)


def test_the_endpoint_resets(proxies):
    """What it had sent is delivered, the client's connection ends, and the endpoint keeps its good name."""
    proxy = proxies()

    def serve(connection):
        connection.reader.exactly(2, "a word")
        connection.send(b"last words")
        connection.reset()

    proxy.upstream.serve = switching(serve)
    for _ in range(8):
        with tunnel(proxy) as client:
            client.send(b"go")
            assert client.rest() in (b"", b"last words")
    labels = {"code": "101", "cause": "upstream_reset"}
    assert proxy.gateway.wait_metric("sluice_requests_total", 8, **labels) == 8
    proxy.upstream.serve = None
    assert proxy.send(get()).status == 200


def test_the_connection_is_not_used_again(proxy):
    """Neither by the client nor for another request to the endpoint, whatever is sent on it."""

    def serve(connection):
        connection.reader.exactly(len(get("/hidden")), "what looks like a request")
        connection.send(answer(b"forged"))

    proxy.upstream.serve = switching(serve)
    with tunnel(proxy) as client:
        client.send(get("/hidden"))
        assert client.rest() == answer(b"forged")
    proxy.upstream.serve = None
    proxy.upstream.reply = answer(b"real")
    assert proxy.send(get("/next")).body == b"real"
    assert [request.target for request in proxy.upstream.requests] == ["/ws", "/next"]


def test_many_ends_at_random(proxy):
    """Whoever ends first, and however, nothing is left over."""
    rng = random.Random(7)

    def serve(connection):
        pace = rng.random()
        if pace < 0.3:
            connection.send(b"x" * rng.randrange(1, 100_000))
        if pace < 0.1:
            connection.reset()
        elif pace < 0.5:
            echo(connection)
        elif pace < 0.7:
            connection.sock.shutdown(socket.SHUT_WR)
            connection.wait_end(5)

    proxy.upstream.serve = switching(serve)
    metrics = proxy.gateway.metrics
    wait_until(lambda: metrics().sum("sluice_requests_in_flight") == 0, 20, "what came before has ended")
    before = metrics().sum("sluice_requests_total")

    def one(seed: int):
        chance = random.Random(seed)
        try:
            with tunnel(proxy) as client:
                client.send(b"y" * chance.randrange(1, 100_000))
                kind = chance.random()
                if kind < 0.3:
                    client.reset()
                elif kind < 0.6:
                    client.shut_writing()
                    client.rest()
        except (OSError, AssertionError):
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(200)))
    wait_until(lambda: metrics().sum("sluice_requests_in_flight") == 0, 20, "every tunnel has ended")
    assert metrics().sum("sluice_requests_total") - before == 200
    proxy.upstream.serve = None
    assert proxy.send(get()).status == 200
    wait_until(lambda: metrics().sum("sluice_connections_open") == 0, 20, "every connection is closed")
