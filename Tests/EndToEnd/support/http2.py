"""An HTTP/2 client that sends any frame it is told to, and reads what comes, frame by frame (RFC 9113).

Frames and header blocks are written by hand, so that everything in them can be wrong; only decoding is left to the
`hpack` package, which has no part in the gateway.
"""

import enum
import ssl
import struct
from typing import NamedTuple

import hpack

from support.rawhttp import TIMEOUT, Client

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME = 16_384
WINDOW = 65_535
LARGEST_WINDOW = 0x7FFF_FFFF

DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, PRIORITISED = 0x4, 0x8, 0x20
TABLE_SIZE, ENABLE_PUSH, STREAMS, INITIAL_WINDOW, FRAME_SIZE, LIST_SIZE = range(1, 7)


class Code(enum.IntEnum):
    """Error codes (RFC 9113 section 7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


# --- frames


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"", length: int | None = None) -> bytes:
    """One frame; `length` says what its head claims, where that is to be wrong."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in pairs))


def data(stream: int, payload: bytes = b"", end: bool = False) -> bytes:
    return frame(DATA, END_STREAM if end else 0, stream, payload)


def headers(stream: int, fields: list, end: bool = True) -> bytes:
    return header_frames(stream, block(fields), end)


def header_frames(stream: int, fragment: bytes, end: bool = True) -> bytes:
    """HEADERS, and as many CONTINUATION frames as the block takes."""
    parts = [fragment[start : start + FRAME] for start in range(0, len(fragment), FRAME)] or [b""]
    frames = []
    for index, part in enumerate(parts):
        flags = (END_STREAM if end and index == 0 else 0) | (END_HEADERS if index == len(parts) - 1 else 0)
        frames.append(frame(CONTINUATION if index else HEADERS, flags, stream, part))
    return b"".join(frames)


def reset(stream: int, code: int = Code.CANCEL) -> bytes:
    return frame(RESET, 0, stream, struct.pack(">I", code))


def window_update(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def ping(payload: bytes = b"sluice-1", flags: int = 0) -> bytes:
    return frame(PING, flags, 0, payload)


def goaway(code: int = Code.NO_ERROR, last: int = 0) -> bytes:
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code))


def priority(stream: int, dependency: int = 0, weight: int = 16) -> bytes:
    return frame(PRIORITY, 0, stream, dependent(dependency, weight))


def dependent(dependency: int, weight: int = 16) -> bytes:
    """What PRIORITY carries, and HEADERS with the flag for it."""
    return struct.pack(">IB", dependency, weight - 1)


# --- header blocks


def integer(value: int, bits: int, pattern: int = 0) -> bytes:
    """An integer behind a bit pattern (RFC 7541 section 5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([pattern | value])
    value -= most
    out = bytearray([pattern | most])
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)
    return bytes(out)


def text(value: str | bytes) -> bytes:
    """A string literal without Huffman coding (RFC 7541 section 5.2)."""
    raw = value if isinstance(value, bytes) else value.encode("latin-1")
    return integer(len(raw), 7) + raw


def literal(name: str | bytes, value: str | bytes) -> bytes:
    """A field that changes no table (RFC 7541 section 6.2.2)."""
    return b"\x00" + text(name) + text(value)


def block(fields: list) -> bytes:
    return b"".join(literal(name, value) for name, value in fields)


def request(method: str = "GET", path: str = "/", *fields: tuple, authority: str = "test") -> list:
    """Fields of a request; `fields` are more of them."""
    return [(":method", method), (":scheme", "http"), (":path", path), (":authority", authority), *fields]


# --- what comes


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> Code:
        """The error code of RST_STREAM or GOAWAY."""
        at = 4 if self.kind == GOAWAY else 0
        return Code(struct.unpack(">I", self.payload[at : at + 4])[0])


class Fault(NamedTuple):
    """What a peer does about an error: a stream's `reset`, or the connection's `goaway` or `close` without one."""

    kind: str
    code: Code | None = None


class Answer:
    """What has come on one stream."""

    def __init__(self):
        self.status = 0
        self.headers = []
        self.interim = []
        self.body = bytearray()
        self.trailers = []
        self.ended = False
        self.reset: Code | None = None

    def get(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1, f"{name} came {len(found)} times: {found}"
        return found[0] if found else None

    @property
    def cause(self) -> str | None:
        return self.get("x-sluice-cause")

    def add(self, fields: list) -> None:
        """Takes the next header block in."""
        if self.status:
            self.trailers = fields
            return
        assert fields[0][0] == ":status", fields
        status, rest = int(fields[0][1]), fields[1:]
        if status < 200:
            self.interim.append((status, rest))
        else:
            self.status, self.headers = status, rest


class H2Client:
    """One connection. Streams are opened with `open`, their answers collect in `answers` as frames are read.

    `credit` returns window for whatever DATA brings; without it the gateway soon has to wait. `hello` is what is sent
    first, after the preface.
    """

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None = None, credit: bool = True,
                 hello: bytes | None = PREFACE + settings(), **options):
        self.sock = Client(host, port, **options).sock
        if context:
            self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        self.timeout = options.get("timeout", TIMEOUT)
        self.credit = credit
        self.buffer = bytearray()
        self.decoder = hpack.Decoder()
        self.fragment = b""
        self.answers: dict[int, Answer] = {}
        self.last = -1
        self.pings = 0
        # What the gateway lets this side send.
        self.window = WINDOW
        self.windows: dict[int, int] = {}
        self.settings: dict[int, int] = {}
        if hello:
            self.send(hello)

    def __enter__(self) -> "H2Client":
        return self

    def __exit__(self, *_) -> None:
        self.sock.close()

    # --- sending

    def send(self, *frames: bytes) -> "H2Client":
        self.sock.sendall(b"".join(frames))
        return self

    def send_all_it_takes(self, *frames: bytes) -> "H2Client":
        """Sends although the gateway may hang up meanwhile."""
        try:
            self.send(*frames)
        except OSError:
            pass
        return self

    def new_stream(self) -> int:
        self.last += 2
        self.answers[self.last] = Answer()
        return self.last

    def open(self, fields: list, end: bool = True) -> int:
        """Sends a request's head on a new stream."""
        stream = self.new_stream()
        self.send(headers(stream, fields, end))
        return stream

    def get(self, path: str = "/", *fields: tuple) -> Answer:
        return self.answer(self.open(request("GET", path, *fields)))

    def post(self, body: bytes, path: str = "/", *fields: tuple) -> Answer:
        stream = self.open(request("POST", path, ("content-length", str(len(body))), *fields), end=False)
        self.upload(stream, body)
        return self.answer(stream)

    def upload(self, stream: int, body: bytes, end: bool = True) -> None:
        """Sends a body as the windows allow, and reads what comes meanwhile."""
        if not self.settings:
            self.until(lambda: self.settings)
        sent = 0
        while sent < len(body):
            room = min(self.window, self.windows.get(stream, self.initial_window), FRAME)
            if room <= 0 or self.readable():
                assert self.advance(), "the connection ended"
                if self.answers[stream].reset is not None:
                    return
                continue
            part = body[sent : sent + room]
            sent += len(part)
            self.window -= len(part)
            self.windows[stream] = self.windows.get(stream, self.initial_window) - len(part)
            self.send(data(stream, part, end and sent == len(body)))
        if end and not body:
            self.send(data(stream, end=True))

    @property
    def initial_window(self) -> int:
        return self.settings.get(INITIAL_WINDOW, WINDOW)

    # --- reading

    def readable(self) -> bool:
        """Whether a frame is there, for all one can tell without waiting."""
        if self.buffer:
            return True
        self.sock.settimeout(0)
        try:
            self.buffer += self.sock.recv(1 << 16)
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:
            return True
        finally:
            self.sock.settimeout(self.timeout)
        return bool(self.buffer)

    def exactly(self, count: int) -> bytes | None:
        while len(self.buffer) < count:
            try:
                more = self.sock.recv(1 << 18)
            except ConnectionError:
                more = b""
            if not more:
                return None
            self.buffer += more
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def read(self) -> Frame | None:
        """The next frame, `None` at the end of the connection; TimeoutError where nothing comes."""
        head = self.exactly(9)
        if head is None:
            return None
        payload = self.exactly(int.from_bytes(head[:3], "big"))
        if payload is None:
            return None
        assert len(payload) <= FRAME, "a frame longer than this side takes"
        return Frame(head[3], head[4], int.from_bytes(head[5:], "big"), payload)

    def advance(self) -> Frame | None:
        """Reads a frame and does what a client has to do about it."""
        got = self.read()
        if got is None:
            return None
        if got.kind == SETTINGS and not got.flags & ACK:
            for at in range(0, len(got.payload), 6):
                name, value = struct.unpack_from(">HI", got.payload, at)
                self.settings[name] = value
            self.send_all_it_takes(frame(SETTINGS, ACK))
        elif got.kind == PING and not got.flags & ACK:
            self.send_all_it_takes(ping(got.payload, ACK))
        elif got.kind == WINDOW_UPDATE:
            increment = struct.unpack(">I", got.payload)[0]
            if got.stream:
                self.windows[got.stream] = self.windows.get(got.stream, self.initial_window) + increment
            else:
                self.window += increment
        elif got.stream:
            self.take(got, self.answers.setdefault(got.stream, Answer()))
        return got

    def take(self, got: Frame, answer: Answer) -> None:
        if got.kind == DATA:
            assert answer.status and not answer.ended, "DATA outside of an answer"
            answer.body += got.payload
            if self.credit and got.payload:
                count = len(got.payload)
                self.send_all_it_takes(window_update(0, count), window_update(got.stream, count))
        elif got.kind in (HEADERS, CONTINUATION):
            self.fragment += got.payload
            if got.flags & END_HEADERS:
                decoded = self.decoder.decode(self.fragment, raw=True)
                answer.add([(name.decode("latin-1"), value.decode("latin-1")) for name, value in decoded])
                self.fragment = b""
        elif got.kind == RESET:
            if not answer.ended:
                answer.reset = got.code
            return
        if got.kind in (DATA, HEADERS) and got.flags & END_STREAM:
            answer.ended = True

    def until(self, condition):
        """Reads until `condition()` is true and returns its value."""
        while not (value := condition()):
            got = self.advance()
            assert got is not None, "the connection ended"
            assert got.kind != GOAWAY or got.code == Code.NO_ERROR, f"GOAWAY {got.code!r} {got.payload[8:]!r}"
        return value

    def answer(self, stream: int) -> Answer:
        """The stream's whole answer, or what there was of it when it was reset."""
        answer = self.answers.setdefault(stream, Answer())
        self.until(lambda: answer.ended or answer.reset is not None)
        return answer

    def settle(self) -> None:
        """Returns when the gateway has dealt with all that was sent, and what it said at once has been read."""
        # Answers to PING overtake the rest, so what the first one passed comes before the second.
        for _ in range(2):
            self.pings += 1
            payload = struct.pack(">Q", self.pings)
            self.send(ping(payload))
            while (got := self.advance()) != (PING, ACK, 0, payload):
                assert got is not None and got.kind != GOAWAY, f"the connection ends: {got}"

    def fault(self) -> Fault:
        """What the gateway does about an error: the next RST_STREAM, GOAWAY or end of the connection."""
        while True:
            got = self.advance()
            if got is None:
                return Fault("close")
            if got.kind in (RESET, GOAWAY) and got.code != Code.NO_ERROR:
                return Fault("reset" if got.kind == RESET else "goaway", got.code)

    def expect_end(self) -> None:
        """The gateway closes the connection, whatever it still says."""
        while self.advance() is not None:
            pass


def trusting(certificate, *protocols: str) -> ssl.SSLContext:
    """TLS that offers these protocols by ALPN."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.set_alpn_protocols(list(protocols))
    return context


def connect(proxy, **options) -> H2Client:
    return H2Client(proxy.gateway.host, proxy.gateway.port, **options)
