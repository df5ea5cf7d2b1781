"""WebSocket endpoints and clients: those of the `websockets` package, and scripted ones that say what they like."""

import base64
import contextlib
import hashlib
import threading

from websockets.sync.client import connect
from websockets.sync.server import serve

from support.rawhttp import Response, build

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ASKING = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}"]


def accept(key: str = KEY) -> str:
    """What a server answers to a key (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def ask(path: str = "/ws", host: str = "test", *fields: str) -> bytes:
    """A request for WebSocket."""
    return build("GET", path, host, *ASKING, *fields)


SWITCHING = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {accept()}\r\n\r\n"
).encode()


def switching(serve=None):
    """A script for `MockUpstream.serve` that agrees and hands the connection to `serve`; without one it echoes."""

    def script(connection):
        connection.upstream.record(connection, connection.read_head())
        connection.send(SWITCHING)
        (serve or echo)(connection)

    return script


def echo(connection) -> None:
    """Sends back what comes, and ends when the other side has."""
    while True:
        if connection.reader.buffer:
            connection.send(bytes(connection.reader.buffer))
            connection.reader.buffer.clear()
        if not connection.reader.fill():
            return


@contextlib.contextmanager
def server(handler=None, **options):
    """A server of the `websockets` package on a free port; it echoes messages if nothing else is said."""

    def repeat(socket):
        for message in socket:
            socket.send(message)

    options = {"max_size": None, "compression": None} | options
    with serve(handler or repeat, "127.0.0.1", 0, **options) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        running.address = "127.0.0.1:%d" % running.socket.getsockname()[1]
        yield running
        running.shutdown()
        thread.join()


def open_socket(gateway, path: str = "/ws", scheme: str = "ws", host: str = "localhost", **options):
    """A client of the `websockets` package, through the gateway."""
    options = {"max_size": None, "compression": None, "proxy": None, "open_timeout": 30} | options
    return connect(f"{scheme}://{host}:{gateway.port}{path}", **options)


def tunnel(proxy, path: str = "/ws", **options):
    """A raw client whose connection has become a tunnel."""
    client = proxy.connect(**options).send(ask(path))
    head = client.reader.head(Response)
    assert head.status == 101, head.raw_head
    return client
