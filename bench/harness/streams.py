"""Measurements over HTTP/2: many small requests at once, and one stream of large messages."""

from collections.abc import Sequence
from dataclasses import dataclass

import h2load
import load
from bench import Bench, Subject
from h2load import Streams
from job import require_the_job
from load import Outcome
from measure import WARM_SECONDS, Sample, measured, require_nothing_lost
from messages import infer_request
from peers import Proxy

# So many requests on each stream show how fast a proxy is, roughly; the warm-up and the measurement follow from it.
FIRST = 20


@dataclass
class Multiplexed:
    """Connections with a number of requests under way on each, always."""

    load: Streams

    def prepare(self, bench: Bench, subjects: Sequence[Subject]) -> None:
        for subject in subjects:
            require_the_job(bench, subject)

    def __call__(self, bench: Bench, subject: Subject) -> Sample:
        with bench.running(subject) as proxy:
            body = bench.directory / "request"
            body.write_bytes(self.load.protocol.body)

            def send(requests: float) -> Outcome:
                # The same for each connection.
                each = max(1, round(requests / self.load.connections))
                answer = bench.answer_bytes[self.load.protocol.name]
                return h2load.send(proxy.port, self.load, body, each * self.load.connections, answer)

            first = send(self.load.connections * self.load.streams * FIRST)
            warm = send(first.rate * WARM_SECONDS)
            before = proxy.cpu_seconds()
            outcome = send(warm.rate * bench.seconds)
            sample = measured(proxy, outcome, proxy.cpu_seconds() - before)
            if bench.instructions:
                sample["instructions"] = load.count_events(
                    proxy.tree, "instructions", lambda: send(warm.rate * WARM_SECONDS))
            if subject.peer == "sluice":
                require_nothing_lost(proxy, outcome)
            return sample


@dataclass
class OneStream:
    """One stream at a time, each of `messages` with a tensor of `size` bytes, and a small answer."""

    load: Streams
    messages: int
    size: int

    def prepare(self, bench: Bench, subjects: Sequence[Subject]) -> None:
        for subject in subjects:
            require_the_job(bench, subject)
        self.body = bench.scratch / "messages"
        if not self.body.exists():
            message = infer_request(self.size)
            with self.body.open("wb") as file:
                for _ in range(self.messages):
                    file.write(message)

    def __call__(self, bench: Bench, subject: Subject) -> Sample:
        with bench.running(subject) as proxy:
            warm = self.send(bench, proxy, 1)
            before = proxy.cpu_seconds()
            outcome = self.send(bench, proxy, max(2, round(warm.rate * bench.seconds)))
            cpu = proxy.cpu_seconds() - before
            mebibytes = outcome.requests * self.body.stat().st_size / (1 << 20)
            sample = measured(proxy, outcome, cpu)
            # Of a request of that size nobody asks how long it took.
            del sample["rate"], sample["mean"], sample["cpu"]
            return sample | {"throughput": mebibytes / outcome.seconds, "mebibyte": cpu / mebibytes * 1e6}

    def send(self, bench: Bench, proxy: Proxy, requests: int) -> Outcome:
        answer = bench.answer_bytes[self.load.protocol.name]
        return h2load.send(proxy.port, self.load, self.body, requests, answer)
