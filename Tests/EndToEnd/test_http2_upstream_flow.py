"""Flow control towards endpoints: who does not read stops its own stream, no other, and costs no memory."""

import time

from support import http2
from support.gateway import settle
from support.http2 import Code
from support.http2_server import by_path
from support.http2_upstream import ask, front, servers  # noqa: F401, fixtures among them
from support.rawhttp import Client, build

MIB = 1 << 20


def test_upload_to_an_endpoint_that_does_not_read(front, servers):
    server = servers(lambda stream: stream.ended.wait(30), receive_buffer=65536)
    gateway = front(server)
    before = gateway.rss()
    with Client(gateway.host, gateway.port) as client:
        client.send(build("POST", "/", "test", f"Content-Length: {256 * MIB}"))
        server.wait_streams(1)
        server.reading.clear()
        client.sock.setblocking(False)
        sent = pour(client, 128 * MIB)
        assert sent < 64 * MIB, "nothing stopped it"
        assert gateway.rss() - before < 24 * MIB


def pour(client: Client, most: int) -> int:
    """Sends until nothing has been taken for half a second."""
    sent, since = 0, time.monotonic()
    block = bytes(MIB)
    while time.monotonic() - since < 0.5 and sent < most:
        try:
            sent += client.sock.send(block)
            since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
    return sent


def test_a_stalled_upload_does_not_stop_the_others(front, servers):
    """The endpoint gives one stream no window; the others share the connection with it."""
    server = servers(by_path({"/stalled": lambda stream: stream.ended.wait(30)}), credit=False)
    gateway = front(server)
    with Client(gateway.host, gateway.port) as stalled:
        stalled.send(build("POST", "/stalled", "test", f"Content-Length: {256 * MIB}"))
        stream = server.wait_streams(1)[0]
        stalled.sock.setblocking(False)
        sent = pour(stalled, 128 * MIB)
        stream.wait_body(http2.WINDOW)
        assert sent < 64 * MIB and len(stream.body) == http2.WINDOW
        # The connection's window is for all of them.
        stream.connection.send(http2.window_update(0, MIB))
        for _ in range(3):
            assert ask(gateway, "HTTP/1.1", "POST", "/", b"small").status == 200
        assert len(server.connections) == 1


def test_a_reader_that_sleeps_stops_its_stream_only(front, servers):
    """The endpoint is stopped by the stream's window while the others go on, and memory stays bounded."""
    sent = [0]

    def endless(stream):
        stream.head()
        while True:
            stream.data(bytes(65536))
            sent[0] += 65536

    server = servers(by_path({"/endless": endless}))
    gateway = front(server)
    assert ask(gateway, "HTTP/1.1").status == 200
    before = gateway.rss()
    with Client(gateway.host, gateway.port, receive_buffer=65536) as sleeper:
        sleeper.send(build("GET", "/endless"))
        count = settle(lambda: sent[0])
        assert count < 32 * MIB
        assert gateway.rss() - before < 24 * MIB
        for _ in range(3):
            assert ask(gateway, "HTTP/2").status == 200
        assert len(server.connections) == 1
    assert server.streams[1].wait_reset() == Code.CANCEL
