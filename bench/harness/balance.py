"""How well a proxy balances: three endpoints that differ in nothing but that one takes ten times as long."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench import Bench, Subject
from job import GOOD, answers
from machine import Problem
from measure import ClosedLoop

# Enough for the least used of the three to be seen, one request after the other.
REQUESTS = 300


@dataclass
class Balanced(ClosedLoop):
    """Connections that always have a request under way, to a backend of three."""

    def prepare(self, bench: Bench, subjects: Sequence[Subject]) -> None:
        for subject in subjects:
            with bench.running(subject) as proxy:
                served = answers(proxy, subject.protocol, subject.protocol.path, GOOD, REQUESTS)
            by_port = Counter(answer.fields.get("x-port") for answer in served if answer.good)
            if set(by_port) != set(map(str, bench.balance_ports)) or by_port.total() != REQUESTS:
                raise Problem(f"{subject.name} sent {dict(by_port)} of {REQUESTS} requests to the three endpoints")
