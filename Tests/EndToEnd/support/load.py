"""Load from one thread: clients that wait for each answer (`Clients`), or come at a rate whatever happens (`Arrivals`).

Everything is kept that a judgement needs: of each request its kind, when it began, how long it took and how it ended.
"""

import asyncio
import struct
import threading
import time
from collections import Counter
from typing import NamedTuple

import hpack

from support import http2
from support.http2 import ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RESET, SETTINGS
from support.rawhttp import get, post

INFER = "/v2/models/m/infer"
GRPC_INFER = "/inference.GRPCInferenceService/ModelInfer"
GRPC_OTHER = "/inference.GRPCInferenceService/ModelReady"
BODY = b'{"inputs":[{"name":"X","shape":[1],"datatype":"FP32","data":[1]}]}'
# A ModelInferRequest: model_name "m".
MESSAGE = b"\x0a\x01m"
# Longer than anything a gateway's own timeouts let an exchange take in the tests.
PATIENCE = 20


class Result(NamedTuple):
    """`outcome` is "ok", the status and cause of an answer, or how there was none."""

    kind: str
    begin: float
    seconds: float
    outcome: str

    @property
    def good(self) -> bool:
        return self.outcome == "ok"


class Broken(Exception):
    """The connection ended before the answer did."""


# --- connections; `ask(kind)` sends one request and returns its outcome


class H1:
    """One connection, made when it is needed."""

    REQUESTS = {
        "get": get("/v2/models/m"),
        "infer": post(BODY, INFER),
        "post": post(BODY, "/upload"),
    }
    KINDS = ("get", "infer")

    def __init__(self, port: int, host: str = "127.0.0.1", context=None):
        self.host, self.port, self.context = host, port, context
        self.reader = self.writer = None

    async def ask(self, kind: str) -> str:
        if not self.writer:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port, ssl=self.context)
        try:
            self.writer.write(self.REQUESTS[kind])
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(head.partition("content-length: ")[2].partition("\r")[0] or 0)
            await self.reader.readexactly(length)
        except asyncio.IncompleteReadError as error:
            raise Broken("cut" if error.partial else "closed") from None
        if "connection: close" in head:
            self.close()
        status = head.split(" ", 2)[1]
        cause = head.partition("x-sluice-cause: ")[2].partition("\r")[0]
        return "ok" if status == "200" else f"{status} {cause}".strip()

    def close(self) -> None:
        if self.writer:
            self.writer.close()
            self.writer = None


class Grpc:
    """One connection with one call at a time."""

    CALLS = {"infer": (GRPC_INFER, MESSAGE), "ready": (GRPC_OTHER, MESSAGE)}
    KINDS = ("infer",)
    # Sent with each call.
    FIELDS = ()

    def __init__(self, port: int, host: str = "127.0.0.1", context=None):
        self.host, self.port, self.context = host, port, context
        self.reader = self.writer = None

    async def ask(self, kind: str) -> str:
        if not self.writer:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port, ssl=self.context)
            self.decoder, self.stream = hpack.Decoder(), -1
            self.writer.write(PREFACE + http2.settings())
        self.stream += 2
        path, message = self.CALLS[kind]
        fields = http2.request("POST", path, ("content-type", "application/grpc"), ("te", "trailers"), *self.FIELDS)
        self.writer.write(http2.headers(self.stream, fields, end=False)
                          + http2.data(self.stream, struct.pack(">BI", 0, len(message)) + message, end=True))
        try:
            return await self.answer()
        except asyncio.IncompleteReadError:
            raise Broken("closed") from None

    async def answer(self) -> str:
        found = {}
        while True:
            head = await self.reader.readexactly(9)
            payload = await self.reader.readexactly(int.from_bytes(head[:3], "big"))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
            if kind == SETTINGS and not flags & ACK:
                self.writer.write(http2.frame(SETTINGS, ACK))
            elif kind == PING and not flags & ACK:
                self.writer.write(http2.ping(payload, ACK))
            elif kind == DATA and payload:
                self.writer.write(http2.window_update(0, len(payload)))
            elif kind == HEADERS:
                assert flags & END_HEADERS, "a header block longer than a frame"
                found |= dict(self.decoder.decode(payload))
            elif kind == GOAWAY:
                if int.from_bytes(payload[:4], "big") < self.stream:
                    raise Broken("goaway")
                continue
            if stream == self.stream and kind == RESET:
                return f"reset {int.from_bytes(payload, 'big')}"
            if stream == self.stream and kind in (HEADERS, DATA) and flags & END_STREAM:
                status = found.get("grpc-status", f"status {found.get(':status')}")
                return "ok" if status == "0" else f"grpc {status} {found.get('x-sluice-cause', '')}".strip()

    def close(self) -> None:
        if self.writer:
            self.writer.close()
            self.writer = None


async def ask(connection, kind: str) -> Result:
    """One request, whatever comes of it; after what breaks a connection the next request gets a new one."""
    begin = time.monotonic()
    try:
        outcome = await asyncio.wait_for(connection.ask(kind), PATIENCE)
    except Broken as broken:
        outcome = str(broken)
        connection.close()
    except TimeoutError:
        outcome = "no answer"
        connection.close()
    except ConnectionRefusedError:
        outcome = "refused"
    except OSError as error:
        outcome = type(error).__name__
        connection.close()
    return Result(kind, begin, time.monotonic() - begin, outcome)


# --- loads


class Load:
    """A load that runs in a thread of its own until the `with` block ends; `results` grow meanwhile."""

    def __init__(self):
        self.results = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.work()))

    def __enter__(self) -> "Load":
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        self.over.set()
        self.thread.join()

    async def work(self) -> None:
        raise NotImplementedError

    @property
    def failures(self) -> Counter:
        """How requests ended that did not end well, and how many."""
        return Counter(f"{each.kind}: {each.outcome}" for each in list(self.results) if not each.good)


class Clients(Load):
    """`connections` that send a request, wait for its answer, and then `pause` seconds, kinds in turn."""

    def __init__(self, make, connections: int, kinds: tuple, pause: float = 0.01):
        super().__init__()
        self.make, self.count, self.pause = make, connections, pause
        self.kinds = kinds

    async def work(self) -> None:
        await asyncio.gather(*(self.client(index) for index in range(self.count)))

    async def client(self, index: int) -> None:
        connection = self.make()
        turn = index
        # Not all at the same moment.
        await asyncio.sleep(self.pause * index / self.count)
        while not self.over.is_set():
            self.results.append(await ask(connection, self.kinds[turn % len(self.kinds)]))
            turn += 1
            await asyncio.sleep(self.pause)
        connection.close()


class Arrivals(Load):
    """`rate` requests a second, evenly, whether or not those before are answered: each takes a connection that is
    free, or a new one. How late the generator itself was is in `lateness`, in seconds."""

    def __init__(self, make, rate: float, kind: str):
        super().__init__()
        self.make, self.rate, self.kind = make, rate, kind
        self.free = []
        self.lateness = []
        self.sent = 0

    async def work(self) -> None:
        begin, tasks = time.monotonic(), set()
        while not self.over.is_set():
            due = begin + self.sent / self.rate
            now = time.monotonic()
            if due > now:
                await asyncio.sleep(due - now)
                continue
            self.lateness.append(now - due)
            self.sent += 1
            task = asyncio.create_task(self.request())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            if self.sent % 64 == 0:
                await asyncio.sleep(0)
        if tasks:
            await asyncio.wait(tasks)
        for connection in self.free:
            connection.close()

    async def request(self) -> None:
        connection = self.free.pop() if self.free else self.make()
        self.results.append(await ask(connection, self.kind))
        self.free.append(connection)


def quantile(values, share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
