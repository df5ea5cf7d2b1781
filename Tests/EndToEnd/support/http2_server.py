"""An HTTP/2 endpoint that answers, refuses and breaks off as a test tells it, frame by frame (RFC 9113).

Frames and header blocks are written as they are given, right or wrong; see `support.http2`, whose words it uses.
"""

import select
import socket
import struct
import threading

import hpack

from support import http2
from support.http2 import ACK, DATA, END_HEADERS, END_STREAM, FRAME, PREFACE, SETTINGS, WINDOW, Code, Frame
from support.rawhttp import TIMEOUT


class Stream:
    """One request as it arrives, and the means to answer it."""

    def __init__(self, connection: "Connection", number: int, fields: list):
        self.connection = connection
        self.number = number
        self.fields = fields
        self.body = bytearray()
        self.trailers = []
        # The sizes of its DATA frames.
        self.pieces = []
        self.window = connection.initial_window
        # The gateway knew the settings when it opened the stream.
        self.knows_settings = any(
            frame.kind == SETTINGS and frame.flags & ACK for frame in connection.frames)
        self.complete = threading.Event()
        # The gateway's RST_STREAM.
        self.reset_code: Code | None = None
        self.ended = threading.Event()
        # What stopped its script.
        self.failure = None

    def get(self, name: str) -> str | None:
        found = [value for key, value in self.fields if key == name]
        assert len(found) <= 1, f"{name} came {len(found)} times: {found}"
        return found[0] if found else None

    @property
    def path(self) -> str:
        return self.get(":path")

    def wait_body(self, count: int, seconds: float = TIMEOUT) -> None:
        self.connection.server.wait(lambda: len(self.body) >= count, seconds, f"{count} bytes of the body")

    def wait_complete(self, seconds: float = TIMEOUT) -> "Stream":
        self.connection.server.wait(self.is_over, seconds, "the end of the request")
        return self

    def is_over(self) -> bool:
        return self.complete.is_set() or self.reset_code is not None or self.connection.closed.is_set()

    def wait_reset(self, seconds: float = TIMEOUT) -> Code:
        self.connection.server.wait(lambda: self.reset_code is not None, seconds, "RST_STREAM")
        return self.reset_code

    # --- answering

    def head(self, *fields: tuple, status: int = 200, end: bool = False) -> "Stream":
        self.connection.send(http2.headers(self.number, [(":status", str(status)), *fields], end))
        return self

    def data(self, payload: bytes, end: bool = False) -> "Stream":
        """DATA as the gateway's windows allow; waits for them."""
        sent = 0
        while sent < len(payload):
            count = self.connection.take_window(self, len(payload) - sent)
            part = payload[sent : sent + count]
            sent += count
            self.connection.send(http2.data(self.number, part, end and sent == len(payload)))
        if end and not payload:
            self.connection.send(http2.data(self.number, end=True))
        return self

    def finish(self, *trailers: tuple) -> None:
        self.connection.send(http2.headers(self.number, list(trailers)))

    def answer(self, body: bytes = b"ok", *fields: tuple, status: int = 200) -> None:
        self.head(("content-length", str(len(body))), *fields, status=status)
        self.data(body, end=True)

    def reset(self, code: int = Code.CANCEL) -> None:
        self.connection.send(http2.reset(self.number, code))

    def grant(self, count: int) -> None:
        """Window for the request's body, of the stream and of the connection."""
        self.connection.send(http2.window_update(self.number, count), http2.window_update(0, count))


class Connection:
    """One connection that the gateway made."""

    def __init__(self, server: "Http2Server", sock: socket.socket, number: int):
        self.server = server
        self.sock = sock
        self.number = number
        self.decoder = hpack.Decoder()
        self.streams: dict[int, Stream] = {}
        self.frames: list[Frame] = []
        self.settings: dict[int, int] = {}
        self.window = WINDOW
        self.sending = threading.Lock()
        self.closed = threading.Event()
        self.failure = None

    @property
    def initial_window(self) -> int:
        return self.settings.get(http2.INITIAL_WINDOW, WINDOW)

    def send(self, *frames: bytes) -> "Connection":
        with self.sending:
            self.sock.sendall(b"".join(frames))
        return self

    def goaway(self, last: int, code: int = Code.NO_ERROR) -> None:
        self.send(http2.goaway(code, last))

    def reset(self) -> None:
        """Ends the connection with RST, once the thread that reads from it has let go."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        self.sock.shutdown(socket.SHUT_RDWR)

    def received(self, kind: int) -> list:
        """Frames of a kind so far."""
        with self.server.lock:
            return [frame for frame in self.frames if frame.kind == kind]

    def wait_end(self, seconds: float = TIMEOUT) -> bool:
        return self.closed.wait(seconds)

    def take_window(self, stream: Stream, most: int) -> int:
        """Waits until some of a body may be sent and takes it from the windows."""
        self.server.wait(
            lambda: min(self.window, stream.window) > 0 or stream.reset_code is not None or self.closed.is_set(),
            3 * TIMEOUT, "window")
        if stream.reset_code is not None or self.closed.is_set():
            raise ConnectionError("the gateway gave the stream up")
        with self.server.lock:
            count = min(self.window, stream.window, FRAME, most)
            self.window -= count
            stream.window -= count
        return count

    # --- reading

    def exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            self.server.reading.wait()
            more = self.receive(count - len(data))
            if not more:
                raise EOFError
            data += more
        return bytes(data)

    def receive(self, most: int) -> bytes:
        if not self.server.context:
            return self.sock.recv(most)
        # OpenSSL must not be called from two threads at once, and scripts send meanwhile.
        if not self.sock.pending():
            select.select([self.sock], [], [])
        with self.sending:
            return self.sock.recv(most)

    def converse(self) -> None:
        assert self.exactly(len(PREFACE)) == PREFACE, "no preface"
        self.send(http2.settings(*self.server.settings))
        while True:
            length = self.exactly(9)
            payload = self.exactly(int.from_bytes(length[:3], "big"))
            frame = Frame(length[3], length[4], int.from_bytes(length[5:], "big"), payload)
            with self.server.lock:
                # Bodies are kept with their streams.
                if frame.kind != DATA:
                    self.frames.append(frame)
                self.take(frame)
                self.server.lock.notify_all()

    def take(self, frame: Frame) -> None:
        if frame.kind == SETTINGS and not frame.flags & ACK:
            before = self.initial_window
            self.settings |= dict(struct.iter_unpack(">HI", frame.payload))
            for stream in self.streams.values():
                stream.window += self.initial_window - before
            self.send(http2.frame(SETTINGS, ACK))
        elif frame.kind == http2.PING and not frame.flags & ACK:
            self.send(http2.ping(frame.payload, ACK))
        elif frame.kind == http2.WINDOW_UPDATE:
            count = int.from_bytes(frame.payload, "big")
            if not frame.stream:
                self.window += count
            elif frame.stream in self.streams:
                self.streams[frame.stream].window += count
        elif frame.kind == http2.HEADERS:
            self.take_headers(frame)
        elif frame.kind == DATA:
            self.take_data(self.streams[frame.stream], frame)
        elif frame.kind == http2.RESET:
            stream = self.streams.get(frame.stream)
            assert stream, "RST_STREAM for a stream that never was"
            stream.reset_code = frame.code
            stream.ended.set()
        elif frame.kind == http2.CONTINUATION:
            raise AssertionError("a header block longer than a frame")

    def take_headers(self, frame: Frame) -> None:
        assert frame.flags & END_HEADERS, "a header block longer than a frame"
        assert not frame.flags & (http2.PADDED | http2.PRIORITISED), "padding or priority"
        fields = self.decoder.decode(frame.payload)
        stream = self.streams.get(frame.stream)
        if stream:
            stream.trailers = fields
        else:
            stream = self.streams[frame.stream] = Stream(self, frame.stream, fields)
            self.server.streams.append(stream)
            threading.Thread(target=self.serve, args=(stream,), daemon=True).start()
        if frame.flags & END_STREAM:
            stream.complete.set()

    def take_data(self, stream: Stream, frame: Frame) -> None:
        stream.body += frame.payload
        stream.pieces.append(len(frame.payload))
        if frame.flags & END_STREAM:
            stream.complete.set()
        if self.server.credit and frame.payload:
            stream.grant(len(frame.payload))

    def serve(self, stream: Stream) -> None:
        try:
            self.server.serve(stream)
        except (OSError, AssertionError) as error:
            stream.failure = error


class Http2Server:
    """Listens on 127.0.0.1. `serve(stream)` is called, in a thread of its own, for each request head.

    `credit` returns window for what arrives; `settings` are announced first; a connection is read while `reading` is
    set.
    """

    def __init__(self, serve=None, settings: list = ((http2.STREAMS, 1000),), credit: bool = True, context=None,
                 receive_buffer: int | None = None):
        self.serve = serve or answering()
        self.settings = settings
        self.credit = credit
        self.context = context
        self.lock = threading.Condition(threading.RLock())
        self.reading = threading.Event()
        self.reading.set()
        self.released = threading.Event()
        self.connections: list[Connection] = []
        self.streams: list[Stream] = []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(128)
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Http2Server":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        self.reading.set()
        self.released.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            open_ones = [each for each in self.connections if not each.closed.is_set()]
        for connection in open_ones:
            try:
                connection.close()
            except OSError:
                pass

    def release(self) -> None:
        """Lets every script that waits in `hold` go on."""
        self.released.set()

    def hold(self, seconds: float = 30) -> None:
        assert self.released.wait(seconds), "nobody released the endpoint"

    def wait(self, condition, seconds: float = TIMEOUT, what: str = "condition") -> None:
        with self.lock:
            assert self.lock.wait_for(condition, seconds), f"not within {seconds} s: {what}"

    def wait_streams(self, count: int, seconds: float = TIMEOUT) -> list:
        self.wait(lambda: len(self.streams) >= count, seconds, f"{count} streams, only {len(self.streams)} came")
        return list(self.streams)

    def wait_connections(self, count: int, seconds: float = TIMEOUT) -> list:
        self.wait(lambda: len(self.connections) >= count, seconds,
                  f"{count} connections, only {len(self.connections)} came")
        return list(self.connections)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                connection = Connection(self, sock, len(self.connections))
                self.connections.append(connection)
                self.lock.notify_all()
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: Connection) -> None:
        try:
            if self.context:
                connection.sock = self.context.wrap_socket(connection.sock, server_side=True)
            connection.converse()
        except (OSError, EOFError, AssertionError, hpack.HPACKError) as error:
            connection.failure = error
        finally:
            connection.sock.close()
            with self.lock:
                connection.closed.set()
                for stream in connection.streams.values():
                    stream.ended.set()
                self.lock.notify_all()


# --- scripts


def answering(body: bytes = b"ok", *fields: tuple, status: int = 200):
    """Reads the request and answers."""

    def serve(stream: Stream) -> None:
        if stream.wait_complete().complete.is_set():
            stream.answer(body, *fields, status=status)

    return serve


def echoing(stream: Stream) -> None:
    """Sends the body back, and its trailers."""
    stream.wait_complete()
    if stream.trailers:
        stream.head()
        stream.data(bytes(stream.body))
        stream.finish(*stream.trailers)
    else:
        stream.answer(bytes(stream.body))


def by_path(scripts: dict, default=None):
    """A script for each path."""

    def serve(stream: Stream) -> None:
        scripts.get(stream.path, default or answering())(stream)

    return serve
