"""Three ways into a gateway, HTTP/1.1, HTTP/2 and gRPC, and endpoints that take them all and remember what they got.

An endpoint is as a Triton is: HTTP/1.1 on its own port, gRPC over HTTP/2 on another, `triton.grpcPort`.
"""

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from support import http2
from support.gateway import Gateway, wait_until
from support.grpc_mock import framed
from support.http2 import PREFACE, Code, H2Client
from support.http2_server import Http2Server
from support.mock_upstream import MockUpstream
from support.rawhttp import TIMEOUT, Client, answer, build

GRPC = [("content-type", "application/grpc"), ("te", "trailers")]
# What a cause's status is to a gRPC client (DESIGN section 4).
GRPC_STATUS = {400: 3, 401: 16, 403: 7, 404: 12, 413: 8, 429: 8, 431: 8, 501: 12, 502: 14, 503: 14, 504: 4}


class Fields:
    """Header fields with names in lower case."""

    fields: list

    def all(self, name: str) -> list:
        return [value for key, value in self.fields if key == name]

    def get(self, name: str) -> str | None:
        """The only value of the field; a second one is a failure."""
        found = self.all(name)
        assert len(found) <= 1, f"{name} came {len(found)} times: {found}"
        return found[0] if found else None

    def tokens(self, name: str) -> set:
        return {item.strip().lower() for value in self.all(name) for item in value.split(",") if item.strip()}


@dataclass
class Seen(Fields):
    """A request as an endpoint got it. `path` has the query with it."""

    method: str
    path: str
    host: str
    fields: list
    body: bytes
    is_grpc: bool

    @property
    def message(self) -> bytes:
        """The only message of a gRPC call."""
        assert self.body[:1] == b"\0" and int.from_bytes(self.body[1:5], "big") == len(self.body) - 5
        return self.body[5:]


@dataclass
class Reply(Fields):
    """An answer as a client got it."""

    status: int
    fields: list
    body: bytes
    trailers: list = field(default_factory=list)
    is_grpc: bool = False
    # RST_STREAM in place of an answer; then `status` is 0.
    reset: Code | None = None

    @property
    def cause(self) -> str | None:
        return self.get("x-sluice-cause")

    @property
    def served_by(self) -> str | None:
        return self.get("served-by")

    @property
    def grpc_status(self) -> int | None:
        found = [value for key, value in [*self.fields, *self.trailers] if key == "grpc-status"]
        assert len(found) <= 1, f"grpc-status came {len(found)} times"
        return int(found[0]) if found else None

    @property
    def is_good(self) -> bool:
        """An endpoint's own answer, complete."""
        return self.status == 200 and self.cause is None and self.grpc_status in (None, 0)

    @property
    def is_malformed(self) -> bool:
        """What the gateway says to what is no request in its protocol (RFC 9113 section 8.1.1)."""
        return self.reset == Code.PROTOCOL_ERROR or self.is_refused(400, "bad_request")

    def is_refused(self, status: int, cause: str) -> bool:
        """The gateway's own answer; for gRPC in gRPC's words, without a body."""
        if self.cause != cause:
            return False
        if self.is_grpc:
            return (self.status, self.grpc_status, self.body) == (200, GRPC_STATUS[status], b"") and not self.trailers
        return self.status == status


class Endpoint:
    """Answers everything with its name in `served-by`, with `fields` beside it, and remembers what it was asked."""

    def __init__(self, name: str):
        self.name = name
        self.fields: list = []
        self.lock = threading.Condition()
        self.requests: list[Seen] = []
        self.http = MockUpstream(self._reply)
        self.grpc = Http2Server(self._serve)

    def __enter__(self) -> "Endpoint":
        return self

    def __exit__(self, *_) -> None:
        self.http.stop()
        self.grpc.stop()

    @property
    def yaml(self) -> str:
        """For a backend's `endpoints`."""
        return f"{{ address: '{self.http.address}', triton: {{ grpcPort: {self.grpc.port} }} }}"

    def clear(self) -> None:
        with self.lock:
            self.requests = []
            self.fields = []

    def wait_requests(self, count: int = 1, seconds: float = TIMEOUT) -> list[Seen]:
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.requests) >= count, seconds), (
                f"{self.name}: {len(self.requests)} of {count} requests within {seconds} s")
            return list(self.requests)

    def the_request(self) -> Seen:
        """The only request since `clear`."""
        requests = self.wait_requests()
        assert len(requests) == 1, [each.path for each in requests]
        return requests[0]

    def _note(self, seen: Seen) -> None:
        with self.lock:
            self.requests.append(seen)
            self.lock.notify_all()

    def _reply(self, request, _) -> bytes:
        fields = [(name.decode().lower(), value.decode("latin-1")) for name, value in request.headers]
        host = request.get("host")
        self._note(Seen(request.method, request.target, host, fields, request.body, False))
        own = [f"{name}: {value}" for name, value in [("served-by", self.name), *self.fields]]
        return answer(self.name.encode(), "200 OK", *own)

    def _serve(self, stream) -> None:
        if not stream.wait_complete().complete.is_set():
            return
        fields = [(name, value) for name, value in stream.fields if not name.startswith(":")]
        self._note(Seen(stream.get(":method"), stream.path, stream.get(":authority"), fields, bytes(stream.body), True))
        stream.head(("content-type", "application/grpc"), ("served-by", self.name), *self.fields)
        stream.data(framed(self.name.encode()))
        stream.finish(("grpc-status", "0"))


class Conversation:
    """One connection of a client that asks one thing after another. `first` goes before the first byte of HTTP."""

    def __init__(self, way: "Way", host: str, port: int, source: str | None = None, first: bytes = b""):
        self.way = way
        if way.version == 2:
            self.client = H2Client(host, port, source=source, hello=first + PREFACE + http2.settings())
        else:
            self.client = Client(host, port, source=source)
            self.client.send(first)

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *_) -> None:
        self.client.__exit__()

    def ask(self, path: str = "/", *fields: tuple, method: str = "POST", host: str = "test", body: bytes | None = None):
        """One exchange. A call is a POST with a message; of what is no call `body` is sent if there is one."""
        if self.way.is_grpc:
            body = framed(b"") if body is None else framed(body)
            fields = (*GRPC, *fields)
        elif body is None and method == "POST":
            body = b"{}"
        if body is not None and not self.way.is_grpc:
            fields = (("content-length", str(len(body))), *fields)
        if self.way.version == 2:
            return self._ask_http2(path, fields, method, host, body)
        head = build(method, path, host, *(f"{name}: {value}" for name, value in fields))
        self.client.send_all_it_takes(head + (body or b""))
        got = self.client.response(method)
        plain = [(name.decode().lower(), value.decode("latin-1")) for name, value in got.headers]
        return Reply(got.status, plain, got.body)

    def _ask_http2(self, path, fields, method, host, body) -> Reply:
        stream = self.client.open(http2.request(method, path, *fields, authority=host), end=body is None)
        if body is not None:
            self.client.upload(stream, body)
        got = self.client.answer(stream)
        assert got.reset in (None, Code.NO_ERROR) or not got.status, got.reset
        reset = None if got.status else got.reset
        return Reply(got.status, got.headers, bytes(got.body), got.trailers, self.way.is_grpc, reset)


@dataclass(frozen=True)
class Way:
    """How a client speaks to the gateway."""

    name: str
    version: int
    is_grpc: bool = False

    def __str__(self) -> str:
        return self.name

    def connect(self, gateway: Gateway, port: int | None = None, host: str | None = None, **options) -> Conversation:
        return Conversation(self, host or gateway.host, port or gateway.port, **options)


HTTP1 = Way("HTTP/1.1", 1)
HTTP2 = Way("HTTP/2", 2)
CALL = Way("gRPC", 2, is_grpc=True)
WAYS = [HTTP1, HTTP2, CALL]
# Those that are not calls.
PLAIN = [HTTP1, HTTP2]


class Site:
    """A gateway and the endpoints behind it, by name."""

    def __init__(self, gateway: Gateway, endpoints: dict[str, Endpoint]):
        self.gateway = gateway
        self.endpoints = endpoints
        path = gateway.config_path
        self.has_mirrors = path.is_file() and "mirrors:" in path.read_text()

    def __getitem__(self, name: str) -> Endpoint:
        return self.endpoints[name]

    def clear(self) -> None:
        """Makes the endpoints forget, copies that are still under way included."""
        self.gateway.check_alive()
        if self.has_mirrors:
            wait_until(lambda: self.gateway.metrics().sum("sluice_requests_in_flight") == 0, what="nothing in flight")
        for endpoint in self.endpoints.values():
            endpoint.clear()

    def ask(self, way: Way, path: str = "/", *fields: tuple, connection: dict | None = None, **options) -> Reply:
        """One exchange on a connection of its own."""
        with way.connect(self.gateway, **(connection or {})) as client:
            return client.ask(path, *fields, **options)

    def all_requests(self) -> list[Seen]:
        return [seen for endpoint in self.endpoints.values() for seen in endpoint.requests]

    def was_asked(self) -> list[str]:
        """Paths that have arrived anywhere."""
        return [seen.path for seen in self.all_requests()]

    def reload(self, text: str) -> None:
        """Loads another configuration; `{name}` in it stands for an endpoint."""
        self.gateway.write_config(filled(text, self.endpoints))
        status, answer = self.gateway.reload()
        assert status == 200, answer


def filled(text: str, endpoints: dict[str, Endpoint]) -> str:
    """A configuration with `<name>` replaced by the endpoint of that name."""
    for name, endpoint in endpoints.items():
        text = text.replace(f"<{name}>", endpoint.yaml)
    return text


@contextmanager
def serving(text: str, directory, *names: str, **options):
    """A `Site` with the gateway of `text`, in which `<name>` stands for an endpoint, for each of `names`."""
    with ExitStack() as stack:
        endpoints = {name: stack.enter_context(Endpoint(name)) for name in names}
        yield Site(stack.enter_context(Gateway(filled(text, endpoints), directory, **options)), endpoints)
