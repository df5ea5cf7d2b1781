"""A collector of traces: takes OTLP over HTTP and decodes it with OpenTelemetry's own messages."""

import base64
import json
import random
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest, ExportTraceServiceResponse)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message
from opentelemetry.proto.trace.v1.trace_pb2 import Status

TYPE = "application/x-protobuf"
KINDS = {Message.SPAN_KIND_INTERNAL: "internal", Message.SPAN_KIND_SERVER: "server", Message.SPAN_KIND_CLIENT: "client"}
IS_REMOTE_KNOWN, IS_REMOTE = 0x100, 0x200


def read(kind: str, body: bytes) -> ExportTraceServiceRequest:
    """A request in either form of OTLP: Triton's library writes JSON."""
    if kind == TYPE:
        return ExportTraceServiceRequest.FromString(body)
    assert kind.startswith("application/json"), kind
    return json_format.ParseDict(with_base64_ids(json.loads(body)), ExportTraceServiceRequest(), ignore_unknown_fields=True)


def with_base64_ids(value):
    """In OTLP's JSON ids are hexadecimal, in everybody else's they are as all bytes are."""
    if isinstance(value, list):
        return [with_base64_ids(each) for each in value]
    if not isinstance(value, dict):
        return value
    ids = ("traceId", "spanId", "parentSpanId")
    return {
        key: base64.b64encode(bytes.fromhex(each)).decode() if key in ids else with_base64_ids(each)
        for key, each in value.items()}


def plain(value):
    """The value of an attribute."""
    return getattr(value, value.WhichOneof("value"))


@dataclass
class Span:
    trace: str
    id: str
    # Empty for the first of a trace.
    parent: str
    name: str
    kind: str
    start: int
    end: int
    attributes: dict
    events: dict
    is_error: bool
    flags: int
    state: str
    resource: dict

    @classmethod
    def read(cls, message, resource: dict) -> "Span":
        keys = [each.key for each in message.attributes]
        assert len(keys) == len(set(keys)), f"an attribute twice: {keys}"
        assert len(message.trace_id) == 16 and len(message.span_id) == 8, message
        assert message.start_time_unix_nano <= message.end_time_unix_nano, message
        if resource["service.name"] != "triton":
            assert message.flags & IS_REMOTE_KNOWN, message
        return cls(
            message.trace_id.hex(), message.span_id.hex(), message.parent_span_id.hex(), message.name,
            KINDS[message.kind], message.start_time_unix_nano, message.end_time_unix_nano,
            {each.key: plain(each.value) for each in message.attributes},
            {each.name: each.time_unix_nano for each in message.events},
            message.status.code == Status.STATUS_CODE_ERROR, message.flags, message.trace_state, resource)

    def __getitem__(self, key: str):
        return self.attributes.get(key)


class Trace(list):
    """The spans of one trace."""

    def named(self, name: str) -> list:
        return [span for span in self if span.name == name or span.name.startswith(name + " ")]

    def one(self, name: str) -> Span:
        found = self.named(name)
        assert len(found) == 1, f"{len(found)} spans are called {name}: {[span.name for span in self]}"
        return found[0]

    def of_kind(self, kind: str) -> list:
        return sorted((span for span in self if span.kind == kind), key=lambda span: span.start)

    @property
    def server(self) -> Span:
        found = self.of_kind("server")
        assert len(found) == 1, [span.name for span in self]
        return found[0]

    def children(self, parent: Span) -> list:
        return sorted((span for span in self if span.parent == parent.id), key=lambda span: span.start)


class Collector:
    """Listens on a free port, or on the one that is named. `answer` is a callable `(number of the request from 1 on)`
    that returns (status, headers, body), or `None` to hang until the collector stops."""

    def __init__(self, port: int = 0, answer=None):
        self.answer = answer or (lambda number: (200, {}, b""))
        self.lock = threading.Condition()
        self.requests = []
        self.released = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = collector.take(self.path, self.headers, body)
                if answer is None:
                    collector.released.wait(60)
                    self.close_connection = True
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in {"Content-Type": TYPE, "Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> "Collector":
        return self

    def __exit__(self, *_) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def take(self, path: str, headers, body: bytes):
        with self.lock:
            self.requests.append((time.monotonic(), path, headers, body))
            answer = self.answer(len(self.requests))
            # Spans of a request that is sent again count once.
            self.requests[-1] += (answer is not None and answer[0] == 200,)
            self.lock.notify_all()
            return answer

    def clear(self) -> None:
        with self.lock:
            self.requests = []

    @property
    def spans(self) -> list[Span]:
        """All that have been taken, in the order they came."""
        with self.lock:
            requests = list(self.requests)
        found = []
        for _, path, headers, body, is_taken in requests:
            assert path == "/v1/traces"
            message = read(headers["Content-Type"], body)
            for resource in message.resource_spans:
                attributes = {each.key: plain(each.value) for each in resource.resource.attributes}
                for scope in resource.scope_spans:
                    if is_taken:
                        found += [Span.read(span, attributes) for span in scope.spans]
        return found

    def traces(self) -> dict[str, Trace]:
        found = {}
        for span in self.spans:
            found.setdefault(span.trace, Trace()).append(span)
        return found

    def wait(self, condition, seconds: float = 30, what: str = "spans"):
        """The value of `condition(self)` once it is true. It is asked after each request."""
        deadline = time.monotonic() + seconds
        while not (value := condition(self)):
            with self.lock:
                self.lock.wait(0.2)
            assert time.monotonic() < deadline, f"no {what} within {seconds} s: {[span.name for span in self.spans]}"
        return value

    def wait_trace(self, trace: str, count: int = 1, seconds: float = 30) -> Trace:
        """The spans of a trace once there are `count`, and the exchange's among them."""

        def complete(_):
            found = self.traces().get(trace, Trace())
            return len(found) >= count and found.of_kind("server") and found

        return self.wait(complete, seconds, f"{count} spans of {trace}")


def rejecting(count: int) -> bytes:
    """An answer that says how many spans were not taken."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = count
    answer.partial_success.error_message = "too old"
    return answer.SerializeToString()


def a_trace() -> str:
    """A trace-id that nobody else has."""
    return f"{random.getrandbits(128) | 1:032x}"


def named(trace: str, flags: str = "00", parent: str = "00f067aa0ba902b7") -> tuple:
    """The field by which a client names its trace."""
    return "traceparent", f"00-{trace}-{parent}-{flags}"
