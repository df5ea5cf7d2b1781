"""What all measurements share: the server behind the proxies, the cores, a place for files."""

import http.client
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import load
from machine import ROOT, TOOLS, Cores, scratch
from messages import infer_response
from peers import PEERS, Proxy
from process import Process, free_ports
from protocols import H1, PATH, PATIENCE, Protocol

# What the endpoints of the rows on balance take to answer, in microseconds: two alike, and one that is slow.
BALANCE_DELAYS = (2_000, 2_000, 20_000)
# Its name in the directory of each proxy.
CERTIFICATE = "server.pem"


@dataclass(frozen=True)
class Subject:
    """A proxy in a certain setting, and its name in the table."""

    name: str
    peer: str
    settings: tuple[tuple[str, str], ...] = ()
    loops: int = 1
    protocol: Protocol = H1


class Bench:
    """Everything but the proxy under measurement."""

    def __init__(self, seconds: int, files: int):
        self.seconds, self.files = seconds, files
        self.all_cores = frozenset(os.sched_getaffinity(0))
        self.cores = Cores.apart()
        self.shared_cores = Cores.shared()
        self.instructions = load.perf_counts("instructions")
        self.upstream_ports = free_ports(3)
        self.grpc_ports = free_ports(2)
        self.balance_ports = free_ports(3)
        # The proxies that were seen doing the whole job, with the protocol they did it in.
        self.proven: set[tuple[str, Protocol]] = set()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Files and the upstreams, until the block ends."""
        programs = compiled("upstream"), compiled("grpc_upstream", "-lnghttp2")
        self.scratch = scratch()
        self.upstreams: list[Process] = []
        try:
            answer = self.scratch / "answer"
            answer.write_bytes(infer_response())
            make_certificate(self.scratch)
            self.start_upstream([str(programs[0])], self.upstream_ports)
            self.start_upstream([str(programs[1]), str(answer)], self.grpc_ports)
            self.start_upstream([str(programs[0])], self.balance_ports, BALANCE_DELAYS)
            small = answer_length(self.upstream_ports[0])
            # What the upstreams answer to a request of each protocol.
            self.answer_bytes = {"h2": small, "grpc": answer.stat().st_size}
            yield
        finally:
            for upstream in self.upstreams:
                upstream.stop()
            shutil.rmtree(self.scratch, ignore_errors=True)

    def start_upstream(self, command: list[str], ports: list[int], delays: tuple[int, ...] = ()) -> None:
        """One process that listens on all of `ports`, with a time to answer for each if there are `delays`."""
        places = [f"{port}:{delay}" for port, delay in zip(ports, delays)] if delays else list(map(str, ports))
        directory = Path(tempfile.mkdtemp(prefix="upstream-", dir=self.scratch))
        self.upstreams.append(Process("an upstream", [*command, *places], directory, self.cores.load))
        self.upstreams[-1].wait_ready(lambda: all(map(accepts, ports)))

    @contextmanager
    def running(self, subject: Subject, shared: bool = False) -> Iterator[Proxy]:
        """The proxy, ready, with a new directory; upstreams and load move to the cores that go with it."""
        cores = self.shared_cores if shared else self.cores
        for upstream in self.upstreams:
            os.sched_setaffinity(upstream.process.pid, cores.load)
        os.sched_setaffinity(0, cores.load)
        names = ("STABLE", "CANARY", "SHADOW", "STABLEGRPC", "CANARYGRPC", "FAST", "EQUAL", "SLOW")
        settings = dict(zip(names, map(str, self.upstream_ports + self.grpc_ports + self.balance_ports)))
        directory = self.directory = Path(tempfile.mkdtemp(prefix=f"{subject.peer}-", dir=self.scratch))
        shutil.copy(self.scratch / CERTIFICATE, directory)
        proxy = PEERS[subject.peer].start(
            subject.name, directory, cores.proxy, subject.protocol, settings | dict(subject.settings))
        try:
            self.start_seconds = proxy.wait_ready(proxy.ready)
            yield proxy
        finally:
            proxy.stop()
            shutil.rmtree(directory, ignore_errors=True)
            os.sched_setaffinity(0, self.all_cores)


def compiled(name: str, *libraries: str) -> Path:
    """A C program of bench/, compiled if it is new."""
    source, program = ROOT / "bench" / f"{name}.c", TOOLS / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        TOOLS.mkdir(parents=True, exist_ok=True)
        load.run(["cc", "-O2", "-o", str(program), str(source), *libraries])
    return program


def make_certificate(directory: Path) -> None:
    """A certificate and its key, ECDSA over P-256, in one file, as all proxies take it."""
    certificate, key = directory / "certificate", directory / "key"
    load.run([
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key),
        "-out", str(certificate),
    ])
    (directory / CERTIFICATE).write_bytes(certificate.read_bytes() + key.read_bytes())


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except OSError:
        return False
    return True


def answer_length(port: int) -> int:
    """Of the upstream's small answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", PATH)
    length = len(connection.getresponse().read())
    connection.close()
    return length
