"""Connections that have served one request each and stay open."""

import select
import socket

from machine import Problem
from peers import AUTHORIZATION
from protocols import PATH

REQUEST = f"GET {PATH} HTTP/1.1\r\nHost: bench\r\nAuthorization: {AUTHORIZATION}\r\n\r\n".encode()
# So few are under way at once that the proxy's peak is its idle connections, not its work.
AT_ONCE = 8
# Clients come from several addresses, so that the ports of one are no limit.
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 6)]
IP_BIND_ADDRESS_NO_PORT = 24


class Crowd:
    """Many idle clients of one port."""

    def __init__(self, port: int):
        self.port = port
        self.clients: list[socket.socket] = []

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.close()

    def grow(self, count: int) -> None:
        """Opens `count` more, a few at a time, and uses each once."""
        wanted = len(self.clients) + count
        while len(self.clients) < wanted:
            few = [self.connect() for _ in range(min(AT_ONCE, wanted - len(self.clients)))]
            for client in few:
                client.sendall(REQUEST)
            for client in few:
                expect_answer(client)

    def connect(self) -> socket.socket:
        client = socket.socket()
        self.clients.append(client)
        client.settimeout(10)
        client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        client.bind((ADDRESSES[len(self.clients) % len(ADDRESSES)], 0))
        client.connect(("127.0.0.1", self.port))
        return client

    def require_open(self) -> None:
        """Raises Problem if the proxy has closed any of them."""
        poll = select.poll()
        for client in self.clients:
            poll.register(client, select.POLLIN)
        closed = len(poll.poll(0))
        if closed:
            raise Problem(f"the proxy closed {closed} of {len(self.clients)} idle connections")


def expect_answer(client: socket.socket) -> None:
    """Reads one answer of a length that its head tells."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += read_some(client)
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise Problem(f"the answer was {head.split(bytes([13]))[0].decode(errors='replace')!r}")
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields[b"content-length"]):
        body += read_some(client)


def read_some(client: socket.socket) -> bytes:
    received = client.recv(65536)
    if not received:
        raise Problem("the proxy closed a connection instead of answering")
    return received
