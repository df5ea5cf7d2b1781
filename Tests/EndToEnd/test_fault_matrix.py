"""Some rows of the fault matrix (bench/faults has all): an endpoint of three fails under load, and clients notice
nothing that they could be spared."""

import pytest

from support.matrix import CONFIG, FAULTS, Fleet, complaints

# Longer than those of bench/: a busy machine must not look like a fault of the endpoints that have none.
PATIENT = (CONFIG.replace("perTryTimeout: 500ms", "perTryTimeout: 1500ms").replace("timeout: 300ms", "timeout: 1s")
           .replace("connect: 500ms", "connect: 1s").replace("idleTimeout: 1s", "idleTimeout: 10s"))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with Fleet(tmp_path_factory.mktemp("matrix"), PATIENT) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("fault, protocol, connections", [
    ("refuse", "h1", 32), ("RST", "gRPC", 32), ("hang before head", "h1", 32),
    ("hang before head, healthy", "gRPC", 32), ("slow, healthy", "h1", 1), ("flap", "gRPC", 1), ("no such name", "h1", 1), ("kill -9", "h1", 32),
    ("kill -9", "gRPC", 32), ("SIGSTOP", "h1", 32)])
def test_fault(fleet, fault, protocol, connections):
    fleet.gateway.check_alive()
    row = fleet.measure(FAULTS[fault], protocol, connections)
    print(dict(zip(row.HEAD, row.cells())))
    assert not complaints(row)
    assert row.requests > 20 * connections
    # What is there no more gets nothing; what is slow or gone for a moment costs a few more tries at most.
    assert row.retries <= max(30, row.requests / 5)
    assert fleet.gateway.metrics().sum("sluice_requests_in_flight") == 0
