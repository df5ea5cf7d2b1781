"""More load than there is capacity, where the capacity is known: a model that sleeps, behind so many places.

`measure` offers a multiple of it for a while; `test_overload.py` and `bench/overload` judge what comes of it.
"""

import os
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from support.faulty import Faulty
from support.gateway import Gateway, free_port
from support.load import H1, Arrivals, Grpc, quantile

PLACES = 8
SERVICE = 0.1
CAPACITY = PLACES / SERVICE
QUEUE_TIMEOUT = 1.0
# A queue that is full long before its deadline, and one that never is: each is a way to say no.
QUEUES = {"short": 40, "long": 100_000}
CONFIG = """
loops: 2
backends:
  model:
    endpoints: [ENDPOINT]
    limits: { inFlight: 8, queue: QUEUE, queueTimeout: 1s }
routes:
  - { name: all, backends: [{ name: model }] }
"""
# Until the queue is as full as it gets.
RAMP = 1.5
CLIENTS = {"h1": H1, "gRPC": Grpc}


class Report(NamedTuple):
    """Rates are for each second, times in seconds, memory in bytes."""

    protocol: str
    queue: str
    factor: float
    offered: float
    goodput: float
    # How much of the time the places were in use.
    used: float
    most: int
    admitted_p99: float
    refused: Counter
    refused_p50: float
    refused_p99: float
    memory_before: int
    memory_after: int
    # Of all cores, by everybody.
    busy: float
    late_p99: float

    HEAD = ("protocol", "queue", "offered", "goodput", "of capacity", "places used", "admitted p99", "refused",
            "refused p50", "refused p99", "memory", "grew by", "processor", "load late p99")

    @property
    def growth(self) -> int:
        return self.memory_after - self.memory_before

    def cells(self) -> tuple:
        refused = ", ".join(f"{count} × {what}" for what, count in self.refused.most_common()) or "0"
        return (self.protocol, self.queue, f"{self.factor:g} × ({self.offered:.0f}/s)", f"{self.goodput:.1f}/s",
                f"{self.goodput / CAPACITY:.1%}", f"{self.used:.1%}", f"{self.admitted_p99 * 1e3:.0f} ms", refused,
                f"{self.refused_p50 * 1e3:.1f} ms", f"{self.refused_p99 * 1e3:.1f} ms",
                f"{self.memory_after / (1 << 20):.1f} MiB", f"{self.growth / (1 << 20):.1f} MiB",
                f"{self.busy:.0%}", f"{self.late_p99 * 1e3:.1f} ms")


def markdown(reports) -> str:
    cells = [Report.HEAD, *(each.cells() for each in reports)]
    lines = ["| " + " | ".join(each) + " |" for each in cells]
    lines.insert(1, "|---|---|" + "---:|" * 5 + "---|" + "---:|" * 6)
    return "\n".join(lines)


class Overload:
    """One gateway in front of the model that sleeps."""

    def __init__(self, workdir: Path, queue: str):
        self.queue = queue
        self.model = Faulty(free_port(), free_port(), "model", delay=SERVICE)
        endpoint = f"{{ address: '{self.model.address}', triton: {{ grpcPort: {self.model.grpc} }} }}"
        text = CONFIG.replace("ENDPOINT", endpoint).replace("QUEUE", str(QUEUES[queue]))
        self.gateway = Gateway(text, workdir)

    def __enter__(self) -> "Overload":
        try:
            self.gateway.start()
        except BaseException:
            self.model.stop()
            raise
        return self

    def __exit__(self, kind, *_) -> None:
        self.model.stop()
        self.gateway.stop(check=kind is None)

    def measure(self, protocol: str, factor: float, seconds: float) -> Report:
        gateway, make = self.gateway, CLIENTS[protocol]
        with Arrivals(lambda: make(gateway.port), CAPACITY * factor, "infer") as load:
            time.sleep(RAMP)
            memory, begin, ticks = gateway.rss(), time.monotonic(), cpu_ticks()
            before = self.model.counts()
            time.sleep(seconds)
            after, end = self.model.counts(), time.monotonic()
            busy = cpu_ticks() - ticks
            memory_after = gateway.rss()
        # Those that ended meanwhile; what was refused, where it came meanwhile.
        answered = [each for each in load.results if begin <= each.begin + each.seconds < end]
        good = [each for each in answered if each.good]
        refused = [each for each in answered if not each.good]
        return Report(
            protocol, self.queue, factor, load.sent / (end - begin + RAMP), len(good) / (end - begin),
            (after["busy"] - before["busy"]) / PLACES / (end - begin), after["most"],
            quantile([each.seconds for each in good], 0.99), Counter(each.outcome for each in refused),
            quantile([each.seconds for each in refused], 0.5), quantile([each.seconds for each in refused], 0.99),
            memory, memory_after, busy / os.sysconf("SC_CLK_TCK") / (end - begin) / os.cpu_count(),
            quantile(load.lateness, 0.99))


def cpu_ticks() -> int:
    """What all processes of the machine have used."""
    fields = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return sum(fields[:8]) - fields[3] - fields[4]
