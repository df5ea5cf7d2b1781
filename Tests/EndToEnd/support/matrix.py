"""One fault of one endpoint of three, under load: what clients notice, and how soon the gateway does.

`measure` gives one row; `bench/faults` prints all of them, and `test_fault_matrix.py` holds some to what they promise.
"""

import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from support.faulty import Faulty
from support.gateway import Gateway, free_port, wait_until
from support.load import H1, Clients, Grpc

# The times are short so that many faults fit into a minute: defaults are 2 s between checks and 30 s of ejection.
CONFIG = """
loops: 2
backends:
  fleet:
    endpoints: [ENDPOINTS]
    timeouts: { connect: 500ms }
    health: { interval: 500ms, timeout: 300ms }
    outlierDetection: { baseEjectionTime: 1s }
routes:
  - name: all
    idleTimeout: 1s
    retries:
      attempts: 2
      on: [connectFailure, refusedStream, reset, timeout, 503]
      perTryTimeout: 500ms
      inference: true
    backends: [{ name: fleet }]
"""
NAMES = ("first", "second", "third")
# What an answer takes where nothing is wrong.
SERVICE = 0.005
# Between the answer and the client's next request: many clients would otherwise measure this program alone.
PAUSE = 0.01
CALM = 0.5
# Under the fault, once it was noticed; and all in all where nobody is meant to notice it.
UNDER_FAULT = 1.0
UNNOTICED = 2.5
OUT_PATIENCE, BACK_PATIENCE = 10, 20
NOWHERE = "nobody.invalid:80"
# Measured by `matrix_triton`, and shown with the others.
TRITON = "Triton: kill -9"


class Fault(NamedTuple):
    """`begin` and `end` act on an endpoint; `takes_out` says whether the gateway is to leave the endpoint alone, `None`
    that it may, and `harms` whether some clients cannot be spared."""

    name: str
    begin: object
    end: object
    takes_out: bool | None = True
    harms: bool = False


def switched(name: str, fault: str, takes_out: bool | None = True, harms: bool = False, **behaviour) -> Fault:
    return Fault(name, lambda endpoint: endpoint.set(fault=fault, **behaviour),
                 lambda endpoint: endpoint.set(fault="ok", health="follow"), takes_out, harms)


class Unresolved(Fault):
    """Not of the process: its place in the configuration is taken by a name that has no address."""


FAULTS = {
    fault.name: fault
    for fault in (
        switched("refuse", "refuse"),
        switched("RST", "reset"),
        switched("hang before head", "hang"),
        switched("hang before head, healthy", "hang", health="ok"),
        # The answer has begun: it can neither be sent again nor be made up.
        switched("hang mid-body, healthy", "half", harms=True, health="ok"),
        switched("slow, healthy", "slow", takes_out=False, health="ok", slow=0.2),
        # Of the model, and the endpoint stays: its clients see their share of it.
        switched("500, healthy", "500", takes_out=False, harms=True, health="ok"),
        # Retried within the budget, and passed on beyond it.
        switched("busy 503, healthy", "503", takes_out=False, harms=True, health="ok"),
        switched("flap", "flap", takes_out=None, period=0.7),
        Unresolved("no such name", None, None),
        Fault("kill -9", lambda endpoint: endpoint.kill(), lambda endpoint: endpoint.start()),
        Fault("SIGSTOP", lambda endpoint: endpoint.pause(), lambda endpoint: endpoint.resume()),
    )
}
CLIENTS = {"h1": (H1, H1.KINDS), "gRPC": (Grpc, Grpc.KINDS)}
CONNECTIONS = (1, 32)


class Row(NamedTuple):
    fault: str
    protocol: str
    connections: int
    requests: int
    errors: Counter
    # Seconds; `None` where it did not happen.
    out: float | None
    back: float | None
    retries: int

    HEAD = ("fault", "protocol", "connections", "requests", "errors", "out after", "back after", "retries")

    def cells(self) -> tuple:
        errors = ", ".join(f"{count} × {what}" for what, count in self.errors.most_common()) or "0"
        return (self.fault, self.protocol, str(self.connections), str(self.requests), errors,
                seconds(self.out), seconds(self.back), str(self.retries))


def seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"


def markdown(rows) -> str:
    cells = [Row.HEAD, *(row.cells() for row in rows)]
    lines = ["| " + " | ".join(each) + " |" for each in cells]
    lines.insert(1, "|---|---|" + "---:|" * 2 + "---|" + "---:|" * 3)
    return "\n".join(lines)


def complaints(row: Row) -> list:
    """What clients noticed although they could have been spared, and what the gateway did not notice."""
    fault, found = FAULTS.get(row.fault, FAULTS["kill -9"]), []
    where = f"{row.fault}, {row.protocol}, {row.connections} connections"
    if row.errors and not fault.harms:
        found.append(f"{where}: clients saw {dict(row.errors)}")
    if fault.takes_out and row.out is None:
        found.append(f"{where}: the endpoint was not left alone")
    if fault.takes_out is False and row.out is not None:
        found.append(f"{where}: the endpoint was left alone, and could have served")
    if row.out is not None and row.back is None:
        found.append(f"{where}: the endpoint did not come back")
    return found


class Fleet:
    """Three endpoints and the gateway in front of them; one case follows the other."""

    def __init__(self, workdir: Path, config: str = CONFIG):
        self.config = config
        self.stack = ExitStack()
        self.workdir = workdir

    def __enter__(self) -> "Fleet":
        try:
            self.endpoints = [self.stack.enter_context(Faulty(free_port(), free_port(), name, delay=SERVICE))
                              for name in NAMES]
            self.gateway = self.stack.enter_context(Gateway(self.text(), self.workdir))
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *problem) -> None:
        self.stack.__exit__(*problem)

    def text(self, instead_of_last: str | None = None) -> str:
        entries = [f"{{ address: '{each.address}', triton: {{ grpcPort: {each.grpc} }} }}" for each in self.endpoints]
        if instead_of_last:
            entries[-1] = f"'{instead_of_last}'"
        return self.config.replace("ENDPOINTS", ", ".join(entries))

    @property
    def victim(self) -> Faulty:
        return self.endpoints[-1]

    def is_up(self, endpoint: Faulty) -> bool:
        """An endpoint that is not in the configuration is not."""
        return self.gateway.metrics().sum("sluice_endpoint_up", endpoint=endpoint.address) == 1

    def reload(self, text: str) -> None:
        self.gateway.replace_config(text)
        status, answer = self.gateway.reload()
        assert status == 200, answer

    def wait(self, up: bool, patience: float) -> float | None:
        """Seconds until the victim is up, or out; `None` if that does not come."""
        begin = time.monotonic()
        while self.is_up(self.victim) != up:
            if time.monotonic() - begin > patience:
                return None
            time.sleep(0.02)
        return time.monotonic() - begin

    def settle(self) -> None:
        """All are up, and stay so: one on trial needs a request to come back."""
        with Clients(lambda: H1(self.gateway.port), 4, H1.KINDS, PAUSE):
            wait_until(lambda: all(map(self.is_up, self.endpoints)), BACK_PATIENCE, "everybody is up again")
            time.sleep(CALM)
            wait_until(lambda: all(map(self.is_up, self.endpoints)), BACK_PATIENCE, "everybody stays up")

    def measure(self, fault: Fault, protocol: str, connections: int) -> Row:
        make, kinds = CLIENTS[protocol]
        victim, gateway = self.victim, self.gateway
        self.settle()
        retries = gateway.metrics().sum("sluice_retries_total")
        with Clients(lambda: make(gateway.port), connections, kinds, PAUSE) as load:
            time.sleep(CALM)
            if isinstance(fault, Unresolved):
                self.reload(self.text(NOWHERE))
            else:
                fault.begin(victim)
            out = self.wait(False, OUT_PATIENCE if fault.takes_out else UNNOTICED)
            time.sleep(UNDER_FAULT)
            if isinstance(fault, Unresolved):
                self.reload(self.text())
            else:
                fault.end(victim)
            back = self.wait(True, BACK_PATIENCE)
            time.sleep(CALM)
        return Row(fault.name, protocol, connections, len(load.results), load.failures, out,
                   None if out is None else back, int(gateway.metrics().sum("sluice_retries_total") - retries))
