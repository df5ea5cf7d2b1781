"""One measurement of one proxy: start it, warm it up, load it, and ask the kernel what that took."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import load
from bench import Bench, Subject
from idle import Crowd
from job import direct, require_the_job
from load import Load, Outcome
from machine import Problem
from peers import PEERS, Proxy

WARM_SECONDS = 1
# For memory that a proxy gives back a moment later.
SETTLE_SECONDS = 2
# A rate that every proxy can bear: this share of what the slowest does at most.
HALF = 0.5
# Descriptors beside one for each idle client: endpoints, listeners, logs.
SPARE_FILES = 500

# What was measured, by the names of report.COLUMNS; None where this machine cannot tell.
Sample = dict[str, float | None]


def measured(proxy: Proxy, outcome: Outcome, cpu: float) -> Sample:
    resident, anonymous = proxy.memory()
    return {
        "rate": outcome.rate,
        "p50": None if outcome.p50 is None else outcome.p50 / 1e3,
        "p99": None if outcome.p99 is None else outcome.p99 / 1e3,
        "mean": None if outcome.mean is None else outcome.mean / 1e3,
        "cpu": cpu / outcome.requests * 1e6,
        "busy": cpu / outcome.seconds * 100,
        "instructions": None,
        "resident": resident / (1 << 20),
        "anonymous": anonymous / (1 << 20),
    }


@dataclass
class ClosedLoop:
    """Connections that always have a request under way."""

    load: Load
    shared_cores: bool = False

    def prepare(self, bench: Bench, subjects: Sequence[Subject]) -> None:
        for subject in subjects:
            require_the_job(bench, subject)

    def __call__(self, bench: Bench, subject: Subject) -> Sample:
        with bench.running(subject, self.shared_cores) as proxy:
            # As many for each loop, or it would have less to do at each turn.
            load_of_all = replace(self.load, connections=self.load.connections * subject.loops)

            def send(seconds: float) -> Outcome:
                return load.closed_loop(proxy.port, load_of_all, seconds, subject.protocol.scheme)

            send(WARM_SECONDS)
            before = proxy.cpu_seconds()
            outcome = send(bench.seconds)
            sample = measured(proxy, outcome, proxy.cpu_seconds() - before)
            if bench.instructions:
                # By itself, since counting costs a little at every switch between threads.
                sample["instructions"] = load.count_events(proxy.tree, "instructions", lambda: send(1))
            if subject.peer == "sluice":
                require_nothing_lost(proxy, outcome)
            return sample


def require_nothing_lost(proxy: Proxy, outcome: Outcome | None) -> None:
    """Raises Problem if Sluice left out lines of its access log, or copies for a mirror of what `outcome` has."""
    with direct.open(f"http://127.0.0.1:{proxy.admin}/metrics", timeout=5) as answer:
        metrics = answer.read().decode()
    lines = re.findall(r"^sluice_access_log_dropped_total (\S+)", metrics, re.MULTILINE)
    if [float(count) for count in lines] != [0]:
        raise Problem(f"lines of the access log were dropped: {lines}")
    found = re.findall(r'^sluice_mirror_requests_total\{.*outcome="(\w+)"\} (\S+)', metrics, re.MULTILINE)
    copies = {end: float(count) for end, count in found}
    # What the load leaves behind when it ends is canceled.
    lost = sum(copies.get(end, 0) for end in ("dropped", "error", "timeout"))
    if outcome and copies and (copies["ok"] < outcome.requests or lost > 0):
        raise Problem(f"{outcome.requests} requests were to be mirrored, and the copies are {copies}")


@dataclass
class OpenLoop:
    """The same rate for everyone, half of what the slowest can do."""

    load: Load
    rate: float = 0

    def prepare(self, bench: Bench, subjects: Sequence[Subject]) -> None:
        most: list[float] = []
        for subject in subjects:
            with bench.running(subject) as proxy:
                load.closed_loop(proxy.port, self.load, WARM_SECONDS)
                outcome = load.closed_loop(proxy.port, self.load, bench.seconds)
                most.append(outcome.rate)
        self.rate = min(most) * HALF

    def __call__(self, bench: Bench, subject: Subject) -> Sample:
        with bench.running(subject) as proxy:
            load.open_loop(proxy.port, self.load, self.rate, WARM_SECONDS)
            before = proxy.cpu_seconds()
            outcome = load.open_loop(proxy.port, self.load, self.rate, bench.seconds)
            return measured(proxy, outcome, proxy.cpu_seconds() - before)


@dataclass
class Idle:
    """Memory without clients, and with many that have done their request and wait."""

    clients: int

    def prepare(self, bench: Bench, subjects: Sequence[Subject]) -> None:
        if bench.files < self.clients + SPARE_FILES:
            raise Problem(
                f"{self.clients} connections need {self.clients + SPARE_FILES} descriptors, "
                f"and the limit is {bench.files}: raise it with ulimit -Hn.")

    def __call__(self, bench: Bench, subject: Subject) -> Sample:
        with bench.running(subject) as proxy, Crowd(proxy.port) as crowd:
            time.sleep(SETTLE_SECONDS)
            before = proxy.memory()[1]
            crowd.grow(self.clients)
            time.sleep(SETTLE_SECONDS)
            crowd.require_open()
            resident, after = proxy.memory()
            # Whoever closes first keeps the port for a minute: let that be the proxy.
            proxy.stop()
            return {
                "before": before / (1 << 20),
                "anonymous": after / (1 << 20),
                "connection": (after - before) / self.clients / 1024,
                "resident": resident / (1 << 20),
            }


@dataclass
class Start:
    """The program's size, and the time until it serves."""

    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def prepare(self, bench: Bench, subjects: Sequence[Subject]) -> None:
        for subject in subjects:
            program, stripped = Path(PEERS[subject.peer].program), bench.scratch / "stripped"
            load.run(["strip", "-o", str(stripped), str(program)])
            self.sizes[subject.name] = program.stat().st_size, stripped.stat().st_size
            stripped.unlink()

    def __call__(self, bench: Bench, subject: Subject) -> Sample:
        size, stripped = self.sizes[subject.name]
        with bench.running(subject):
            return {
                "start": bench.start_seconds * 1e3,
                "binary": size / (1 << 20),
                "stripped": stripped / (1 << 20),
            }


@dataclass
class Loaded:
    """The time until it serves, and what its configuration takes."""

    def prepare(self, bench: Bench, subjects: Sequence[Subject]) -> None:
        pass

    def __call__(self, bench: Bench, subject: Subject) -> Sample:
        with bench.running(subject) as proxy:
            start = bench.start_seconds * 1e3
            time.sleep(SETTLE_SECONDS)
            resident, anonymous = proxy.memory()
            return {"start": start, "resident": resident / (1 << 20), "anonymous": anonymous / (1 << 20)}
