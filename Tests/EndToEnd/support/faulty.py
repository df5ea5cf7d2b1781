"""An endpoint in a process of its own, for HTTP/1.1 and gRPC, whose behaviour a test switches while it runs.

`Faulty` starts, tells, kills and stops the process; this file is also the program. What it does to requests is its
`fault`, a word of `FAULTS`; what it says when asked for its health is `health`.
"""

import asyncio
import json
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import hpack

from support import http2, model_questions
from support.http2 import ACK, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, SETTINGS

# What a whole request gets.
FAULTS = {
    "ok": "an answer, after `delay` seconds",
    "refuse": "nobody listens, and what was open is reset",
    "reset": "connections are accepted and reset when a request comes",
    "hang": "the request is read and nothing is said",
    "half": "half an answer, and nothing more",
    "slow": "an answer, after `slow` seconds",
    "500": "a model that fails",
    "502": "a frontend that does not reach what it stands for",
    "503": "busy, in Triton's words",
    "504": "a frontend that waited in vain",
    "400": "the model is not ready, in Triton's words",
    "refused_stream": "HTTP/2 refuses each stream; HTTP/1.1 has no word for that and resets",
    "flap": "in turn `ok` and `refuse`, for `period` seconds each",
}
HEALTH = {
    "follow": "what requests get",
    "ok": "ready, whatever requests get",
    "not ready": "an answer that says so",
    "hang": "nothing",
    "unknown": "as a server that does not know the question",
}
# HTTP status, gRPC status and text of the faults that are answers.
ERRORS = {
    "500": (500, 13, "the model failed"),
    "502": (502, 14, "no connection to the model server"),
    "503": (503, 14, "Exceeds maximum queue size"),
    "504": (504, 4, "the model server did not answer"),
    "400": (400, 3, "Request for unknown model: 'late' has no available versions"),
}
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 500: "Internal Server Error", 502: "Bad Gateway",
           503: "Service Unavailable", 504: "Gateway Timeout"}
HEALTH_PATHS = re.compile(r"/v2/health/|/healthz?$|/ping$|/grpc\.health\.v1\.Health/")
# A HealthCheckResponse that says SERVING, and NOT_SERVING.
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"
UNIMPLEMENTED = 12
# Replies to commands; a stopped process does not send any.
PATIENCE = 20


class Faulty:
    """One such process; `http` and `grpc` are its two ports, which it keeps over `kill` and `start`."""

    def __init__(self, http: int, grpc: int, name: str = "main", **behaviour):
        self.http, self.grpc, self.name = http, grpc, name
        self.address = f"127.0.0.1:{http}"
        self.behaviour = behaviour
        self.process = None
        # A command and its reply belong together.
        self.telling = threading.Lock()
        self.start()

    def __enter__(self) -> "Faulty":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def start(self) -> "Faulty":
        """Once more after `kill`, with the behaviour it had at first and counts of 0."""
        command = [sys.executable, __file__, str(self.http), str(self.grpc), self.name, json.dumps(self.behaviour)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline(), "the endpoint did not start"
        return self

    def set(self, **behaviour) -> "Faulty":
        """Changes `fault`, `health`, `delay`, `slow` or `period`; returns when that holds."""
        self.tell({"set": behaviour})
        return self

    def renew(self, name: str, **behaviour) -> "Faulty":
        """As if it had just been started, under another name; without what that costs."""
        self.name, self.behaviour = name, behaviour
        self.tell({"renew": name, "set": behaviour})
        return self

    def counts(self) -> dict:
        """`requests`, `checks`, `connections` accepted, `open` ones, `paths` with how often each was asked, `most`
        requests that were served at once, and `busy`, the seconds that answers have taken together."""
        return self.tell({})

    @property
    def requests(self) -> int:
        return self.counts()["requests"]

    def tell(self, command: dict) -> dict:
        with self.telling:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
            assert select.select([self.process.stdout], [], [], PATIENCE)[0], "the endpoint does not reply"
            return json.loads(self.process.stdout.readline())

    def kill(self) -> None:
        """As `kill -9` does: the kernel resets what was under way and refuses what comes."""
        self.process.kill()
        self._end()

    def pause(self) -> None:
        """The kernel goes on accepting connections, and nobody answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self._end()

    def _end(self) -> None:
        self.process.wait(PATIENCE)
        self.process.stdin.close()
        self.process.stdout.close()
        self.process = None


# --- the program


class Server:
    def __init__(self, ports: list, name: str, behaviour: dict):
        self.listeners = []
        self.connections = set()
        # Under way; those of an earlier name still end.
        self.serving = 0
        self.begin(name)
        self.loop = asyncio.get_running_loop()
        self.flapping = None
        for port in ports:
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port))
            sock.setblocking(False)
            self.listeners.append(sock)
        self.is_listening = False
        self.listen(True)
        self.set(**behaviour)

    def begin(self, name: str) -> None:
        self.name = name
        self.fault, self.health, self.delay, self.slow, self.period = "ok", "follow", 0.0, 1.0, 0.5
        self.requests = self.checks = self.accepted = 0
        self.most = 0
        self.busy = 0.0
        self.paths = {}
        for connection in list(self.connections):
            connection.reset()

    def set(self, **behaviour) -> None:
        for key, value in behaviour.items():
            assert hasattr(self, key), key
            setattr(self, key, value)
        assert self.fault in FAULTS and self.health in HEALTH, behaviour
        if self.flapping:
            self.flapping.cancel()
            self.flapping = None
        if self.fault == "flap":
            self.flap(False)
        else:
            self.listen(self.fault != "refuse")

    def flap(self, listens: bool) -> None:
        self.listen(listens)
        self.flapping = self.loop.call_later(self.period, self.flap, not listens)

    def listen(self, listens: bool) -> None:
        """A socket that was shut down keeps its port, and refuses until it listens again."""
        if listens == self.is_listening:
            return
        self.is_listening = listens
        for sock in self.listeners:
            if listens:
                sock.listen(1024)
                self.loop.add_reader(sock, self.accept, sock)
            else:
                self.loop.remove_reader(sock)
                sock.shutdown(socket.SHUT_RD)
        if not listens:
            for connection in list(self.connections):
                connection.reset()

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted += 1
            self.loop.create_task(self.loop.connect_accepted_socket(lambda: Connection(self), sock))

    def command(self, line: str) -> dict:
        command = json.loads(line)
        if "renew" in command:
            self.begin(command["renew"])
        self.set(**command.get("set", {}))
        return {"requests": self.requests, "checks": self.checks, "connections": self.accepted,
                "open": len(self.connections), "paths": self.paths, "most": self.most, "busy": self.busy}

    def behaviour(self, path: str) -> tuple[str, bool]:
        """What a request gets, and whether it asks for health."""
        fault = "ok" if self.fault == "flap" else self.fault
        path = path.partition("?")[0]
        self.paths[path] = self.paths.get(path, 0) + 1
        if not HEALTH_PATHS.search(path):
            self.requests += 1
            return fault, False
        self.checks += 1
        return {"follow": fault, "ok": "ok", "hang": "hang"}.get(self.health, self.health), True


class Connection(asyncio.Protocol):
    """Tells the version by the first bytes."""

    def __init__(self, server: Server):
        self.server = server
        self.buffer = bytearray()
        self.version = None
        self.decoder = hpack.Decoder()
        self.paths = {}

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.server.connections.add(self)

    def connection_lost(self, error) -> None:
        self.server.connections.discard(self)

    def reset(self) -> None:
        sock = self.transport.get_extra_info("socket")
        if sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def send(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.version is None:
            if self.buffer.startswith(PREFACE):
                self.version = 2
                del self.buffer[: len(PREFACE)]
                self.send(http2.settings((http2.STREAMS, 1000)))
            elif not PREFACE.startswith(self.buffer[: len(PREFACE)]):
                self.version = 1
        while self.version and not self.transport.is_closing():
            if not (self.read_http1() if self.version == 1 else self.read_http2()):
                return

    def later(self, seconds: float, answer, is_check: bool) -> None:
        server = self.server
        if not seconds:
            answer(is_check)
            return
        begin = server.loop.time()

        def done() -> None:
            server.serving -= 1
            server.busy += server.loop.time() - begin
            answer(is_check)

        server.serving += 1
        server.most = max(server.most, server.serving)
        server.loop.call_later(seconds, done)

    def act(self, path: str, answer, error, half, refuse) -> None:
        """Answers one whole request in its version's way."""
        server = self.server
        fault, is_check = server.behaviour(path)
        if fault in ("ok", "slow"):
            seconds = server.slow if fault == "slow" else 0 if is_check else server.delay
            self.later(seconds, answer, is_check)
        elif fault == "half":
            half()
        elif fault in ("reset", "refuse"):
            self.reset()
        elif fault == "refused_stream":
            refuse()
        elif fault != "hang":
            error(fault)

    # --- HTTP/1.1

    def read_http1(self) -> bool:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self.buffer[:end])
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        size = end + 4 + (int(length[1]) if length else 0)
        if re.search(rb"(?i)\r\ntransfer-encoding:", head):
            last = self.buffer.find(b"0\r\n\r\n", end)
            size = last + 5 if last >= 0 else sys.maxsize
        if len(self.buffer) < size:
            return False
        del self.buffer[:size]
        path = head.split(b" ", 2)[1].decode("latin-1")
        name = self.server.name
        if path in model_questions.PATHS and b"\r\nuser-agent: sluice/" in head.lower():
            # What the gateway wants to know of models is no part of a test's behaviour, and counts nowhere.
            if self in self.server.connections:
                self.server.connections.discard(self)
                self.server.accepted -= 1
            self.send(model_questions.REFUSAL)
            return True

        def answer(is_check: bool) -> None:
            self.respond(200, b"" if is_check else json.dumps({"model_name": "m", "served_by": name}).encode())

        def error(fault: str) -> None:
            if fault in ERRORS:
                status, _, text = ERRORS[fault]
                self.respond(status, json.dumps({"error": text}).encode())
            else:
                # "not ready" is Triton's 400 without a word.
                self.respond(404 if fault == "unknown" else 400, b"")

        def half() -> None:
            self.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 50)

        self.act(path, answer, error, half, self.reset)
        return True

    def respond(self, status: int, body: bytes) -> None:
        self.send(f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\n"
                  f"x-served-by: {self.server.name}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    # --- HTTP/2

    def read_http2(self) -> bool:
        if len(self.buffer) < 9:
            return False
        size = 9 + int.from_bytes(self.buffer[:3], "big")
        if len(self.buffer) < size:
            return False
        kind, flags, stream = self.buffer[3], self.buffer[4], int.from_bytes(self.buffer[5:9], "big")
        payload = bytes(self.buffer[9:size])
        del self.buffer[:size]
        if kind == SETTINGS and not flags & ACK:
            self.send(http2.frame(SETTINGS, ACK))
        elif kind == PING and not flags & ACK:
            self.send(http2.ping(payload, ACK))
        elif kind == http2.RESET:
            self.paths.pop(stream, None)
        elif kind == HEADERS and stream not in self.paths:
            assert flags & END_HEADERS, "a header block longer than a frame"
            self.paths[stream] = dict(self.decoder.decode(payload))[":path"]
        elif kind == DATA and payload:
            self.send(http2.window_update(0, len(payload)) + http2.window_update(stream, len(payload)))
        if kind in (HEADERS, DATA) and flags & END_STREAM and stream in self.paths:
            self.request(stream, self.paths[stream])
        return True

    def request(self, stream: int, path: str) -> None:
        name = self.server.name
        begin = [(":status", "200"), ("content-type", "application/grpc"), ("x-served-by", name)]

        def answer(is_check: bool) -> None:
            message = SERVING if is_check else name.encode()
            data = struct.pack(">BI", 0, len(message)) + message
            self.finish(stream, http2.headers(stream, begin, end=False), http2.data(stream, data),
                        http2.headers(stream, [("grpc-status", "0")]))

        def error(fault: str) -> None:
            if fault == "not ready":
                self.finish(stream, http2.headers(stream, begin, end=False),
                            http2.data(stream, struct.pack(">BI", 0, 2) + NOT_SERVING),
                            http2.headers(stream, [("grpc-status", "0")]))
                return
            status, text = ERRORS[fault][1:] if fault in ERRORS else (UNIMPLEMENTED, "")
            message = text.replace("%", "%25")
            fields = [*begin, ("grpc-status", str(status)), ("grpc-message", message)]
            self.finish(stream, http2.headers(stream, fields))

        def half() -> None:
            self.finish(stream, http2.headers(stream, begin, end=False),
                        http2.data(stream, struct.pack(">BI", 0, 100) + b"x" * 50))

        self.act(path, answer, error, half, lambda: self.finish(stream, http2.reset(stream, http2.Code.REFUSED_STREAM)))

    def finish(self, stream: int, *frames: bytes) -> None:
        """Nothing is said on a stream that has been reset meanwhile."""
        if self.paths.pop(stream, None) is not None:
            self.send(b"".join(frames))


async def main(ports: list, name: str, behaviour: dict) -> None:
    server = Server(ports, name, behaviour)
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    def read() -> None:
        # One line for each command, and the next one comes after its reply.
        line = sys.stdin.readline()
        if not line:
            over.set()
            return
        print(json.dumps(server.command(line)), flush=True)

    loop.add_reader(sys.stdin, read)
    loop.add_signal_handler(signal.SIGTERM, over.set)
    print("ready", flush=True)
    await over.wait()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(main([int(sys.argv[1]), int(sys.argv[2])], sys.argv[3], json.loads(sys.argv[4])))
