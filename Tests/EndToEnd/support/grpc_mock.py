"""A gRPC server and client of raw bytes: no generated code, and every call is remembered as the server saw it."""

import struct
import threading
import time
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from support import http2
from support.rawhttp import TIMEOUT

SERVICE = "/test.Service/"
INFERENCE = "/inference.GRPCInferenceService/"
# Every call of a test may stand still in the server at once.
WORKERS = 160
MIB = 1 << 20

OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Loopback only, and a connection of its own for each channel.
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
]


def channel(address: str, credentials=None, options=(), **more) -> grpc.Channel:
    options = OPTIONS + list(options)
    if credentials:
        return grpc.secure_channel(address, credentials, options, **more)
    return grpc.insecure_channel(address, options, **more)


def framed(message: bytes, flag: int = 0) -> bytes:
    """A message as it travels, for clients that speak raw HTTP/2; flag 1 says that it is compressed."""
    return struct.pack(">BI", flag, len(message)) + message


def head(path: str, *fields: tuple) -> list:
    """A call's request head for `H2Client`."""
    return http2.request("POST", path, ("content-type", "application/grpc"), ("te", "trailers"), *fields)


class Call:
    """One call as the server saw it."""

    def __init__(self, path: str, context: grpc.ServicerContext):
        self.path = path
        self.context = context
        self.metadata = [(key, value) for key, value in context.invocation_metadata()]
        self.seconds_left = context.time_remaining()
        self.messages = []
        # Messages handed to the transport, or about to be.
        self.sent = 0
        # The client has sent all it had to send.
        self.read_to_end = threading.Event()
        # The call is over, for whatever reason.
        self.ended = threading.Event()
        if not context.add_callback(self.ended.set):
            self.ended.set()

    def values(self, key: str) -> list:
        return [value for name, value in self.metadata if name == key]

    def value(self, key: str, default=None):
        found = self.values(key)
        assert len(found) <= 1, f"{key} came {len(found)} times: {found}"
        return found[0] if found else default


class GrpcServer:
    """Listens on 127.0.0.1 with the methods of `test.Service` below, health and reflection, and answers what Triton's
    inference methods ask with its own name.

    Metadata of a request that begins with `echo-` comes back in front of the answer, what begins with `trail-` behind
    it; `served-by` behind it is the server's name.
    """

    def __init__(self, name: str = "main", options=(), credentials=None):
        self.name = name
        self.lock = threading.Condition()
        self.calls = []
        self.released = threading.Event()
        self.server = grpc.server(
            futures.ThreadPoolExecutor(WORKERS),
            handlers=[Methods(self)],
            options=OPTIONS + [("grpc.so_reuseport", 0), *options])
        health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), self.server)
        reflection.enable_server_reflection([health_pb2.DESCRIPTOR.services_by_name["Health"].full_name,
                                             reflection.SERVICE_NAME], self.server)
        where = "127.0.0.1:0"
        self.port = self.server.add_secure_port(where, credentials) if credentials else (
            self.server.add_insecure_port(where))
        self.address = f"127.0.0.1:{self.port}"
        self.server.start()

    def __enter__(self) -> "GrpcServer":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        self.released.set()
        self.server.stop(0).wait(TIMEOUT)

    def clear(self) -> None:
        with self.lock:
            self.calls = []
            self.released = threading.Event()

    def release(self) -> None:
        self.released.set()

    def wait_calls(self, count: int, seconds: float = TIMEOUT) -> list:
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.calls) >= count, seconds), (
                f"{len(self.calls)} of {count} calls within {seconds} s")
            return list(self.calls)

    def the_call(self) -> Call:
        """The only call since `clear`."""
        calls = self.wait_calls(1)
        assert len(calls) == 1, [call.path for call in calls]
        return calls[0]

    def begin(self, path: str, context) -> Call:
        call = Call(path, context)
        with self.lock:
            self.calls.append(call)
            self.lock.notify_all()
        initial = [pair for pair in call.metadata if pair[0].startswith("echo-")]
        trailing = [pair for pair in call.metadata if pair[0].startswith("trail-")]
        if initial:
            context.send_initial_metadata(initial)
        context.set_trailing_metadata([*trailing, ("served-by", self.name)])
        return call


def unary(method):
    def handler(server: GrpcServer, path: str):
        def serve(request, context):
            call = server.begin(path, context)
            call.messages.append(request)
            return method(server, call, request)

        return grpc.unary_unary_rpc_method_handler(serve)

    return handler


def streaming(method):
    """Both directions; a method that yields once is a client-streaming one to its client, and so on."""

    def handler(server: GrpcServer, path: str):
        def serve(requests, context):
            call = server.begin(path, context)

            def received():
                for request in requests:
                    call.messages.append(request)
                    yield request
                call.read_to_end.set()

            for answer in method(server, call, received()):
                call.sent += 1
                yield answer

        return grpc.stream_stream_rpc_method_handler(serve)

    return handler


@unary
def echo(server, call, request):
    return request


@unary
def fail(server, call, request):
    """Ends without an answer, with the status in the metadata `code` and the request as details."""
    code = next(each for each in grpc.StatusCode if str(each.value[0]) == call.value("code"))
    call.context.abort(code, request.decode())


@unary
def hold(server, call, request):
    """Answers when the server is released, or the call is over."""
    while not (server.released.wait(0.02) or call.ended.is_set()):
        pass
    if call.ended.is_set():
        call.context.abort(grpc.StatusCode.CANCELLED, "the call ended first")
    return request


@unary
def delay(server, call, request):
    time.sleep(float(request))
    return request


@streaming
def collect(server, call, requests):
    """One answer to all requests: how many there were, and of how many bytes."""
    count = size = 0
    for request in requests:
        count, size = count + 1, size + len(request)
        call.messages.clear()
    yield b"%d %d" % (count, size)


@streaming
def produce(server, call, requests):
    """The one request says how many answers of how many bytes come, and how many seconds apart; with `held` all but the
    first wait until the server is released."""
    count, size, pause = next(requests).split()
    for number in range(int(count)):
        yield number.to_bytes(4, "big").ljust(int(size), b".")
        if pause == b"held":
            server.released.wait(TIMEOUT)
        elif float(pause):
            time.sleep(float(pause))


@streaming
def chat(server, call, requests):
    """Each request comes back as it arrives; "abort" ends the call with ABORTED."""
    for request in requests:
        if request == b"abort":
            call.context.abort(grpc.StatusCode.ABORTED, "as asked")
        yield request


@streaming
def early(server, call, requests):
    """Answers the first request and ends, whatever the client still sends."""
    yield next(requests)


@streaming
def deaf(server, call, requests):
    """Reads nothing until it is released."""
    while not (server.released.wait(0.02) or call.ended.is_set()):
        pass
    yield b"%d" % sum(len(request) for request in requests)


@unary
def name_once(server, call, request):
    return server.name.encode()


@streaming
def name_each(server, call, requests):
    for _ in requests:
        yield server.name.encode()


METHODS = {
    SERVICE + "Echo": echo,
    SERVICE + "Fail": fail,
    SERVICE + "Hold": hold,
    SERVICE + "Delay": delay,
    SERVICE + "Collect": collect,
    SERVICE + "Produce": produce,
    SERVICE + "Chat": chat,
    SERVICE + "Early": early,
    SERVICE + "Deaf": deaf,
    INFERENCE + "ModelStreamInfer": name_each,
} | {
    INFERENCE + method: name_once
    for method in ("ServerLive", "ModelInfer", "ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics",
                   "RepositoryModelLoad")
}


class Methods(grpc.GenericRpcHandler):
    """Finds the method; what is in no table is UNIMPLEMENTED by grpcio itself."""

    def __init__(self, server: GrpcServer):
        self.server = server

    def service(self, details):
        method = METHODS.get(details.method)
        return method(self.server, details.method) if method else None
