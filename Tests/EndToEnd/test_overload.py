"""At several times its capacity a backend still does what it can, and those it cannot serve hear so."""

import pytest

from support.overload import CAPACITY, PLACES, QUEUE_TIMEOUT, SERVICE, Overload

MIB = 1 << 20
SECONDS = 3
# The goal, and the seconds that turns of the processes may take; and both where others leave no processor free for the
# gateway to take its turn, which bench/overload is not meant for.
GOAL, SLACK = 0.95, 0.4
BUSY, GOAL_IF_BUSY, SLACK_IF_BUSY = 0.6, 0.6, 2


@pytest.mark.slow
@pytest.mark.parametrize("protocol, queue, factor", [
    ("h1", "short", 2), ("h1", "long", 10), ("gRPC", "short", 5)])
def test_overload(tmp_path, protocol, queue, factor):
    with Overload(tmp_path, queue) as overload:
        report = overload.measure(protocol, factor, SECONDS)
        print(dict(zip(report.HEAD, report.cells())))
        assert report.most <= PLACES, "a limit was passed"
        goal, slack = (GOAL, SLACK) if report.busy < BUSY else (GOAL_IF_BUSY, SLACK_IF_BUSY)
        assert report.late_p99 < slack, "the load itself did not keep up"
        # The places are what is scarce: how much of their time was used does not depend on how long a sleep took.
        assert report.used > goal
        assert report.goodput > (goal - 0.1) * CAPACITY
        assert report.admitted_p99 <= QUEUE_TIMEOUT + SERVICE + slack
        full, late = [{"h1": "503 ", "gRPC": "grpc 14 "}[protocol] + word for word in ("queue_full", "queue_timeout")]
        if queue == "short":
            # Whoever finds the queue full is told so, and does not wait for it. Of those who found room some may wait in
            # vain: what they wait for is shared with the other loop's.
            assert report.refused[full] > 0.9 * report.refused.total() and set(report.refused) <= {full, late}
            assert report.refused_p50 < 0.1
        else:
            assert set(report.refused) == {late}
            assert QUEUE_TIMEOUT * 0.9 <= report.refused_p50 <= QUEUE_TIMEOUT + slack
        assert report.growth < 8 * MIB
