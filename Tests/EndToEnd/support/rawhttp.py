"""A client that sends the bytes it is told to send, and a strict reader of HTTP/1 messages (RFC 9112).

The reader serves both sides: `Reader.response` for clients, `Reader.request` for the mock endpoint. It refuses what it
does not understand, so a test that reads a message with it has also checked the message's framing.
"""

import re
import select
import socket
import struct
import time

TIMEOUT = 10
MAX_HEAD = 1 << 20
TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class Incomplete(Exception):
    """The peer ended the connection inside a message; `partial` is what had come."""

    def __init__(self, message: str, partial=None):
        super().__init__(message)
        self.partial = partial


class Malformed(Exception):
    """The peer sent what is not HTTP/1."""


class Message:
    """A request or response head and, once read, its body. Names and values are bytes as received."""

    def __init__(self, start: bytes, headers: list, raw_head: bytes):
        self.start = start
        self.headers = headers
        self.raw_head = raw_head
        self.body = b""
        self.trailers = []
        self.framing = "none"

    def all(self, name: str) -> list:
        """Values of every field of that name, in order."""
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == name.lower().encode()]

    def get(self, name: str, default=None):
        """The only value of the field; a second one is a failure."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else default

    def list(self, name: str) -> list:
        """Elements of a comma-separated field."""
        return [item.strip() for value in self.all(name) for item in value.split(",") if item.strip()]

    def has(self, name: str) -> bool:
        return bool(self.all(name))

    def tokens(self, name: str) -> set:
        return {item.lower() for item in self.list(name)}

    def trailer(self, name: str):
        found = [value.decode("latin-1") for key, value in self.trailers if key.lower() == name.lower().encode()]
        return found[0] if found else None


class Request(Message):
    def __init__(self, start, headers, raw_head):
        super().__init__(start, headers, raw_head)
        parts = start.split(b" ")
        if len(parts) != 3 or parts[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
            raise Malformed(f"request line {start!r}")
        self.method, self.target, self.version = (part.decode("latin-1") for part in parts)


class Response(Message):
    def __init__(self, start, headers, raw_head):
        super().__init__(start, headers, raw_head)
        match = re.fullmatch(rb"(HTTP/1\.[01]) ([1-9][0-9][0-9]) ([^\x00\r\n]*)", start)
        if not match:
            raise Malformed(f"status line {start!r}")
        self.version, self.status, self.reason = match[1].decode(), int(match[2]), match[3].decode("latin-1")
        # 1xx responses that came before this one.
        self.interim = []

    @property
    def cause(self):
        return self.get("x-sluice-cause")


class Reader:
    """Reads messages from a socket, strictly: CRLF only, one framing, no folding."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.buffer = bytearray()
        # Everything received, for tests that look at bytes.
        self.received = bytearray()

    def fill(self) -> bool:
        """Takes one read from the socket; false at the end of the stream."""
        data = self.sock.recv(1 << 18)
        self.buffer += data
        self.received += data
        return bool(data)

    def line(self, what: str) -> bytes:
        while True:
            end = self.buffer.find(b"\n")
            if end >= 0:
                line = bytes(self.buffer[: end + 1])
                del self.buffer[: end + 1]
                if not line.endswith(b"\r\n") or b"\r" in line[:-2] or b"\x00" in line:
                    raise Malformed(f"{what}: {line!r}")
                return line[:-2]
            if len(self.buffer) > MAX_HEAD:
                raise Malformed(f"{what} longer than {MAX_HEAD}")
            try:
                if not self.fill():
                    raise Incomplete(f"end of stream in {what} after {bytes(self.buffer[:200])!r}")
            except ConnectionError as error:
                raise Incomplete(f"{error} in {what}") from None

    def exactly(self, count: int, what: str, sink=None) -> bytes:
        """`count` bytes; with a sink they go there as they come and are not kept."""
        kept = bytearray()
        sink = sink or kept.extend
        left = count
        while left:
            if not self.buffer:
                try:
                    if not self.fill():
                        raise Incomplete(f"end of stream in {what}, {left} of {count} bytes missing", bytes(kept))
                except ConnectionError as error:
                    raise Incomplete(f"{error} in {what}, {left} of {count} bytes missing", bytes(kept)) from None
            part = bytes(self.buffer[:left])
            del self.buffer[: len(part)]
            sink(part)
            left -= len(part)
            if len(self.received) > 1 << 22:
                self.received.clear()
        return bytes(kept)

    def fields(self, what: str):
        headers, raw = [], bytearray()
        while True:
            line = self.line(what)
            raw += line + b"\r\n"
            if not line:
                return headers, bytes(raw)
            name, colon, value = line.partition(b":")
            if not colon or not TOKEN.fullmatch(name):
                raise Malformed(f"{what} field {line!r}")
            headers.append((name, value.strip(b" \t")))

    def head(self, kind):
        start = self.line("start line")
        headers, raw = self.fields("header")
        return kind(start, headers, start + b"\r\n" + raw)

    def body(self, message: Message, sink=None, until_close: bool = False) -> None:
        """Reads the body as RFC 9112 section 6.3 frames it; faulty framing is Malformed."""
        codings, lengths = message.list("transfer-encoding"), message.list("content-length")
        if codings and lengths:
            raise Malformed("both Transfer-Encoding and Content-Length")
        if codings:
            if codings != ["chunked"]:
                raise Malformed(f"Transfer-Encoding {codings}")
            message.framing = "chunked"
            self.chunks(message, sink)
        elif lengths:
            if len(lengths) != 1 or not re.fullmatch("[0-9]{1,18}", lengths[0]):
                raise Malformed(f"Content-Length {lengths}")
            message.framing = "length"
            try:
                message.body = self.exactly(int(lengths[0]), "body", sink)
            except Incomplete as error:
                message.body = error.partial or b""
                error.partial = message
                raise
        elif until_close:
            message.framing = "close"
            try:
                while self.fill():
                    pass
            except ConnectionError as error:
                raise Incomplete(f"{error} in a body that ends with the connection", message) from None
            message.body = bytes(self.buffer)
            self.buffer.clear()

    def chunks(self, message: Message, sink=None) -> None:
        kept = bytearray()
        try:
            while True:
                size = self.line("chunk size").partition(b";")[0]
                if not re.fullmatch(rb"[0-9a-fA-F]{1,16}", size):
                    raise Malformed(f"chunk size {size!r}")
                count = int(size, 16)
                if count == 0:
                    break
                part = self.exactly(count, "chunk", sink)
                kept += part
                if self.exactly(2, "chunk end") != b"\r\n":
                    raise Malformed("chunk data not followed by CRLF")
            message.trailers = self.fields("trailer")[0]
        except Incomplete as error:
            message.body = bytes(kept) + (error.partial if isinstance(error.partial, bytes) else b"")
            error.partial = message
            raise
        message.body = bytes(kept)

    def request(self, sink=None) -> Request:
        request = self.head(Request)
        self.body(request, sink)
        return request

    def response(self, method: str = "GET", sink=None) -> Response:
        """The next final response; interim ones are kept in its `interim`."""
        interim = []
        while True:
            response = self.head(Response)
            if response.status >= 200:
                break
            interim.append(response)
        response.interim = interim
        if method != "HEAD" and response.status not in (204, 304):
            self.body(response, sink, until_close=True)
        return response


def reset(sock: socket.socket) -> None:
    """Ends a connection with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Client:
    """One connection to the gateway; `host` may be the path of a Unix socket, `source` is the client's own address."""

    def __init__(self, host: str, port: int = 0, timeout: float = TIMEOUT, receive_buffer: int | None = None,
                 source: str | None = None):
        is_path = host.startswith("/")
        self.sock = socket.socket(socket.AF_UNIX if is_path else socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.sock.settimeout(timeout)
        if not is_path:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(host if is_path else (host, port))
        self.reader = Reader(self.sock)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        reset(self.sock)

    def send(self, data: bytes) -> "Client":
        self.sock.sendall(data)
        return self

    def send_all_it_takes(self, data: bytes) -> None:
        """Sends although the peer may stop listening, as a client that does not look up from its body does."""
        try:
            self.sock.sendall(data)
        except ConnectionError:
            pass

    def shut_writing(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def response(self, method: str = "GET", sink=None) -> Response:
        return self.reader.response(method, sink)

    def exchange(self, data: bytes, method: str = "GET") -> Response:
        return self.send(data).response(method)

    def readable(self, seconds: float = 0) -> bool:
        """Whether bytes or the end of the stream are there."""
        return bool(self.reader.buffer) or bool(select.select([self.sock], [], [], seconds)[0])

    def closed_within(self, seconds: float) -> bool:
        """Whether the connection ends or breaks within that time, without taking what waits to be read."""
        poll = select.poll()
        poll.register(self.sock, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
        return bool(poll.poll(seconds * 1000))

    def rest(self, seconds: float = TIMEOUT) -> bytes:
        """Everything up to the end of the stream; a reset ends it too. Fails if the connection stays open."""
        deadline = time.monotonic() + seconds
        self.sock.settimeout(seconds)
        try:
            while self.reader.fill():
                if time.monotonic() > deadline:
                    raise TimeoutError
        except TimeoutError:
            raise AssertionError(f"connection still open after {seconds} s") from None
        except ConnectionError:
            pass
        data = bytes(self.reader.buffer)
        self.reader.buffer.clear()
        return data

    def expect_end(self, seconds: float = TIMEOUT) -> None:
        """The connection ends and nothing more comes."""
        assert self.rest(seconds) == b""


def get(path: str = "/", host: str = "test", *fields: str) -> bytes:
    """A GET request."""
    return build("GET", path, host, *fields)


def post(body: bytes, path: str = "/", host: str = "test", *fields: str) -> bytes:
    """A POST request with a Content-Length."""
    return build("POST", path, host, f"Content-Length: {len(body)}", *fields) + body


def build(method: str, path: str = "/", host: str = "test", *fields: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def chunked(*parts: bytes, trailers: bytes = b"") -> bytes:
    """A chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n" + trailers + b"\r\n"


def answer(body: bytes = b"ok", status: str = "200 OK", *fields: str) -> bytes:
    """A response with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
