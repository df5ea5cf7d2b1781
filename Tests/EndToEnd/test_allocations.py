"""What a request asks of the allocator stays below the thresholds in bench/allocations/thresholds.json.

Counted, not timed, so the same on every machine. bench/allocations/README.md says how to find where allocations come
from and how to change a threshold.
"""

import sys

import pytest

from support.gateway import REPOSITORY

sys.path.append(str(REPOSITORY / "bench" / "allocations"))

from counting import counted_gateway, thresholds
from workload import KINDS


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    with counted_gateway(tmp_path_factory.mktemp("allocations")) as counted:
        yield counted


def test_every_kind_has_a_threshold():
    assert list(thresholds()) == [kind.name for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_allocations(counted, kind):
    cost, threshold = counted.cost(kind), thresholds()[kind.name]
    if cost.allocations > threshold + cost.allowance or cost.keeps_too_much:
        # Every five seconds the history takes a sample, and keeps what is new to it. What requests cost, they cost again.
        cost = counted.cost(kind)
    assert cost.allocations <= threshold + cost.allowance, (
        f"{kind.name}: {cost.allocations:.2f} allocations for each request, the threshold is {threshold}; "
        f"`bench/allocations/stacks '{kind.name}'` shows where they come from"
    )
    assert not cost.keeps_too_much, (
        f"{kind.name}: {cost.kept:.3f} blocks of each request are not given back, is there a leak? "
        f"`bench/allocations/stacks '{kind.name}'` shows what is allocated"
    )
