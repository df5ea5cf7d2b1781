"""Runs a gateway under counter.c and says what each kind of request asks of the allocator."""

import json
import math
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from support.gateway import Gateway, wait_until
from support.mock_upstream import MockUpstream
from workload import CONFIG, Kind, Sender, reply

HERE = Path(__file__).resolve().parent
THRESHOLDS = HERE / "thresholds.json"

# Until pools, dictionaries and buffers have the size they keep.
WARM_UP = 300
# Counts that have not moved for this long are those of all requests so far: longer than the access log waits for more.
QUIET_SECONDS = 0.15
# What a measurement may be above its threshold without having become worse.
ALLOWANCE = 0.1
# Blocks of each request that may stay behind without being called a leak: tables still grow a little.
KEPT = 0.05
# What runs by the clock comes on top, and the more of it falls on a request the slower the machine is. The access log
# hands its lines over 20 times a second at least, which takes four allocations, and once a second the text of the
# date is made. Dispatch keeps one block of each hand-over, until it has a thousand for each thread.
BACKGROUND_PER_SECOND = 100
KEPT_PER_SECOND = 20


class Counts(NamedTuple):
    """`struct counts` of counter.c."""

    allocations: int
    resizes: int
    frees: int
    bytes: int

    @classmethod
    def read(cls, path: Path) -> "Counts":
        with open(path, "rb") as file:
            return cls(*struct.unpack("4Q", file.read(32)))


@dataclass(frozen=True)
class Cost:
    """What one request of a kind costs on average."""

    # Calls that may have to find memory: new blocks and resized ones.
    allocations: float
    bytes: float
    # Blocks that were not given back.
    kept: float
    seconds: float

    @property
    def allowance(self) -> float:
        """How far `allocations` may be above the threshold."""
        return ALLOWANCE + BACKGROUND_PER_SECOND * self.seconds

    @property
    def keeps_too_much(self) -> bool:
        return self.kept > KEPT + KEPT_PER_SECOND * self.seconds


class CountedGateway:
    """A gateway whose allocations are counted, and the endpoints behind it."""

    def __init__(self, gateway: Gateway, counts: Path):
        self.gateway, self.counts = gateway, counts

    def settled(self) -> Counts:
        """The counts when everything asked for so far is done."""
        seen, since = Counts.read(self.counts), time.monotonic()

        def is_quiet() -> bool:
            nonlocal seen, since
            now = Counts.read(self.counts)
            if now != seen:
                seen, since = now, time.monotonic()
            return time.monotonic() - since >= QUIET_SECONDS

        wait_until(is_quiet, 10, "the gateway rests")
        return seen

    def cost(self, kind: Kind) -> Cost:
        with Sender(kind, self.gateway.host, self.gateway.port) as sender:
            sender.send(WARM_UP)
            before, started = self.settled(), time.monotonic()
            sender.send(kind.requests)
            after, seconds = self.settled(), time.monotonic() - started
        new, resized, freed, size = (late - early for late, early in zip(after, before))
        return Cost(*(amount / kind.requests for amount in (new + resized, size, new - freed, seconds)))


def compile_counter(directory: Path) -> Path:
    library = directory / "counter.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", str(HERE / "counter.c"), "-o", str(library)], check=True)
    return library


@contextmanager
def counted_gateway(directory: Path) -> Iterator[CountedGateway]:
    counts = directory / "counts"
    environment = {"LD_PRELOAD": str(compile_counter(directory)), "ALLOCATION_COUNTS": str(counts)}
    with ExitStack() as stack:
        config = CONFIG
        for name in ("stable", "canary", "shadow"):
            upstream = stack.enter_context(MockUpstream(serve=reply))
            config = config.replace(f"{{{name}}}", upstream.address)
        gateway = stack.enter_context(Gateway(config, directory / "gateway", environment=environment))
        # Starting alone takes more.
        assert Counts.read(counts).allocations > 1000, "LD_PRELOAD has no effect: allocations are not seen"
        yield CountedGateway(gateway, counts)


def thresholds() -> dict[str, float]:
    return json.loads(THRESHOLDS.read_text())


def threshold(allocations: float) -> float:
    """The threshold that a measurement justifies: the next tenth."""
    return math.ceil(allocations * 10) / 10
