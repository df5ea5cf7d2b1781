"""At several times its capacity a backend still does what it can, and those it cannot serve hear so."""

import pytest

from support.overload import CAPACITY, PLACES, QUEUE_TIMEOUT, QUEUES, SERVICE, Overload

MIB = 1 << 20
SECONDS = 3
# For the turns of the processes on a machine that does something else as well.
SLACK = 0.4


@pytest.mark.slow
@pytest.mark.parametrize("protocol, queue, factor", [
    ("h1", "short", 2), ("h1", "long", 10), ("gRPC", "short", 5)])
def test_overload(tmp_path, protocol, queue, factor):
    with Overload(tmp_path, queue) as overload:
        report = overload.measure(protocol, factor, SECONDS)
        print(dict(zip(report.HEAD, report.cells())))
        assert report.most <= PLACES, "a limit was passed"
        assert report.late_p99 < 0.5, "the load itself did not keep up"
        # The places are what is scarce: how much of their time was used does not depend on how long a sleep took.
        assert report.used > 0.95
        assert report.goodput > 0.85 * CAPACITY
        assert report.admitted_p99 <= QUEUE_TIMEOUT + SERVICE + SLACK
        full = "503 queue_full" if protocol == "h1" else "grpc 14 queue_full"
        late = full.replace("full", "timeout")
        assert set(report.refused) <= ({full, late} if queue == "short" else {late})
        # Where sleeps last longer than they should, a full short queue may take longer than its deadline.
        assert queue == "long" or report.refused[full] > 0.9 * sum(report.refused.values())
        # Whoever finds the queue full is told so, and does not wait for it.
        if queue == "short":
            assert report.admitted_p99 <= (QUEUES[queue] + PLACES) / CAPACITY + SERVICE + SLACK
            assert report.refused_p50 < 0.1
        else:
            assert QUEUE_TIMEOUT * 0.9 <= report.refused_p50 <= QUEUE_TIMEOUT + SLACK
        assert report.growth < 8 * MIB
