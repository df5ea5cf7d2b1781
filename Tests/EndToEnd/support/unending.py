"""Servers whose answers have no end, for `MockUpstream.serve`. Each goes on until the gateway has had enough."""

import time
from collections.abc import Callable

from support.mock_upstream import Connection


def endless(unit: bytes, start: bytes = b"", content_type: str = "application/json", size: int = 1 << 16) -> Callable[[Connection], None]:
    """A chunked answer: `start`, and then nothing but `unit` again and again, in pieces of about `size` bytes, as fast as it
    is taken."""
    content = unit * (size // len(unit))
    piece = b"%x\r\n%s\r\n" % (len(content), content)

    def serve(connection: Connection) -> None:
        connection.read_request()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        connection.send(head + (b"%x\r\n%s\r\n" % (len(start), start) if start else b""))
        while True:
            connection.send(piece)

    return serve


def dripping(unit: bytes = b" ", start: bytes = b"", pause: float = 0.1) -> Callable[[Connection], None]:
    """An answer of known length, which comes a `unit` at a time: there is always something, and never enough."""

    def serve(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + start)
        while True:
            connection.send(unit)
            time.sleep(pause)

    return serve
