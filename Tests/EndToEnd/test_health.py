"""Active health checks: who is asked what and when, what the answers come to, and what clients get meanwhile."""

import time
from datetime import datetime

import pytest

from support.fleet import NO_PANIC, fleet  # noqa: F401, a fixture
from support.gateway import wait_until

# Outliers are another test's business.
ALONE = f"outlierDetection: {{ consecutiveErrors: 0 }}, {NO_PANIC}"
# An endpoint that is merely slow to answer passes; where none answers, a test takes what suits it.
OFTEN = f"health: {{ interval: 100ms, timeout: 5s }}, {ALONE}"
IMPATIENT = OFTEN.replace("5s", "500ms")
# One check within the first second, and the next one long after the test.
SELDOM = f"health: {{ interval: 1m, timeout: 5s }}, {ALONE}"


@pytest.mark.parametrize("health", ["not ready", "hang", "unknown"])
def test_an_endpoint_that_is_not_ready_gets_nothing(fleet, health):
    good, bad = fleet.add(), fleet.add(health=health)
    fleet.start(IMPATIENT if health == "hang" else OFTEN, has_grpc=False)
    fleet.wait_up(bad, False)
    before = bad.requests
    wait_until(lambda: fleet.served(30) == {"first": 30}, 20, "the other one serves")
    assert bad.requests == before
    bad.set(health="ok")
    for each in (bad, good):
        fleet.wait_up(each)
    wait_until(lambda: set(fleet.served(40)) == {"first", "second"}, 20, "both serve")


@pytest.mark.parametrize("how", ["refuse", "reset", "kill", "pause"])
def test_an_endpoint_that_is_gone(fleet, how):
    fleet.add()
    bad = fleet.add()
    fleet.start(IMPATIENT if how == "pause" else OFTEN)
    wait_until(lambda: set(fleet.served(40)) == {"first", "second"}, 20, "both serve")
    if how in ("kill", "pause"):
        getattr(bad, how)()
    else:
        bad.set(fault=how)
    fleet.wait_up(bad, False)

    def only_first() -> bool:
        found = fleet.served(30)
        # On a machine that stops, the other one may be out for a moment as well.
        assert set(found) <= {"first", "503 no_endpoint"}, found
        return found == {"first": 30}

    wait_until(only_first, 20, "the other one serves")
    # Who refuses costs a request only another try.
    assert fleet.gateway.metrics().sum("sluice_retries_total", reason="connect_failure") == 0
    if how == "kill":
        bad.start()
    elif how == "pause":
        bad.resume()
    else:
        bad.set(fault="ok")
    fleet.wait_up(bad)
    wait_until(lambda: set(fleet.served(40)) == {"first", "second"}, 20, "both serve")


def test_without_the_key_nobody_is_asked(fleet):
    endpoint = fleet.add(health="not ready")
    fleet.start("limits: {}")
    assert fleet.served(20) == {"first": 20}
    assert endpoint.counts()["checks"] == 0
    assert fleet.is_up(endpoint)


def test_the_first_check_counts_whatever_the_thresholds(fleet):
    """A newcomer that loads its models is out at once, and not after as many checks as one that served."""
    good, bad = fleet.add(), fleet.add(health="not ready")
    fleet.start(SELDOM.replace("interval", "unhealthyThreshold: 5, interval"), has_grpc=False)
    fleet.wait_up(bad, False)
    assert fleet.served(20) == {"first": 20}
    wait_until(lambda: good.counts()["checks"], 20, "the other one is asked as well")
    assert [each.counts()["paths"].get("/v2/health/ready") for each in (good, bad)] == [1, 1]


def test_thresholds(fleet):
    """Out after three failures and no fewer, back after four successes and no fewer."""
    fleet.add()
    bad = fleet.add()
    fleet.start("health: { interval: 400ms, timeout: 5s, unhealthyThreshold: 3, healthyThreshold: 4 }, " + ALONE,
                has_grpc=False)
    fleet.wait_checked(bad, 1)

    def checks_until(up: bool, health: str) -> int:
        # Counted at the moment of the change.
        begin = bad.tell({"set": {"health": health}})["checks"]
        fleet.wait_up(bad, up)
        return bad.counts()["checks"] - begin

    # On a busy machine more checks may come between the change and the look at it, and never one less.
    for _ in range(5):
        down, up = checks_until(False, "not ready"), checks_until(True, "ok")
        assert down >= 3 and up >= 4
        if (down, up) == (3, 4):
            return
    raise AssertionError(f"the last ones took {down} and {up}")


def test_where_it_asks(fleet):
    """The preset of the server, or the path that is written; with query."""
    endpoint = fleet.add(health="ok")
    fleet.start(OFTEN, has_grpc=False)
    fleet.wait_checked(endpoint)
    assert set(endpoint.counts()["paths"]) == {"/v2/health/ready"}
    fleet.reload(OFTEN.replace("interval", "path: '/v2/health/live?deep=1', interval"), has_grpc=False)
    wait_until(lambda: "/v2/health/live" in endpoint.counts()["paths"], 20, "the other path is asked")


def test_a_generic_server_only_has_to_take_a_connection(fleet):
    fleet.add()
    bad = fleet.add(health="not ready")
    fleet.start("server: generic, " + OFTEN, has_grpc=False)
    connections = bad.counts()["connections"]
    wait_until(lambda: bad.counts()["connections"] >= connections + 3, 20, "it is connected to")
    assert bad.counts()["checks"] == 0
    assert set(fleet.served(40)) == {"first", "second"}
    bad.set(fault="refuse")
    fleet.wait_up(bad, False)
    assert fleet.served(20) == {"first": 20}


def test_grpc_is_asked_where_there_is_a_port_for_it(fleet):
    """A server that does not know the service is ready; one that says NOT_SERVING is not."""
    fleet.add(health="ok")
    bad = fleet.add(health="ok")
    fleet.start(OFTEN)
    check = "/grpc.health.v1.Health/Check"
    wait_until(lambda: bad.counts()["paths"].get(check, 0) >= 2, 20, "gRPC is asked")
    assert fleet.is_up(bad)
    bad.set(health="not ready")
    fleet.wait_up(bad, False)
    assert {fleet.call() for _ in range(10)} == {"first"}
    assert fleet.served(20) == {"first": 20}


def test_grpc_alone(fleet):
    """With HTTP/2 as the protocol and `grpc: true` the one port is asked by gRPC, and nothing else."""
    endpoint = fleet.add(health="ok")
    fleet.start("protocol: http2, " + OFTEN.replace("interval", "grpc: true, interval"), has_grpc=False)
    fleet.wait_checked(endpoint)
    assert set(endpoint.counts()["paths"]) == {"/grpc.health.v1.Health/Check"}
    endpoint.set(health="not ready")
    fleet.wait_up(endpoint, False)
    assert fleet.call() == "UNAVAILABLE no_endpoint"


def test_grpc_not_asked_where_it_is_turned_off(fleet):
    endpoint = fleet.add()
    fleet.start(OFTEN.replace("interval", "grpc: false, interval"))
    fleet.wait_checked(endpoint, 3)
    assert set(endpoint.counts()["paths"]) == {"/v2/health/ready"}


def test_nobody_left(fleet):
    """503 `no_endpoint`, which says for itself that nothing was sent anywhere."""
    only = fleet.add(health="not ready")
    fleet.start(OFTEN)
    fleet.wait_up(only, False)
    answer = fleet.ask()
    assert (answer.status, answer.cause) == (503, "no_endpoint")
    assert fleet.call() == "UNAVAILABLE no_endpoint"
    assert only.requests == 0
    only.set(health="ok")
    fleet.wait_up(only)
    assert fleet.ask().status == 200


@pytest.mark.parametrize("threshold, served", [(50, {"first", "second", "third"}), (0, {"first"}), (33, {"first"})])
def test_panic_threshold(fleet, threshold, served):
    """One of three is less than 50 percent: then all are used; and 33.3 percent is not less than 33."""
    fleet.add(health="ok")
    out = [fleet.add(health="not ready"), fleet.add(health="not ready")]
    fleet.start(OFTEN.replace(NO_PANIC, f"panicThreshold: {threshold}"))
    for each in out:
        fleet.wait_up(each, False)
    assert set(fleet.served(60)) == served


def test_the_state_survives_a_reload(fleet):
    """It was found out before, and is not asked anew."""
    fleet.add()
    bad = fleet.add(health="not ready")
    fleet.start(SELDOM, has_grpc=False)
    fleet.wait_up(bad, False)
    # Whoever asked again would find it ready.
    bad.set(health="ok")
    checks = bad.counts()["checks"]
    for queue in (7, 8):
        fleet.reload(SELDOM + f", limits: {{ queue: {queue} }}", has_grpc=False)
        assert not fleet.is_up(bad)
        assert fleet.served(20) == {"first": 20}
    assert bad.counts()["checks"] == checks


def test_endpoints_come_and_go(fleet):
    """A new one is asked at once; one that left is not asked any more."""
    stays, goes, comes = fleet.add(), fleet.add(), fleet.add(health="not ready")
    fleet.start(OFTEN, only=[stays, goes])
    fleet.wait_checked(goes)
    fleet.reload(OFTEN, only=[stays, comes])
    fleet.wait_up(comes, False)
    assert fleet.served(20) == {"first": 20}
    fleet.wait_checked(stays)
    checks = goes.counts()["checks"]
    fleet.wait_checked(stays, 8)
    # Each check is two requests, and one may have been under way.
    assert goes.counts()["checks"] <= checks + 2


def test_the_key_can_be_taken_away(fleet):
    """Nobody is asked any more, and what was found out is forgotten."""
    fleet.add()
    bad = fleet.add(health="not ready")
    fleet.start(OFTEN)
    fleet.wait_up(bad, False)
    fleet.reload(ALONE)
    fleet.wait_up(bad)
    assert set(fleet.served(40)) == {"first", "second"}


def test_what_is_said_of_it(fleet):
    """Status and log have the reason and the time of the last change."""
    fleet.add()
    bad = fleet.add()
    fleet.start(OFTEN)
    fleet.wait_checked(bad)
    assert fleet.status(bad)["state"] == "up"
    before = time.time()
    bad.set(fault="refuse")
    fleet.wait_up(bad, False)
    said = fleet.status(bad)
    assert (said["state"], said["reason"]) == ("unhealthy", "failed")
    assert "refused" in said["detail"].lower()
    assert abs(datetime.fromisoformat(said["changed"]).timestamp() - before) < 30
    wait_until(lambda: bad.address in fleet.gateway.stderr_text(), 20, "the log has it")
    bad.set(fault="ok")
    fleet.wait_up(bad)
    assert fleet.status(bad)["state"] == "up"


# --- entries of a route whose endpoints are down


SPLIT = """
loops: 1
backends:
  stable: { endpoints: ['STABLE'], health: { interval: 100ms } }
  canary: { endpoints: ['CANARY'], health: { interval: 100ms } }
routes:
  - name: all
    whenDown: WHEN
    backends: [{ name: stable, weight: 50 }, { name: canary, weight: 50 }]
"""


@pytest.mark.parametrize("when", ["spill", "fail"])
def test_a_canary_that_is_down(fleet, when):
    """With one endpoint each, all of an entry's endpoints are down: no panic threshold keeps the share there."""
    stable, canary = fleet.add(), fleet.add(health="not ready")
    text = SPLIT.replace("STABLE", stable.address).replace("CANARY", canary.address).replace("WHEN", when)
    fleet.gateway = fleet.gateways(text)
    fleet.wait_up(canary, False)
    before = canary.requests
    answers = [fleet.ask() for _ in range(40)]
    if when == "spill":
        assert [answer.status for answer in answers] == [200] * 40
    else:
        assert sorted(answer.status for answer in answers) == [200] * 20 + [503] * 20
        assert {answer.cause for answer in answers if answer.status == 503} == {"no_endpoint"}
    assert canary.requests == before
    # With nowhere else to go, those that are probably down are tried, unless the share is to fail.
    stable.set(health="not ready")
    fleet.wait_up(stable, False)
    assert {fleet.ask().status for _ in range(20)} == ({200} if when == "spill" else {503})
