"""Draining one endpoint: what runs there ends, nothing new comes, and it can be taken back."""

import json
from urllib.parse import quote

import pytest

from support.fleet import fleet  # noqa: F401, a fixture
from support.gateway import wait_until
from support.load import H1, Clients, Grpc
from support.rawhttp import build

IN_TURN = "balance: roundRobin"


def drain(fleet, endpoint, method: str = "POST", backend: str = "main") -> tuple:
    """Status and text of the call."""
    path = f"/api/v1/drain?backend={backend}&endpoint={quote(endpoint.address)}"
    status, _, text = fleet.gateway.admin(path, method, b"" if method == "POST" else None)
    return status, text


def test_nothing_new_and_what_runs_ends(fleet):
    stays, leaves = fleet.add(), fleet.add()
    fleet.start(IN_TURN)
    assert fleet.served(4) == {"first": 2, "second": 2}
    leaves.set(fault="slow", slow=1.5)
    with fleet.connect(timeout=20) as one, fleet.connect(timeout=20) as other:
        before = leaves.requests
        one.send(build("GET", "/"))
        other.send(build("GET", "/"))
        wait_until(lambda: leaves.requests == before + 1, 20, "one of the two went there")
        assert drain(fleet, leaves)[0] == 200
        served = {one.response().get("x-served-by"), other.response().get("x-served-by")}
        assert served == {"first", "second"}, "what ran was cut off"
    assert fleet.served(20) == {"first": 20}
    assert leaves.requests == before + 1
    assert fleet.is_up(stays) and not fleet.is_up(leaves)
    said = fleet.status(leaves)
    assert (said["state"], said["reason"], said["inFlight"]) == ("draining", "draining", 0)
    assert drain(fleet, leaves, "DELETE")[0] == 200
    leaves.set(fault="ok")
    fleet.wait_up(leaves)
    assert fleet.served(4) == {"first": 2, "second": 2}


def test_calls(fleet):
    _, leaves = fleet.add(), fleet.add()
    fleet.start(IN_TURN)
    assert drain(fleet, leaves)[0] == 200
    assert {fleet.call() for _ in range(6)} == {"first"}


def test_twice_is_once(fleet):
    _, leaves = fleet.add(), fleet.add()
    fleet.start(IN_TURN)
    for method in ("POST", "POST", "DELETE", "DELETE"):
        assert drain(fleet, leaves, method)[0] == 200
        assert fleet.is_up(leaves) == (method == "DELETE")


def test_by_a_body(fleet):
    _, leaves = fleet.add(), fleet.add()
    fleet.start(IN_TURN)
    body = json.dumps({"backend": "main", "endpoint": leaves.address}).encode()
    status, _, text = fleet.gateway.admin("/api/v1/drain", "POST", body, {"Content-Type": "application/json"})
    assert status == 200, text
    assert fleet.served(6) == {"first": 6}


def test_the_last_one(fleet):
    """Drained is drained, however few are left: no panic overrides what an operator says."""
    only = fleet.add()
    fleet.start("panicThreshold: 100")
    assert drain(fleet, only)[0] == 200
    answer = fleet.ask()
    assert (answer.status, answer.cause) == (503, "no_endpoint")
    assert only.requests == 0
    assert drain(fleet, only, "DELETE")[0] == 200
    assert fleet.ask().status == 200


def test_it_holds_across_a_reload(fleet):
    _, leaves = fleet.add(), fleet.add()
    fleet.start(IN_TURN)
    assert drain(fleet, leaves)[0] == 200
    fleet.reload(IN_TURN + ", limits: { queue: 7 }")
    assert fleet.served(6) == {"first": 6}
    assert fleet.status(leaves)["state"] == "draining"


def test_those_that_wait_go_elsewhere(fleet):
    """In the queue for a place at both when one of them leaves."""
    for _ in range(2):
        fleet.add(fault="slow", slow=2.5)
    leaves = fleet.endpoints[1]
    fleet.start(IN_TURN + ", limits: { perEndpointInFlight: 1, queueTimeout: 20s }")
    clients = [fleet.connect(timeout=30).send(build("GET", "/")) for _ in range(8)]
    wait_until(lambda: fleet.gateway.metrics().sum("sluice_requests_queued") == 6, 20, "six wait")
    assert drain(fleet, leaves)[0] == 200
    # The first two take their time, the others do not.
    fleet.endpoints[0].set(slow=0.05)
    served = [client.response().get("x-served-by") for client in clients]
    assert served.count("second") <= 2 and None not in served
    for client in clients:
        client.close()


@pytest.mark.parametrize("query, body", [
    ("?backend=main&endpoint=127.0.0.1:1", b""), ("?backend=nothing&endpoint=ADDRESS", b""), ("?backend=main", b""),
    ("?endpoint=ADDRESS", b""), ("", b"{"), ("", b'{"backend": 7}')])
def test_what_is_not_there(fleet, query, body):
    """Nothing is drained by mistake, least of all the gateway itself."""
    only = fleet.add()
    fleet.start(IN_TURN)
    path = "/api/v1/drain" + query.replace("ADDRESS", quote(only.address))
    status, _, text = fleet.gateway.admin(path, "POST", body, {"Content-Type": "application/json"})
    assert status in (400, 404), text
    assert fleet.gateway.admin_status("/readyz") == 200
    assert fleet.is_up(only)
    assert fleet.ask().status == 200


def test_read_only(fleet):
    only = fleet.add()
    text = fleet.text(IN_TURN, top="admin: { address: '127.0.0.1:${admin_port}', readOnly: true }")
    fleet.gateway = fleet.gateways(text)
    assert drain(fleet, only)[0] == 403
    assert fleet.is_up(only)


@pytest.mark.parametrize("make, kinds", [(H1, H1.KINDS), (Grpc, Grpc.KINDS)], ids=["h1", "gRPC"])
def test_under_load(fleet, make, kinds):
    """Each endpoint in turn, as for an upgrade of the servers: nobody notices."""
    for _ in range(3):
        fleet.add(delay=0.002)
    fleet.start("limits: {}", loops=2)
    port = fleet.gateway.port
    with Clients(lambda: make(port), 16, kinds, 0.005) as load:
        for endpoint in fleet.endpoints:
            assert drain(fleet, endpoint)[0] == 200
            wait_until(lambda: fleet.status(endpoint)["inFlight"] == 0, 20, "what ran has ended")
            before = endpoint.requests
            count = len(load.results)
            wait_until(lambda: len(load.results) > count + 50, 20, "others are served")
            assert endpoint.requests == before
            endpoint.kill()
            endpoint.start()
            assert drain(fleet, endpoint, "DELETE")[0] == 200
            wait_until(lambda: endpoint.requests > 0, 20, "it is used again")
    assert not load.failures
