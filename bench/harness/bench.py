"""What all measurements share: the server behind the proxies, the cores, a place for files."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import load
from machine import ROOT, TOOLS, Cores, scratch
from peers import PEERS, PROBE, Proxy
from process import Process, free_ports


@dataclass(frozen=True)
class Subject:
    """A proxy in a certain setting, and its name in the table."""

    name: str
    peer: str
    settings: tuple[tuple[str, str], ...] = ()
    loops: int = 1


class Bench:
    """Everything but the proxy under measurement."""

    def __init__(self, seconds: int, files: int):
        self.seconds, self.files = seconds, files
        self.all_cores = frozenset(os.sched_getaffinity(0))
        self.cores = Cores.apart()
        self.shared_cores = Cores.shared()
        self.instructions = load.perf_counts("instructions")
        self.upstream_ports = free_ports(3)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Files and the upstream, until the block ends."""
        command = [str(compile_upstream()), *map(str, self.upstream_ports)]
        self.scratch = scratch()
        self.upstream = Process("the upstream", command, self.scratch, self.cores.load)
        try:
            for port in self.upstream_ports:
                self.upstream.wait_ready(port, PROBE)
            yield
        finally:
            self.upstream.stop()
            shutil.rmtree(self.scratch, ignore_errors=True)

    @contextmanager
    def running(self, subject: Subject, shared: bool = False) -> Iterator[Proxy]:
        """The proxy, ready, with a new directory; upstream and load move to the cores that go with it."""
        cores = self.shared_cores if shared else self.cores
        os.sched_setaffinity(self.upstream.process.pid, cores.load)
        os.sched_setaffinity(0, cores.load)
        stable, canary, shadow = map(str, self.upstream_ports)
        settings = {"STABLE": stable, "CANARY": canary, "SHADOW": shadow} | dict(subject.settings)
        self.directory = Path(tempfile.mkdtemp(prefix=f"{subject.peer}-", dir=self.scratch))
        proxy = PEERS[subject.peer].start(subject.name, self.directory, cores.proxy, settings)
        try:
            self.start_seconds = proxy.wait_ready(proxy.port, PROBE)
            yield proxy
        finally:
            proxy.stop()
            shutil.rmtree(self.directory, ignore_errors=True)
            os.sched_setaffinity(0, self.all_cores)


def compile_upstream() -> Path:
    source, program = ROOT / "bench" / "upstream.c", TOOLS / "upstream"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        TOOLS.mkdir(parents=True, exist_ok=True)
        load.run(["cc", "-O2", "-o", str(program), str(source)])
    return program
