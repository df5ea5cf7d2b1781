"""One process after the other takes over while 64 connections are busy: nothing is refused, reset or cut.

`SLUICE_UPGRADES=10` makes it ten takeovers in a minute, with streams of 20 seconds.
"""

import os
import random
import ssl
import threading
import time

from support.certificates import Authority
from support.gateway import Gateway, free_port
from support.http2 import GOAWAY, H2Client, request, trusting
from support.mock_upstream import MockUpstream
from support.rawhttp import Client, Reader, get
from support.takeover import Successor

UPGRADES = int(os.environ.get("SLUICE_UPGRADES", "3"))
IS_LONG = UPGRADES > 3
STREAM_SECONDS = 20 if IS_LONG else 5
# Between two takeovers.
PAUSE = 6 if IS_LONG else 3
# A client that is in the middle of a stream cannot be told to go elsewhere, and may begin another one.
DRAIN = 2 * STREAM_SECONDS + 5
# A part of a stream, and how often one comes.
PART = b"x" * 100
RATE = 10

CONFIG = """
takeover: { socket: t.sock }
shutdown: { drain: DRAINs }
listeners:
  - { address: "127.0.0.1:${port}" }
  - { address: "127.0.0.1:SECURE", tls: { certificates: [CERTIFICATE] } }
  - { address: unix:here.sock }
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: short, match: [{ path: { prefix: /short } }], respond: { status: 200, body: short } }
  - { name: all, backends: [{ name: main }] }
"""


def stream(request, connection):
    """An answer that takes its time."""
    if not request.target.startswith("/stream"):
        return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlong"
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(STREAM_SECONDS * RATE):
        connection.send(b"%x\r\n%s\r\n" % (len(PART), PART))
        time.sleep(1 / RATE)
    return b"0\r\n\r\n"


class Load:
    """Clients on threads of their own, each with one connection at a time, and what went wrong."""

    def __init__(self):
        self.stopping = threading.Event()
        self.failures = []
        self.done = {}
        self.connections = {}
        self.threads = []
        self.lock = threading.Lock()

    def add(self, count: int, kind: str, make, use, pause: float) -> None:
        for _ in range(count):
            thread = threading.Thread(target=self._run, args=(kind, make, use, pause), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _run(self, kind: str, make, use, pause: float) -> None:
        while not self.stopping.is_set():
            try:
                client = make()
            except OSError as error:
                self._fail(kind, "refused", error)
                continue
            self._count(self.connections, kind)
            served = 0
            try:
                while not self.stopping.is_set() and use(client):
                    served += 1
                    self._count(self.done, kind)
                    self.stopping.wait(random.uniform(0, 2 * pause))
            except Exception as error:
                self._fail(kind, f"after {served} answers", error)
            finally:
                client.sock.close()

    def _count(self, counts: dict, kind: str) -> None:
        with self.lock:
            counts[kind] = counts.get(kind, 0) + 1

    def _fail(self, kind: str, what: str, error: Exception) -> None:
        with self.lock:
            self.failures.append(f"{kind} {what}: {type(error).__name__}: {error}")

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(STREAM_SECONDS + 30)
            assert not thread.is_alive(), "a client hangs"


def ask(path: str, body: bytes):
    def use(client) -> bool:
        response = client.exchange(get(path))
        assert (response.status, response.body) == (200, body), response
        return "close" not in response.tokens("connection")

    return use


class Two(H2Client):
    """A client that takes a GOAWAY at its word: it ends what it has begun, and begins nothing more."""

    leaving = False

    def advance(self):
        got = super().advance()
        self.leaving = self.leaving or (got is not None and got.kind == GOAWAY)
        return got


def ask_two(path: str, body: bytes):
    def use(client) -> bool:
        answer = client.answer(client.open(request(path=path)))
        assert (answer.status, bytes(answer.body), answer.reset) == (200, body, None)
        # What came meanwhile.
        while not client.leaving and client.readable():
            assert client.advance() is not None or client.leaving, "the connection ended without GOAWAY"
        return not client.leaving

    return use


class Secure(Client):
    def __init__(self, port: int, context: ssl.SSLContext):
        super().__init__("127.0.0.1", port)
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        self.reader = Reader(self.sock)


def test_upgrade_under_load(tmp_path):
    authority = Authority(tmp_path)
    secure = free_port()
    plain_tls = ssl.create_default_context(cafile=str(authority.certificate))
    certificate = authority.issue("server", "localhost")
    text = CONFIG.replace("SECURE", str(secure)).replace("DRAIN", str(DRAIN)).replace("CERTIFICATE", certificate.yaml)
    with MockUpstream(stream) as upstream:
        gateway = Gateway(text.replace("{address}", upstream.address), tmp_path / "gateway").start()
        running = [gateway]
        load = Load()
        try:
            plain = lambda: Client("127.0.0.1", gateway.port)
            parts = PART * STREAM_SECONDS * RATE
            load.add(20, "busy", plain, ask("/short", b"short"), 0.005)
            load.add(8, "proxied", plain, ask("/", b"long"), 0.02)
            load.add(8, "idle", plain, ask("/short", b"short"), 0.8)
            load.add(6, "unix", lambda: Client(str(gateway.workdir / "here.sock")), ask("/short", b"short"), 0.02)
            load.add(6, "tls", lambda: Secure(secure, plain_tls), ask("/short", b"short"), 0.02)
            load.add(4, "h2", lambda: Two("127.0.0.1", gateway.port), ask_two("/short", b"short"), 0.02)
            two_tls = lambda: Two("127.0.0.1", secure, trusting(authority.certificate, "h2"))
            load.add(4, "h2 tls", two_tls, ask_two("/", b"long"), 0.1)
            load.add(5, "stream", plain, ask("/stream", parts), 0.01)
            load.add(3, "h2 stream", lambda: Two("127.0.0.1", gateway.port), ask_two("/stream", parts), 0.01)
            for _ in range(UPGRADES):
                time.sleep(PAUSE)
                running.append(Successor(running[-1]).take_over())
            # Every old process ends by itself, while the last one serves.
            for old in running[:-1]:
                assert old.wait_exit(60) == 0
            load.stop()
            print(f"{UPGRADES} takeovers; answers {load.done}, connections {load.connections}")
            assert not load.failures, load.failures[:20]
            assert all(load.done.get(kind) for kind in load.connections), load.done
            for old in running[:-1]:
                assert "were cut" not in old.stderr_text()
            running[-1].stop()
        finally:
            load.stopping.set()
            for one in running:
                one.stop(check=False) if one.process and one.process.poll() is None else None
