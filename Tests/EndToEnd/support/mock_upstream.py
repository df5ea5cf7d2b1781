"""A threaded endpoint that answers as a test tells it and remembers every byte it was sent."""

import select
import socket
import threading
import time

from support.model_questions import Asker
from support.rawhttp import TIMEOUT, Incomplete, Malformed, Reader, Request, answer, reset


class Connection:
    """One connection that the gateway made."""

    def __init__(self, upstream: "MockUpstream", sock: socket.socket, number: int):
        self.upstream = upstream
        self.sock = sock
        self.number = number
        self.reader = Reader(sock)
        self.requests = []
        # Set when the gateway ended the connection, or the endpoint did.
        self.closed = threading.Event()
        self.failure = None

    @property
    def received(self) -> bytes:
        return bytes(self.reader.received)

    def read_head(self) -> Request:
        """The next request's head; its body stays unread."""
        return self.reader.head(Request)

    def read_request(self, sink=None) -> Request:
        return self.reader.request(sink)

    def send(self, data: bytes) -> "Connection":
        self.sock.sendall(data)
        return self

    def reset(self) -> None:
        reset(self.sock)

    def wait_end(self, seconds: float = TIMEOUT) -> bool:
        """Reads on until the gateway ends the connection; false if it has not after `seconds`."""
        self.sock.settimeout(seconds)
        deadline = time.monotonic() + seconds
        try:
            while self.reader.fill():
                if time.monotonic() > deadline:
                    return False
        except TimeoutError:
            return False
        except OSError:
            pass
        return True


class MockUpstream:
    """Listens on `host`, on a free port unless one is named, or at a `path` of the file system.

    `reply` is what each complete request gets: bytes, or a callable `(request, connection) -> bytes | None`.
    `serve`, a callable `(connection)`, takes the connection over instead, from the first byte of a request on; it
    returns True when it has read a whole request and answered it, else the connection ends.
    Either may be replaced at any time; a connection uses what is set when its next request comes. With `greet`, `serve`
    is called as soon as a connection is made.

    What the gateway asks by itself, which models there are and how they do, is answered 404 and counts nowhere, unless
    `hears_questions`.
    """

    def __init__(
        self,
        reply=None,
        serve=None,
        receive_buffer: int | None = None,
        greet: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        path=None,
        hears_questions: bool = False,
    ):
        self.greet = greet
        self.hears_questions = hears_questions
        self.undecided = set()
        self.reply = reply or answer()
        self.serve = serve
        self.lock = threading.Condition()
        self.connections = []
        self.requests = []
        self.accepted = 0
        self.released = threading.Event()
        self.stopping = False
        self.listener = self._listen_at(path) if path else self._listen(host, port, receive_buffer)
        self.port = 0 if path else self.listener.getsockname()[1]
        self.address = f"unix:{path}" if path else f"127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def _listen_at(path) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(512)
        return listener

    @staticmethod
    def _listen(host: str, port: int, receive_buffer: int | None) -> socket.socket:
        # `::` takes both families, for names that stand for addresses of both.
        listener = socket.socket(socket.AF_INET6 if ":" in host and socket.has_ipv6 else socket.AF_INET)
        if listener.family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        listener.bind((host, port))
        listener.listen(512)
        return listener

    def __enter__(self) -> "MockUpstream":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        """Closes the port and every connection."""
        self.stopping = True
        self.released.set()
        # Wakes the thread in accept(), which close() alone does not.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            open_ones = [c.sock for c in self.connections if not c.closed.is_set()] + list(self.undecided)
        for sock in open_ones:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    # --- what the tests ask

    def clear(self) -> None:
        """Forgets requests, connections that have ended and the script; open connections stay."""
        self._settle()
        with self.lock:
            self.reply = answer()
            self.serve = None
            self.requests = []
            self.released = threading.Event()
            self.connections = [c for c in self.connections if not c.closed.is_set()]
            for connection in self.connections:
                connection.reader.received.clear()
                connection.requests.clear()

    def _settle(self, seconds: float = 1) -> None:
        """Waits until all that has arrived is read, ends too: what a thread reads late would count for the next test.

        A script that does not read at all is not waited for longer than `seconds`.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            poll = select.poll()
            with self.lock:
                open_ones = [c.sock for c in self.connections if not c.closed.is_set()] + list(self.undecided)
                for sock in open_ones:
                    if sock.fileno() >= 0:
                        poll.register(sock, select.POLLIN)
            if not poll.poll(0):
                return
            time.sleep(0.001)

    def received(self) -> bytes:
        """Every byte of every connection since `clear`."""
        with self.lock:
            return b"".join(connection.received for connection in self.connections)

    def wait_requests(self, count: int, seconds: float = TIMEOUT) -> list:
        """The requests read so far, once there are `count`."""
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.requests) >= count, seconds), (
                f"{len(self.requests)} of {count} requests within {seconds} s"
            )
            return list(self.requests)

    def wait_connections(self, count: int, seconds: float = TIMEOUT) -> list:
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.connections) >= count, seconds), (
                f"{len(self.connections)} of {count} connections within {seconds} s"
            )
            return list(self.connections)

    def record(self, connection: Connection, request: Request) -> None:
        """Counts a request that a `serve` script has read."""
        with self.lock:
            self.requests.append(request)
            connection.requests.append(request)
            self.lock.notify_all()

    def release(self) -> None:
        """Lets every script that waits in `hold` go on."""
        self.released.set()

    def hold(self, seconds: float = 30) -> None:
        assert self.released.wait(seconds), "nobody released the endpoint"

    def holding(self, data: bytes = b""):
        """A reply that waits for `release` before it answers."""

        def reply(request, connection):
            self.hold()
            return data or answer()

        return reply

    # --- threads

    def _accept(self) -> None:
        while not self.stopping:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.greet or self.hears_questions:
                threading.Thread(target=self._run, args=(self._count(sock),), daemon=True).start()
            else:
                with self.lock:
                    self.undecided.add(sock)
                threading.Thread(target=self._decide, args=(sock,), daemon=True).start()

    def _decide(self, sock: socket.socket) -> None:
        """Tells connections for the gateway's own questions from those for requests, by their first bytes."""
        asker = Asker(sock)
        try:
            if asker.asks():
                asker.refuse()
                sock.close()
                return
        finally:
            with self.lock:
                self.undecided.discard(sock)
        self._run(self._count(sock))

    def _count(self, sock: socket.socket) -> Connection:
        with self.lock:
            connection = Connection(self, sock, self.accepted)
            self.accepted += 1
            self.connections.append(connection)
            self.lock.notify_all()
        return connection

    def _run(self, connection: Connection) -> None:
        try:
            if self.greet:
                self.serve(connection)
            else:
                self._converse(connection)
        except (OSError, Incomplete, Malformed, AssertionError) as error:
            connection.failure = error
        finally:
            connection.sock.close()
            with self.lock:
                connection.closed.set()
                self.lock.notify_all()

    def _converse(self, connection: Connection) -> None:
        """Requests one after another, until the gateway or the script ends it."""
        while True:
            if not connection.reader.buffer and not connection.reader.fill():
                return
            if self.serve:
                if self.serve(connection) is not True:
                    return
                continue
            request = connection.read_request()
            self.record(connection, request)
            reply = self.reply
            data = reply(request, connection) if callable(reply) else reply
            if data is None:
                return
            connection.send(data)


def refused_port():
    """A socket that holds a port and refuses connections to it; keep it while the port is in use."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


class SilentPort:
    """A port whose connections are never established: its queue of waiting connections is full."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        # A backlog of 0 still takes one connection; more are tried until one is not answered.
        for _ in range(4):
            filler = socket.socket()
            filler.settimeout(0.3)
            self.fillers.append(filler)
            try:
                filler.connect(("127.0.0.1", self.port))
            except TimeoutError:
                return
        raise RuntimeError("the listen queue does not fill up")

    def __enter__(self) -> "SilentPort":
        return self

    def __exit__(self, *_) -> None:
        for sock in [*self.fillers, self.listener]:
            sock.close()
