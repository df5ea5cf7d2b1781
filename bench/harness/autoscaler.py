"""What a HorizontalPodAutoscaler makes of numbers, so that it can be watched without a cluster.

Kubernetes' rules: desired = ceil(current × value / target), nothing within the tolerance, the largest of several metrics,
and `behavior` (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details).
"""

import math
from dataclasses import dataclass, field

TOLERANCE = 0.1


@dataclass(frozen=True)
class Metric:
    """`per_replica`: the value is a sum, and its target is for each replica (AverageValue); else it is a mean (Value)."""

    name: str
    target: float
    per_replica: bool = False

    def wanted(self, replicas: int, value: float) -> int:
        """For at least one replica; what is asked for may be 0."""
        ratio = value / self.target / (replicas if self.per_replica else 1)
        if 1 - TOLERANCE <= ratio <= 1 + TOLERANCE:
            return replicas
        return math.ceil(replicas * ratio)


@dataclass
class Autoscaler:
    """Seconds are of any clock that only goes forward. Each way it changes by one replica in `period` seconds at most."""

    metrics: list
    least: int
    most: int
    # Down to the largest number that was wanted within so many seconds.
    stabilization: float
    period: float
    history: list = field(default_factory=list)
    changed: float = -math.inf

    def decide(self, now: float, replicas: int, values: dict) -> int:
        """How many there are to be from now on."""
        wanted = max(metric.wanted(replicas, values[metric.name]) for metric in self.metrics)
        wanted = min(max(wanted, self.least), self.most)
        self.history = [each for each in self.history if each[0] > now - self.stabilization] + [(now, wanted)]
        if wanted < replicas:
            wanted = min(replicas, max(each for _, each in self.history))
        if wanted == replicas or now - self.changed < self.period:
            return replicas
        self.changed = now
        return replicas + (1 if wanted > replicas else -1)
