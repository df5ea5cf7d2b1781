"""What the gateway asks every Triton by itself: which models it has, and how they do. Mocks that are asked say 404."""

import socket
import time

PATHS = ("/v2/models/stats", "/v2/repository/index")
STARTS = (b"GET /v2/models/stats HTTP/1.1\r\n", b"POST /v2/repository/index HTTP/1.1\r\n")
REFUSAL = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Asker:
    """A connection of which nothing has been read yet."""

    def __init__(self, sock: socket.socket):
        self.sock = sock

    def asks(self) -> bool:
        """Waits for the first line, and leaves it unread. Clients may send the same lines: the gateway has a name."""
        while True:
            try:
                seen = self.sock.recv(4096, socket.MSG_PEEK)
            except OSError:
                return False
            if not any(start.startswith(seen[: len(start)]) for start in STARTS) or not seen:
                return False
            if b"\r\n\r\n" in seen:
                return b"\r\nuser-agent: sluice/" in seen.lower() and b"\r\nvia:" not in seen.lower()
            time.sleep(0.001)

    def refuse(self) -> None:
        """Answers until the gateway ends the connection."""
        try:
            while data := self.sock.recv(65536):
                # Bodies have no empty line in them.
                self.sock.sendall(REFUSAL * data.count(b"\r\n\r\n"))
        except OSError:
            pass
