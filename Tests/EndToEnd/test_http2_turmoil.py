"""Everything at once, chosen by a seed: clients of both versions that cancel, sleep and vanish, endpoints that refuse,
break and say goodbye, and a configuration that changes meanwhile. What was not disturbed has to be right, nothing may
hang, and in the end nothing is left over.

SLUICE_TURMOIL_SECONDS makes it last longer, SLUICE_TURMOIL_SEED chooses another course.
"""

import base64
import os
import random
import struct
import threading
import time

import pytest

from support import http2
from support.certificates import Authority
from support.gateway import free_port, wait_until
from support.http2 import Code, H2Client
from support.http2_server import Http2Server
from support.mock_upstream import MockUpstream
from support.rawhttp import Client, Incomplete, answer, build

SECONDS = float(os.environ.get("SLUICE_TURMOIL_SECONDS", "10"))
SEED = int(os.environ.get("SLUICE_TURMOIL_SEED", "1"))
CLIENTS = 10
KIB = 1 << 10
# What a request may be sent again with.
REPLAYED = 64 * KIB
PIPES = 16
NEVER = http2.LARGEST_WINDOW
INFER = "/inference.GRPCInferenceService/ModelInfer"

CONFIG = """
loops: 2
listeners:
  - { name: plain, address: "127.0.0.1:${port}" }
  - { name: ageing, address: "127.0.0.1:AGEING", limits: { maxConnectionAge: 1s } }
  - { name: secure, address: "127.0.0.1:SECURE", tls: { certificates: [CERTIFICATE] } }
backends:
  calm:   { protocol: http2, endpoints: [CALM], timeouts: { idle: 500ms }, limits: { inFlight: PLACES, queueTimeout: 30s } }
  wild:   { protocol: http2, endpoints: [WILD], timeouts: { idle: 500ms, firstByte: 700ms }, limits: { inFlight: 12, queue: 8 } }
  old:    { endpoints: [OLD], timeouts: { idle: 500ms, firstByte: 700ms }, limits: { connections: 6, queueTimeout: 1s } }
  shadow: { protocol: http2, endpoints: [WILD], timeouts: { idle: 500ms } }
routes:
  - { name: model, match: [{ model: known }], backends: [{ name: calm }] }
  - name: locked
    match: [{ path: { prefix: /calm/locked } }]
    basicAuth: { realm: Inference, users: { ann: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" } }
    backends: [{ name: calm }]
  - name: calm
    match: [{ path: { prefix: /calm } }]
    backends: [{ name: calm }]
    mirrors: [{ backend: shadow, percent: 50, maxInFlight: 8, timeout: 2s }]
  - { name: wild, match: [{ path: { prefix: /wild } }], backends: [{ name: wild }] }
  - { name: old, match: [{ path: { prefix: /old } }], backends: [{ name: old }] }
"""


def pattern(size: int, salt: int) -> bytes:
    """Bytes of which none can be lost or swapped unnoticed."""
    return b"".join(struct.pack(">II", salt, index) for index in range(size // 8 + 1))[:size]


def framed(message: bytes) -> bytes:
    return struct.pack(">BI", 0, len(message)) + message


class Endpoint:
    """Both endpoints that speak HTTP/2. A path is /BACKEND/ACTION/SIZE/SALT."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.refused = set()
        # Connections that were said goodbye to, and their last streams.
        self.last = {}

    def chance(self, share: float) -> bool:
        with self.lock:
            return self.random.random() < share

    def calm(self, stream) -> None:
        """Serves all, but may refuse a request once or send its successors elsewhere."""
        with self.lock:
            if stream.number > self.last.get(stream.connection, NEVER):
                return
            is_news = stream.path not in self.refused
            self.refused.add(stream.path)
        if is_news and stream.path.startswith("/calm") and self.chance(0.05):
            stream.reset(Code.REFUSED_STREAM)
            return
        says_goodbye = self.chance(0.05)
        if says_goodbye:
            with stream.connection.server.lock, self.lock:
                says_goodbye = stream.connection not in self.last
                last = self.last.setdefault(stream.connection, max(stream.connection.streams))
            if says_goodbye:
                stream.connection.goaway(last)
        self.answer(stream)

    def wild(self, stream) -> None:
        action = stream.path.split("/")[2] if stream.path.count("/") == 4 else "echo"
        if stream.get("x-sluice-mirror"):
            action = "reset" if self.chance(0.2) else "close" if self.chance(0.05) else "echo"
        if action == "reset":
            stream.reset(Code.INTERNAL_ERROR)
        elif action == "half":
            stream.head().data(b"half")
            stream.reset(Code.CANCEL)
        elif action == "early":
            stream.answer(b"early")
        elif action == "close":
            stream.connection.close()
        elif action == "leave":
            # A whole answer, and the end of the connection behind it.
            self.answer(stream)
            stream.connection.goaway(stream.number)
            stream.connection.close()
        elif action == "refuse":
            stream.reset(Code.REFUSED_STREAM)
        elif action == "silent":
            stream.ended.wait(10)
        else:
            self.answer(stream)

    def answer(self, stream) -> None:
        if not stream.wait_complete().complete.is_set():
            return
        if stream.get("content-type") == "application/grpc":
            stream.head(("content-type", "application/grpc")).data(bytes(stream.body))
            stream.finish(("grpc-status", "0"))
            return
        _, _, action, size, salt = stream.path.split("/")
        if action == "slow":
            time.sleep(0.1)
        body = bytes(stream.body) if action == "echo" else pattern(int(size), int(salt))
        if action == "tail":
            stream.head(("content-length", str(len(body)))).data(body).finish(("x-tail", salt))
        elif int(salt) % 2:
            stream.answer(body)
        else:
            stream.head().data(body, end=True)


def old(request, connection) -> bytes | None:
    """The endpoint that speaks HTTP/1.1."""
    _, _, action, size, salt = request.target.split("/")
    if action == "half":
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    if action in ("half", "close"):
        connection.reset()
        return None
    if action == "silent":
        connection.wait_end(3)
        return None
    if action == "slow":
        time.sleep(0.1)
    return answer(request.body if action == "echo" else pattern(int(size), int(salt)))


class Wish:
    """A request and what should come of it."""

    def __init__(self, course: random.Random, salt: int):
        self.salt = salt
        self.backend = course.choice(["calm", "calm", "wild", "old"])
        self.action = course.choice({
            "calm": ["echo", "big", "slow", "grpc", "model", "locked", "tail"],
            "wild": ["echo", "big", "slow", "reset", "half", "early", "close", "leave", "refuse", "silent"],
            "old": ["echo", "big", "slow", "half", "close", "silent"],
        }[self.backend])
        size = course.choice([0, 1, 500, 20 * KIB, 60 * KIB, 90 * KIB, 400 * KIB])
        self.path = f"/{self.backend}/{self.action}/{size}/{salt}"
        self.body = pattern(min(size, 90 * KIB), salt) if course.random() < 0.6 else b""
        self.fields = []
        self.is_sure = self.backend == "calm" and len(self.body) <= REPLAYED
        self.expected = self.body if self.action == "echo" else pattern(size, salt)
        if self.action in ("grpc", "model"):
            message = self.body
            if self.action == "model":
                self.path = INFER
                message = b"\x0a\x05known\x2a" + varint(len(self.body)) + self.body
            self.body = self.expected = framed(message)
            self.fields = [("content-type", "application/grpc"), ("te", "trailers")]
            self.is_sure = len(self.body) <= REPLAYED
        elif self.action == "locked":
            self.is_right = course.random() < 0.5
            password = "test" if self.is_right else f"wrong{salt}"
            token = base64.b64encode(f"ann:{password}".encode()).decode()
            self.fields = [("authorization", f"Basic {token}")]

    @property
    def is_call(self) -> bool:
        return self.action in ("grpc", "model")

    def judge(self, status: int, body: bytes, trailers: list, cause: str | None, is_whole: bool) -> str | None:
        """What is wrong with an answer."""
        if self.action == "locked" and not self.is_right:
            return None if status in (401, 503) else f"{status} for a wrong password"
        if self.is_call and is_whole and dict(trailers).get("grpc-status") != "0":
            return f"{status} {cause} {trailers}" if self.is_sure or not cause else None
        if not is_whole or cause:
            return f"{status} {cause}, whole: {is_whole}" if self.is_sure else None
        if status != 200:
            return f"{status} without a cause"
        if self.action == "tail" and dict(trailers) != {"x-tail": str(self.salt)}:
            return f"trailers {trailers}"
        wanted = b"early" if self.action == "early" else self.expected
        return None if body == wanted else f"{len(body)} bytes instead of {len(wanted)}"


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


class Turmoil:
    def __init__(self, gateway, ageing: int, secure: int, trust, seed: int):
        self.gateway, self.ageing, self.secure, self.trust, self.seed = gateway, ageing, secure, trust, seed
        self.until = time.monotonic() + SECONDS
        self.troubles = []
        self.served = 0
        self.salts = iter(range(1, 1 << 30))

    def run(self, config) -> None:
        threads = [threading.Thread(target=self.client, args=(index,)) for index in range(CLIENTS)]
        threads.append(threading.Thread(target=self.reloads, args=(config,)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def reloads(self, config) -> None:
        course = random.Random(f"{self.seed} reloads")
        while time.monotonic() < self.until:
            time.sleep(course.uniform(0.2, 0.8))
            self.gateway.replace_config(config(course.choice([4, 16, 64])))
            if (status := self.gateway.reload()[0]) != 200:
                self.troubles.append(f"reload: {status}")

    def client(self, index: int) -> None:
        course = random.Random(f"{self.seed} {index}")
        while time.monotonic() < self.until and len(self.troubles) < 20:
            wishes = [Wish(course, next(self.salts)) for _ in range(course.choice([1, 2, 5, 12]))]
            speak = self.http1 if course.random() < 0.3 else self.http2
            try:
                speak(course, wishes)
            except Exception as error:
                self.troubles.append(f"{speak.__name__} {error!r} for {[wish.path for wish in wishes]}")

    def note(self, wish: Wish, trouble: str | None) -> None:
        self.served += 1
        if trouble:
            self.troubles.append(f"{wish.path} with {len(wish.body)} bytes: {trouble}")

    # --- HTTP/2

    def http2(self, course: random.Random, wishes: list) -> None:
        ages = course.random() < 0.2
        manner = "reads" if ages else course.choice(
            ["reads", "reads", "sleeps", "cancels", "vanishes", "stops sending"])
        port, context = self.ageing if ages else self.gateway.port, None
        if not ages and course.random() < 0.3:
            port, context = self.secure, self.trust
        with Leaving(self.gateway.host, port, context, credit=manner != "sleeps") as client:
            if not ages:
                self.batch(course, client, wishes, manner)
                return
            while client.last_stream == NEVER and time.monotonic() < self.until:
                self.batch(course, client, wishes, manner)
                time.sleep(0.1)
                while client.readable() and client.advance():
                    pass
                wishes = [Wish(course, next(self.salts))]

    def batch(self, course: random.Random, client: "Leaving", wishes: list, manner: str) -> None:
        streams = {}
        for wish in wishes:
            if client.last_stream < NEVER:
                break
            stream = client.open(http2.request("POST" if wish.body else "GET", wish.path, *wish.fields),
                                 end=not wish.body)
            streams[stream] = wish
            if manner != "stops sending":
                try:
                    client.upload(stream, wish.body)
                except TimeoutError:
                    raise AssertionError(f"the upload of {wish.path} hangs, {client.window} {client.windows}") from None
            elif wish.body:
                client.send(http2.data(stream, wish.body[:100]))
        if manner in ("vanishes", "stops sending"):
            time.sleep(course.uniform(0, 0.2))
            return
        if manner == "cancels":
            for stream in [each for each in streams if course.random() < 0.5]:
                del streams[stream]
                client.send_all_it_takes(http2.reset(stream))
                time.sleep(course.uniform(0, 0.02))
        elif manner == "sleeps":
            time.sleep(course.uniform(0.2, 1))
            client.send_all_it_takes(*(http2.window_update(stream, 1 << 24) for stream in [0, *streams]))
        self.collect(client, streams)

    def collect(self, client: "Leaving", streams: dict) -> None:
        def pending():
            return [each for each in streams if each <= client.last_stream
                    and not client.answers[each].ended and client.answers[each].reset is None]

        try:
            while pending():
                assert client.advance() is not None, "the connection ended"
        except (AssertionError, TimeoutError) as error:
            missing = [(streams[each].path, len(client.answers[each].body)) for each in pending()]
            raise AssertionError(f"{error}, {missing} are not complete") from error
        for stream, wish in streams.items():
            if stream <= client.last_stream:
                got = client.answers[stream]
                self.note(wish, wish.judge(got.status, bytes(got.body), got.trailers, got.cause, got.ended))

    # --- HTTP/1.1

    def http1(self, course: random.Random, wishes: list) -> None:
        with Client(self.gateway.host, self.gateway.port) as client:
            for wish in wishes:
                # Calls need HTTP/2 for their trailers; these are looked at there.
                if wish.is_call or wish.action == "tail":
                    continue
                lines = [f"{name}: {value}" for name, value in wish.fields]
                if wish.body:
                    lines.append(f"content-length: {len(wish.body)}")
                request = build("POST" if wish.body else "GET", wish.path, "test", *lines) + wish.body
                if course.random() < 0.1:
                    client.send(request[: course.randrange(len(request) + 1)])
                    time.sleep(course.uniform(0, 0.1))
                    return
                sender = threading.Thread(target=client.send_all_it_takes, args=(request,))
                sender.start()
                if course.random() < 0.2:
                    time.sleep(course.uniform(0, 0.5))
                try:
                    got = client.response("POST" if wish.body else "GET")
                except Incomplete as error:
                    self.note(wish, wish.judge(getattr(error.partial, "status", 0), b"", [], None, False))
                    return
                finally:
                    sender.join()
                self.note(wish, wish.judge(got.status, got.body, [], got.get("x-sluice-cause"), True))
                if "close" in got.tokens("connection"):
                    return


class Leaving(H2Client):
    """Knows the last stream that the gateway serves, once it has said so."""

    last_stream = NEVER

    def advance(self):
        got = super().advance()
        if got is not None and got.kind == http2.GOAWAY:
            assert got.code == Code.NO_ERROR, f"GOAWAY {got.code!r}"
            self.last_stream = struct.unpack(">I", got.payload[:4])[0]
        return got

    def upload(self, stream: int, body: bytes, end: bool = True) -> None:
        if body:
            super().upload(stream, body, end)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [SEED])
def test_turmoil(gateways, tmp_path, seed):
    endpoint = Endpoint(seed)
    ageing, secure = free_port(), free_port()
    authority = Authority(tmp_path)
    certificate = authority.issue("gateway", "localhost", "127.0.0.1")
    with Http2Server(endpoint.calm) as calm, Http2Server(endpoint.wild) as wild, MockUpstream(old) as plain:

        def config(places: int) -> str:
            return (CONFIG.replace("PLACES", str(places)).replace("AGEING", str(ageing))
                    .replace("SECURE", str(secure)).replace("CERTIFICATE", certificate.yaml)
                    .replace("CALM", calm.address).replace("WILD", wild.address).replace("OLD", plain.address))

        gateway = gateways(config(16))
        files = gateway.fds()
        turmoil = Turmoil(gateway, ageing, secure, http2.trusting(authority.certificate, "h2"), seed)
        turmoil.run(config)
        print(f"{turmoil.served} answers looked at, {len(calm.streams) + len(wild.streams)} streams, "
              f"{len(calm.connections) + len(wild.connections)} connections, {gateway.rss() >> 20} MiB")
        assert not turmoil.troubles, "\n".join(turmoil.troubles)
        assert turmoil.served > 5 * SECONDS, "hardly anything was tried"
        for name in ("sluice_requests_in_flight", "sluice_requests_queued", "sluice_connections_open",
                     "sluice_upstream_connections_open"):
            wait_until(lambda: gateway.metrics().sum(name) == 0, 20,
                       f"{name} is 0 again: {gateway.metrics().select(name)}")
        # Each loop keeps a few pipes for bodies that it does not have to look at.
        wait_until(lambda: gateway.fds() <= files + PIPES, 20, f"{gateway.fds()} files are open, {files} were before")
        # Blocks and heads that a burst leaves behind are kept, and bounded.
        assert gateway.rss() < 100 << 20
        with H2Client(gateway.host, gateway.port) as client:
            assert bytes(client.post(b"still here", "/calm/echo/0/0").body) == b"still here"
