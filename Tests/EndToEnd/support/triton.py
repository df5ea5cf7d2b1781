"""Real Tritons for the tests: the three of the demonstration, on free ports, started once for all tests that ask.

`make end-to-end` installs them; the code that starts them is the demonstration's own.
"""

import atexit
import functools
import random
import signal
import socket
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from support.gateway import PORTS, REPOSITORY, wait_until

sys.path.insert(0, str(REPOSITORY / "config" / "demo"))

import observe  # noqa: E402
import ports  # noqa: E402
import servers  # noqa: E402

# Readings of the statistics, 10 ms and a round trip apart, that have to agree before a server counts as idle.
SETTLED_READINGS = 25
NAMES = ("stable", "canary", "shadow")


given_out = []


def free_ports() -> ports.TritonPorts:
    """Three ports in a row that nobody listens on now and that this function has not given to anyone."""
    for _ in range(200):
        candidate = ports.TritonPorts(random.choice(PORTS))
        if any(abs(candidate.http - given) < 3 for given in given_out):
            continue
        probes = [socket.socket() for _ in range(3)]
        try:
            for port, probe in zip((candidate.http, candidate.grpc, candidate.metrics), probes):
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
            given_out.append(candidate.http)
            return candidate
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise RuntimeError("no three free ports in a row found")


class Triton:
    """One running server: `name` is which models it has, `directory` takes its log."""

    def __init__(self, name: str, directory: Path):
        if not servers.TRITONSERVER.exists():
            raise FileNotFoundError("no Triton in .build-tools: run config/demo/setup tests")
        self.name = name
        self.ports = free_ports()
        self.server = servers.Triton(name, self.ports, directory)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.ports.http}"

    def wait_ready(self) -> "Triton":
        self.server.wait_ready()
        return self

    def stop(self) -> int:
        return self.server.stop()

    def inferences(self, model: str | None = None) -> int:
        """Requests it has executed, of one model or of all, by its own statistics."""
        counts = observe.inferences(self.ports.http)
        return counts[model] if model else sum(counts.values())

    @contextmanager
    def hung(self):
        """The process stands still inside: it accepts connections, in the kernel, and answers nothing."""
        self.server.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.server.process.send_signal(signal.SIGCONT)
            self.wait_idle()

    def wait_idle(self) -> None:
        """Until no request has been executed for a while: those the kernel held for a stopped process come late."""
        seen = []

        def unchanged() -> bool:
            seen.append(self.inferences())
            return len(seen) > SETTLED_READINGS and len(set(seen[-SETTLED_READINGS:])) == 1

        wait_until(unchanged, 20, "the server is idle")


class Tritons:
    """All three, with the pieces of configuration that name them."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="sluice-tritons-"))
        self.all = [Triton(name, self.directory) for name in NAMES]
        atexit.register(self.stop)
        self.stable, self.canary, self.shadow = [each.wait_ready() for each in self.all]

    def stop(self) -> None:
        for each in self.all:
            each.server.ask_to_stop()
        for each in self.all:
            each.server.wait_stopped()

    def config(self, stable: int = 80, canary: int = 20, mirror: float | None = None, top: str = "",
               backend: str = "", route: str = "") -> str:
        """YAML for a gateway in front of them: a split, a mirror percentage, and more lines for each place.

        A canary weight of 0 leaves its entry in place. `top` is added at the top level, `backend` to every backend
        and `route` to the route, each as whole lines without indentation.
        """
        lines = [top.strip(), "backends:"]
        for each in self.all:
            lines += [f"  {each.name}:", f"    endpoints: ['{each.address}']", *indent(backend, 4)]
        lines += [
            "routes:",
            "  - name: infer",
            "    match: [{ path: { prefix: /v2 } }]",
            *indent(route, 4),
            "    backends:",
            f"      - {{ name: stable, weight: {stable} }}",
            f"      - {{ name: canary, weight: {canary} }}",
        ]
        if mirror is not None:
            lines += ["    mirrors:", f"      - {{ backend: shadow, percent: {mirror:g} }}"]
        return "\n".join(lines) + "\n"


def indent(text: str, columns: int) -> list:
    return [" " * columns + line for line in text.strip().splitlines()]


@functools.cache
def shared() -> Tritons:
    """The three Tritons of this test run, stopped when it ends."""
    return Tritons()
