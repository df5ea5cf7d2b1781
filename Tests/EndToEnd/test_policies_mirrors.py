"""Several mirrors of one route: one draw decides for all, and each has its own header and its own fate."""

import threading

import pytest

from support.gateway import wait_until
from support.mock_upstream import refused_port
from support.ways import HTTP1

DEAD = refused_port()
ENDPOINTS = ("main", "one", "two", "three")
CONFIG = """
loops: 1
backends:
  main: { endpoints: [<main>] }
  one: { endpoints: [<one>] }
  two: { endpoints: [<two>] }
  three: { endpoints: [<three>] }
  dead: { endpoints: ["127.0.0.1:DEAD"], triton: { grpcPort: DEAD } }
routes:
  - name: all
    match: [{ path: { prefix: /all } }]
    backends: [{ name: main }]
    mirrors:
      - { backend: one, requestHeaders: { set: { x-who: "one of %{route}" } } }
      - { backend: two, requestHeaders: { set: { x-who: two }, remove: [x-secret] } }
      - { backend: dead }
      - { backend: three }
  - name: shares
    match: [{ path: { prefix: /shares } }]
    backends: [{ name: main }]
    mirrors: [{ backend: one, percent: 50 }, { backend: two, percent: 50 }, { backend: three, percent: 10 }]
  - name: held
    match: [{ path: { prefix: /held } }]
    backends: [{ name: main }]
    mirrors: [{ backend: one, maxInFlight: 2, timeout: 500ms }, { backend: two }]
  - { name: rest, backends: [{ name: main }] }
""".replace("DEAD", str(DEAD.getsockname()[1]))


def test_each_gets_its_copy(site, way):
    body = b'{"inputs":[]}' * 1000
    assert site.ask(way, "/all/x?y=1", ("x-secret", "1"), ("x-who", "me"), host="models.test", body=body).is_good
    seen = site["main"].the_request()
    assert seen.get("x-who") == "me" and seen.get("x-secret") == "1"
    copies = {name: site[name].wait_requests()[0] for name in ("one", "two", "three")}
    for copy in copies.values():
        assert (copy.method, copy.path, copy.host) == ("POST", "/all/x?y=1", "models.test-shadow")
        assert copy.body == seen.body and copy.get("x-sluice-mirror") == "all"
        assert copy.get("x-request-id") == seen.get("x-request-id")
    assert [copies[name].get("x-who") for name in ("one", "two", "three")] == ["one of all", "two", "me"]
    assert [copies[name].get("x-secret") for name in ("one", "two", "three")] == ["1", None, "1"]


def test_outcomes_are_told_apart(site, way):
    def outcomes():
        metrics = site.gateway.metrics()
        return {name: metrics.sum("sluice_mirror_requests_total", route="all", backend=name, outcome=outcome)
                for name, outcome in (("one", "ok"), ("two", "ok"), ("three", "ok"), ("dead", "error"))}

    before = outcomes()
    for _ in range(3):
        assert site.ask(way, "/all/x").is_good
    wait_until(lambda: outcomes() == {name: count + 3 for name, count in before.items()}, what="all copies ended")


def test_one_draw_decides_for_all(site, way):
    """Equal shares are the same requests, and a smaller share is a part of a larger one."""
    with way.connect(site.gateway) as client:
        for number in range(300):
            assert client.ask(f"/shares/{number}").is_good
    metrics = site.gateway.metrics
    total = 0

    def at_rest():
        nonlocal total
        before, total = total, sum(len(site[name].requests) for name in ("one", "two", "three"))
        return total == before and metrics().sum("sluice_requests_in_flight") == 0

    wait_until(at_rest, what="all copies have come")
    one, two, three = ({seen.path for seen in site[name].requests} for name in ("one", "two", "three"))
    assert one == two and three <= one
    # Further away once in 10^10 runs.
    assert abs(len(one) - 150) <= 57 and 0 < len(three) <= 70


def copies(site, outcome: str) -> float:
    return site.gateway.metrics().sum(
        "sluice_mirror_requests_total", route="held", backend="one", outcome=outcome)


def test_a_stuck_mirror_hurts_neither_the_others_nor_the_client(site):
    stuck = threading.Event()
    own = site["one"].http.reply

    def hold(request, connection):
        stuck.wait(30)
        return own(request, connection)

    site["one"].http.reply = hold
    try:
        asked = 0
        # Two copies are stuck and the rest is dropped; on a slow machine some are given up meanwhile, and others stuck.
        while asked < 6 or copies(site, "dropped") < 4:
            assert asked < 100 and site.ask(HTTP1, f"/held/{asked}").is_good
            asked += 1
        assert len(site["two"].wait_requests(asked)) == asked
        wait_until(lambda: copies(site, "dropped") + copies(site, "timeout") == asked, what="all copies have ended")
        assert copies(site, "timeout") >= 2
    finally:
        stuck.set()
        site["one"].http.reply = own


@pytest.mark.parametrize("path", ["/all/../x", "/all/%2f"])
def test_what_is_refused_is_copied_nowhere(site, way, path):
    assert site.ask(way, path).is_refused(400, "bad_request")
    assert site.ask(way, "/marker").is_good
    # A copy that a test before this one has cancelled may still be read by its endpoint.
    asked = site.was_asked()
    assert "/marker" in asked and not [seen for seen in asked if seen.startswith("/all")]


def test_a_client_cannot_pose_as_a_mirror(site, way):
    assert site.ask(way, "/marker", ("x-sluice-mirror", "all"), ("x-sluice-anything", "1")).is_good
    seen = site["main"].the_request()
    assert not [name for name, _ in seen.fields if name.startswith("x-sluice-")]
