"""A process under measurement: started on given cores, with what the kernel knows about its time and memory."""

import ctypes
import itertools
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from machine import Problem

STOP_SECONDS = 5
READY_SECONDS = 20
PR_SET_PDEATHSIG = 1
# The clock of a process that counts what the scheduler gave to its threads, those that have ended included, in
# nanoseconds: CPUCLOCK_SCHED of clock_getcpuclockid(3).
CPU_CLOCK = 2

libc = ctypes.CDLL(None)
candidates = itertools.cycle(range(17000, 32000))


class Process:
    """A program with everything it starts."""

    def __init__(
        self, name: str, command: list[str], directory: Path, cores: Iterable[int],
        environment: dict[str, str] | None = None,
    ):
        self.name, self.log = name, directory / "output.log"
        cores = set(cores)
        me = os.getpid()

        def prepare() -> None:
            # Should the benchmark be killed, its children go with it.
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != me:
                os._exit(1)
            os.sched_setaffinity(0, cores)

        self.started = time.monotonic()
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                command, cwd=directory, env=os.environ | (environment or {}), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=prepare)
        self.tree: list[int] = [self.process.pid]

    def wait_ready(self, ready: Callable[[], bool]) -> float:
        """Asks until the answer is yes; returns the seconds from the start to that."""
        while not ready():
            if self.process.poll() is not None:
                raise Problem(f"{self.name} ended with status {self.process.returncode}: {self.last_lines()}")
            if time.monotonic() - self.started > READY_SECONDS:
                raise Problem(f"{self.name} was not ready within {READY_SECONDS} s: {self.last_lines()}")
            time.sleep(0.0005)
        taken = time.monotonic() - self.started
        self.tree = descendants(self.process.pid)
        return taken

    def last_lines(self) -> str:
        return " / ".join(self.log.read_text(errors="replace").strip().splitlines()[-3:]) or "it wrote nothing"

    def cpu_seconds(self) -> float:
        """The CPU time of all threads of all its processes until now."""
        try:
            return sum(time.clock_gettime_ns((~pid << 3) | CPU_CLOCK) for pid in self.tree) / 1e9
        except OSError:
            raise Problem(f"a process of {self.name} ended: {self.last_lines()}") from None

    def memory(self) -> tuple[int, int]:
        """Resident and anonymous bytes of all its processes. Anonymous pages that processes share count once."""
        resident = anonymous = 0
        for pid in self.tree:
            sizes = Path(f"/proc/{pid}/smaps_rollup").read_text()
            resident += kibibytes(sizes, "Rss")
            anonymous += kibibytes(sizes, "Pss_Anon")
        return resident << 10, anonymous << 10

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def kibibytes(sizes: str, field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB$", sizes, re.MULTILINE)
    if not found:
        raise Problem(f"this kernel does not tell {field}: Linux 5.4 or later is needed.")
    return int(found.group(1))


def descendants(root: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may hold anything.
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(status.parent.name))
    found = [root]
    for each in found:
        found += children.get(each, [])
    return found


def answers(port: int, request: bytes) -> bool:
    """Whether the answer to a request, as written, is 200."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(request)
            return connection.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def free_ports(count: int) -> list[int]:
    """The next ports of 127.0.0.1 that nobody has, below those the kernel gives to clients."""
    found: list[int] = []
    while len(found) < count:
        port = next(candidates)
        with socket.socket() as probe:
            # As servers do, so that connections in TIME_WAIT do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    return found
