"""Medians over the rounds, and what the goals make of them."""

import statistics
from dataclasses import dataclass, field

from measure import Sample
from rows import Goal, Row
from watched import SideBySide


@dataclass
class Result:
    """The samples of a row by the names of its subjects, or why there are none."""

    row: Row
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    failure: str | None = None

    def median(self, subject: str, metric: str) -> float | None:
        values = self.values(subject, metric)
        return statistics.median(values) if values else None

    def values(self, subject: str, metric: str) -> list[float]:
        found = (sample.get(metric) for sample in self.samples.get(subject, []))
        return [value for value in found if value is not None]

    def spread(self, subject: str, metric: str) -> float:
        """The distance of the rounds' extremes, as a share of their median."""
        values = self.values(subject, metric)
        middle = statistics.median(values) if values else 0
        return (max(values) - min(values)) / middle if middle else 0

    def verdicts(self) -> "list[Verdict]":
        return [Verdict.of(self, goal) for goal in self.row.goals]


@dataclass(frozen=True)
class Verdict:
    """A goal beside what came out."""

    goal: Goal
    value: float | None
    # The best of those measured against, and its value.
    best: str | None
    best_value: float | None
    # The ratio of each round, where both were measured side by side; then the median of these counts.
    rounds: tuple[float, ...] = ()

    @staticmethod
    def of(result: Result, goal: Goal) -> "Verdict":
        others = {name: result.median(name, goal.metric) for name in goal.against}
        known = {name: value for name, value in others.items() if value is not None}
        best = min(known, key=lambda name: known[name]) if known else None
        rounds: tuple[float, ...] = ()
        if best and isinstance(result.row.measurement, SideBySide):
            pairs = zip(result.values(goal.subject, goal.metric), result.values(best, goal.metric))
            rounds = tuple(value / other for value, other in pairs)
        return Verdict(goal, result.median(goal.subject, goal.metric), best, known[best] if best else None, rounds)

    @property
    def ratio(self) -> float | None:
        if self.value is None or not self.best_value:
            return None
        if self.rounds:
            return statistics.median(self.rounds)
        return self.value / self.best_value

    @property
    def met(self) -> bool | None:
        """None without a goal, or without somebody to measure against."""
        if self.goal.most is None or self.ratio is None:
            return None
        # Of what the table shows, so that both say the same.
        return round(self.ratio, 2) <= self.goal.most

    @property
    def word(self) -> str:
        return {None: "", True: "met", False: "not met"}[self.met]
