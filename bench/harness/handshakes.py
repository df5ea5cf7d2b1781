"""The measurement of TLS handshakes: full ones, and those that resume a session."""

from collections.abc import Sequence
from dataclasses import dataclass

import load
from bench import Bench, Subject, compiled
from job import require_the_job
from load import Outcome
from measure import WARM_SECONDS, Sample, measured
from peers import Proxy


@dataclass
class Handshakes:
    """New connections all the time, each closed as soon as its handshake is done."""

    clients: int
    resumed: bool

    def prepare(self, bench: Bench, subjects: Sequence[Subject]) -> None:
        for subject in subjects:
            require_the_job(bench, subject)
        self.program = str(compiled("handshakes", "-lssl", "-lcrypto"))

    def __call__(self, bench: Bench, subject: Subject) -> Sample:
        with bench.running(subject) as proxy:
            self.shake(proxy, WARM_SECONDS)
            before = proxy.cpu_seconds()
            outcome = self.shake(proxy, bench.seconds)
            sample = measured(proxy, outcome, proxy.cpu_seconds() - before)
            return {"handshakes": sample.pop("rate"), "handshake": sample.pop("cpu")} | sample

    def shake(self, proxy: Proxy, seconds: int) -> Outcome:
        kind = "resumed" if self.resumed else "full"
        output = load.run([self.program, str(proxy.port), str(self.clients), str(seconds), kind])
        numbers = load.numbers(output)
        return Outcome(numbers["requests"], numbers["duration"] / 1e6, numbers["p50"], numbers["p99"])
