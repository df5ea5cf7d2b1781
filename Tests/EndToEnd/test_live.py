"""What the dashboard shows of traffic: rates, shares, errors, the last 15 minutes, and requests worth a look."""

import json
from datetime import datetime
from urllib.parse import quote

import pytest

from support.events import Event, Events, Picture
from support.gateway import Gateway, wait_until
from support.mock_upstream import MockUpstream
from support.rawhttp import Client, answer, build, get

CONFIG = """
loops: 2
listeners:
  - { name: web, address: "127.0.0.1:${port}" }
backends:
  one: { server: generic, endpoints: [<one>] }
  two: { server: generic, endpoints: [<two>] }
routes:
  - name: api/split
    match: [{ path: { prefix: /split } }]
    backends:
      - { name: one, as: stable, weight: 75 }
      - { name: two, as: canary, weight: 25 }
    mirrors: [{ backend: one }]
  - { name: locked, match: [{ path: { prefix: /locked } }], basicAuth: { users: { ann: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" } }, backends: [{ name: one }] }
  - { name: broken, match: [{ path: { prefix: /broken } }], respond: { status: 503 } }
  - { name: idle, match: [{ path: { prefix: /idle } }], backends: [{ name: one }] }
"""


class Site:
    def __init__(self, gateway, one, two):
        self.gateway, self.one, self.two = gateway, one, two

    def get(self, path: str) -> dict:
        status, _, text = self.gateway.admin(path)
        assert status == 200, text
        return json.loads(text)


@pytest.fixture(scope="module")
def _site(tmp_path_factory):
    with MockUpstream() as one, MockUpstream(answer(status="500 Internal Server Error")) as two:
        text = CONFIG.replace("<one>", one.address).replace("<two>", two.address)
        with Gateway(text, tmp_path_factory.mktemp("live")) as gateway:
            yield Site(gateway, one, two)


@pytest.fixture
def site(_site):
    _site.gateway.check_alive()
    return _site


def sums(events: Events, first: Event, picture: Picture, key, wanted: float, count: int = 60) -> dict:
    """Requests by entry of traffic, from the rates of the events to come, until `key` has had as many."""
    total, before = {}, time_of(first)
    for _ in range(count):
        event = events.next()
        picture.add(event)
        now = time_of(event)
        for name, items in picture.traffic.items():
            for place, item in items.items():
                flow = item.get("flow", item)
                total[(name, *place)] = total.get((name, *place), 0) + flow.get("rate", 0) * (now - before)
        before = now
        if total.get(key, 0) >= wanted:
            return total
    raise AssertionError(f"{key} has not had {wanted} requests: {total}")


def time_of(event: Event) -> float:
    return datetime.fromisoformat(event.data["time"]).timestamp()


def test_rates_are_those_of_the_traffic(site):
    """What the rates of all intervals add up to is about what was sent."""
    with Events(site.gateway.admin_port) as events, Client(site.gateway.host, site.gateway.port) as client:
        first = events.next()
        picture = Picture(first)
        for number in range(200):
            client.exchange(get(f"/split/{number}"))
        total = sums(events, first, picture, ("entries", "api/split", "stable"), 90)
        assert total[("entries", "api/split", "canary")] == pytest.approx(total[("entries", "api/split", "stable")] / 3, rel=0.1)
        assert total[("routes", "api/split")] == pytest.approx(total[("listeners", "web")], rel=0.1)
        route = picture.traffic["routes"][("api/split",)]
        assert route["flow"]["p50"] > 0 and route["flow"]["p99"] >= route["flow"]["p50"]
        assert picture.traffic["entries"][("api/split", "canary")]["flow"]["p99"] > 0
        one = picture.traffic["endpoints"][("one", site.one.address)]
        assert one["flow"]["p50"] > 0 and one["flow"]["queue"] >= 0


def test_what_is_idle_stays_away(site):
    with Events(site.gateway.admin_port) as events:
        picture = Picture(events.next())
        assert ("idle",) not in picture.traffic["routes"]
        # What was sent by other tests leaves the window.
        events.until(lambda event: set(event.data) <= {"sequence", "time", "memory"})


def test_failures_are_shown_with_their_cause(site):
    path = "/split/<script>alert(1)</script>?q=" + "x" * 1000
    with Events(site.gateway.admin_port) as events, Client(site.gateway.host, site.gateway.port) as client:
        events.next()
        assert client.exchange(get("/locked")).status == 401
        assert client.exchange(build("GET", "/nowhere", "test", "X-Request-ID: find-me")).status == 404
        for _ in range(4):
            client.exchange(get(quote(path, safe="/<>()?=")))
        shown = []
        while not ({"unauthorized", "no_route"} <= {one["cause"] for one in shown} and any(one["status"] == 500 for one in shown)):
            shown += events.next().data.get("errors", [])
        missing = next(one for one in shown if one["cause"] == "no_route")
        assert missing["path"] == "/nowhere" and missing["requestId"] == "find-me" and missing["client"] == "127.0.0.1"
        assert missing["route"] == "" and len(missing["traceId"]) == 32 and missing["duration"] >= 0
        failed = next(one for one in shown if one["status"] == 500)
        assert (failed["route"], failed["backend"], failed["endpoint"]) == ("api/split", "canary", site.two.address)
        assert failed["cause"] == "" and failed["path"].startswith("/split/<script>") and len(failed["path"]) <= 256
    listed = site.get("/api/v1/requests")
    times = [one["time"] for one in listed["errors"]]
    assert times == sorted(times, reverse=True)
    assert missing in listed["errors"] and failed in listed["errors"]
    assert listed["slow"] and all(one["cause"] == "" for one in listed["slow"])
    with Events(site.gateway.admin_port) as events:
        state = events.next()
        assert state.data["errors"] == list(reversed(site.get("/api/v1/requests")["errors"]))


def test_history_is_kept_while_nobody_looks(site):
    with Client(site.gateway.host, site.gateway.port) as client:
        for _ in range(40):
            client.exchange(get("/split/x"))
        client.exchange(get("/broken"))

    def points(query: str) -> dict:
        history = site.get(f"/api/v1/history?{query}")
        assert history["interval"] == 5
        assert {len(history[name]) for name in ("rate", "errors", "p50", "p99", "queue", "inFlight")} == {180}
        return history

    def passed(query: str, name: str = "rate") -> float:
        return sum(value or 0 for value in points(query)[name]) * 5

    # A point a five seconds, and each of five seconds or, where the machine is busy, some more.
    wait_until(lambda: passed("route=api/split") > 15, 40, "the route has a history")
    wait_until(lambda: passed("route=broken", "errors") > 0.5, 40, "failures have one")
    assert passed("route=api/split&as=stable") > passed("route=api/split&as=canary") > 0
    assert passed(f"backend=two&endpoint={site.two.address}") > 0
    assert any(value is not None for value in points("backend=one")["inFlight"])
    assert any(value for value in points("route=api/split")["p99"])
    assert set(points("route=idle")["rate"]) <= {0, None}
    for unknown in ("route=nowhere", "route=api/split&as=x", "backend=x", "backend=one&endpoint=x"):
        assert site.gateway.admin(f"/api/v1/history?{unknown}")[0] == 404, unknown


def test_what_a_reload_takes_away_is_forgotten(tmp_path):
    text = """
routes:
  - { name: stays, match: [{ path: { prefix: /stays } }], respond: { status: 200 } }
  - { name: goes, match: [{ path: { prefix: /goes } }], respond: { status: 200 } }
"""
    with Gateway(text, tmp_path) as gateway, Client(gateway.host, gateway.port) as client:
        with Events(gateway.admin_port) as events:
            picture = Picture(events.next())
            client.exchange(get("/goes"))
            client.exchange(get("/stays"))
            while {("goes",), ("stays",)} - picture.traffic["routes"].keys():
                picture.add(events.next())
            gateway.write_config(text.replace("name: goes", "name: came"))
            assert gateway.reload()[0] == 200
            assert gateway.admin("/api/v1/history?route=goes")[0] == 404
            assert gateway.admin("/api/v1/history?route=came")[0] == 200
        with Events(gateway.admin_port) as events:
            assert ("goes",) not in Picture(events.next()).traffic["routes"]
