"""Endpoints named by DNS: they come and go as the names say, and a name server that fails changes nothing."""

import threading
import time

import pytest

from support.gateway import wait_until
from support.mock_upstream import MockUpstream
from support.names import NO_SUCH_NAME, SERVER_FAILURE, NameWorld
from support.rawhttp import Client, Incomplete, answer, get

# Names are looked up every 5 s, 10 % more or less.
SOON = 20


@pytest.fixture
def world(tmp_path):
    world = NameWorld(tmp_path / "names")
    yield world
    world.close()


class Farm:
    """Endpoints on one port of several addresses of 127.0.0.0/8, each answering with its address."""

    def __init__(self, *hosts: str):
        self.made = {}
        self.port = 0
        for host in hosts:
            self.add(host)

    def add(self, host: str) -> MockUpstream:
        upstream = MockUpstream(answer(host.encode()), host=host, port=self.port)
        self.port = upstream.port
        self.made[host] = upstream
        return upstream

    def __getitem__(self, host: str) -> MockUpstream:
        return self.made[host]

    def stop(self) -> None:
        for upstream in self.made.values():
            upstream.stop()


@pytest.fixture
def farm():
    farm = Farm("127.0.0.2", "127.0.0.3", "127.0.0.4")
    yield farm
    farm.stop()


def config(farm: Farm, *names: str) -> str:
    endpoints = ", ".join(f'"{name}:{farm.port}"' for name in names)
    return f"""
backends:
  main: {{ endpoints: [{endpoints}] }}
routes:
  - {{ name: all, backends: [{{ name: main }}] }}
"""


def ask(gateway) -> bytes:
    """The address that answered, or the cause why none did."""
    with Client(gateway.host, gateway.port) as client:
        response = client.exchange(get())
        return response.body if response.status == 200 else response.cause.encode()


def endpoints(gateway) -> set:
    return {one["address"].rsplit(":", 1)[0] for one in gateway.status()["backends"][0]["endpoints"]}


def becomes(gateway, *addresses: str) -> None:
    wait_until(lambda: endpoints(gateway) == set(addresses), SOON, f"the endpoints are {addresses}")


def test_endpoints_come_and_go_with_the_answers(world, farm, gateways):
    """Also through the server: those that stay keep their connections, those that go finish what runs."""
    world.server.records["api.test"] = ["127.0.0.2", "127.0.0.3"]
    gateway = gateways(config(farm, "api.test"), wrapper=world.wrapper)
    becomes(gateway, "127.0.0.2", "127.0.0.3")
    assert {ask(gateway) for _ in range(40)} == {b"127.0.0.2", b"127.0.0.3"}
    kept = farm["127.0.0.2"].accepted
    before = gateway.metrics().sum("sluice_config_reloads_total", outcome="applied")

    # One more, and one that leaves while it works for somebody.
    leaving = farm["127.0.0.3"]
    leaving.reply = leaving.holding(answer(b"finished"))

    def has_begun() -> bool:
        return any(request.target == "/long" for request in list(leaving.requests))

    with Client(gateway.host, gateway.port) as client:
        for _ in range(60):
            client.send(get("/long"))
            wait_until(lambda: client.readable() or has_begun(), what="somebody has the request")
            if has_begun():
                break
            client.response()
        else:
            raise AssertionError("the endpoint was never asked")
        world.server.records["api.test"] = ["127.0.0.4", "127.0.0.2"]
        becomes(gateway, "127.0.0.2", "127.0.0.4")
        assert {ask(gateway) for _ in range(40)} == {b"127.0.0.2", b"127.0.0.4"}
        leaving.release()
        assert client.response().body == b"finished", "what ran there was not cut"
    wait_until(lambda: all(c.closed.is_set() for c in leaving.connections), SOON, "its connections are closed")
    assert farm["127.0.0.2"].accepted == kept, "the one that stayed kept its connections"

    # The order of the answer is no change; nothing is applied, and nothing is logged.
    world.server.records["api.test"] = ["127.0.0.2", "127.0.0.4"]
    assert "nothing has changed" in gateway.reload()[1]
    assert gateway.stderr_text().count("api.test stands for") == 2
    metrics = gateway.metrics()
    assert metrics.sum("sluice_config_reloads_total", outcome="applied") == before
    assert metrics.sum("sluice_dns_lookups_total", outcome="ok") >= 3
    wait_until(lambda: gateway.metrics().sum("sluice_config_snapshots_live") == 1, what="older ones are gone")


def test_a_failing_server_changes_nothing_and_no_such_name_does(world, farm, gateways):
    """A reload by hand asks at once."""
    world.server.records |= {"api.test": ["127.0.0.2"], "steady.test": ["127.0.0.3"]}
    gateway = gateways(config(farm, "api.test", "steady.test"), wrapper=world.wrapper)
    becomes(gateway, "127.0.0.2", "127.0.0.3")

    def turns(name, record, *addresses):
        world.server.records[name] = record
        assert gateway.reload()[0] == 200
        becomes(gateway, *addresses)

    for _ in range(2):
        turns("api.test", SERVER_FAILURE, "127.0.0.2", "127.0.0.3")
    assert gateway.metrics().sum("sluice_dns_lookups_total", outcome="failed") >= 2
    assert gateway.stderr_text().count("no answer for api.test") == 1, "said once until it recovers"

    # A look-up that hangs, for three seconds, delays neither other names nor a reload. A machine may, now and then.
    world.server.records["api.test"] = None
    for address in ("127.0.0.4", "127.0.0.3", "127.0.0.4"):
        started = time.monotonic()
        turns("steady.test", [address], "127.0.0.2", address)
        if address == "127.0.0.4" and time.monotonic() - started < 2.9:
            break
    else:
        raise AssertionError("a reload waits for a name that hangs")
    gateway.wait_metric("sluice_dns_lookups_total", 3, SOON, outcome="failed")

    turns("api.test", NO_SUCH_NAME, "127.0.0.4")
    turns("steady.test", [])
    assert ask(gateway) == b"no_endpoint"
    assert gateway.metrics().sum("sluice_dns_lookups_total", outcome="empty") >= 2
    turns("api.test", ["127.0.0.3"], "127.0.0.3")
    assert ask(gateway) == b"127.0.0.3"
    assert "api.test is answered again" in gateway.stderr_text()


def test_a_name_without_an_answer_at_the_start(world, farm, gateways):
    """It is tried again, and names in /etc/hosts are names too."""
    gateway = gateways(config(farm, "late.test"), wrapper=world.wrapper)
    assert ask(gateway) == b"no_endpoint"
    assert "endpoint without an address: late.test" in gateway.stderr_text()
    world.write_hosts({"late.test": ["127.0.0.4"]})
    assert gateway.reload()[0] == 200
    becomes(gateway, "127.0.0.4")


def test_the_start_and_the_end_do_not_wait_for_a_name_that_hangs(world, farm, gateways):
    world.server.records |= {f"dead{index}.test": None for index in range(12)} | {"api.test": ["127.0.0.2"]}
    names = [*(f"dead{index}.test" for index in range(12)), "api.test"]
    gateway = gateways(config(farm, *names), wrapper=world.wrapper)
    becomes(gateway, "127.0.0.2")
    world.server.records["api.test"] = ["127.0.0.3"]
    assert gateway.reload()[0] == 200
    becomes(gateway, "127.0.0.3")
    started = time.monotonic()
    gateway.stop()
    assert time.monotonic() - started < 9


def test_a_hundred_addresses_of_both_families(world, farm, gateways):
    world.server.records["big.test"] = [f"127.0.9.{index}" for index in range(100)] + [f"::{index}" for index in range(9)]
    gateway = gateways(config(farm, "big.test"), wrapper=world.wrapper)
    wait_until(lambda: len(endpoints(gateway)) == 109, SOON, "all are there")
    world.server.records["big.test"] = ["::1", "127.0.0.2"]
    assert gateway.reload()[0] == 200
    becomes(gateway, "127.0.0.2", "[::1]")
    assert "and 101 more" in gateway.stderr_text()


def test_pins_and_literal_addresses_are_not_looked_up(world, farm, gateways):
    text = config(farm, "pinned.test", "127.0.0.3") + 'resolve: { pinned.test: "127.0.0.2:%d" }\n' % farm.port
    world.server.records["pinned.test"] = ["127.0.0.4"]
    gateway = gateways(text, wrapper=world.wrapper)
    becomes(gateway, "127.0.0.2", "127.0.0.3")
    assert gateway.reload()[0] == 200
    assert world.server.questions == []
    assert gateway.metrics().sum("sluice_dns_lookups_total") == 0


def test_requests_that_wait_go_where_the_name_points_now(world, farm, gateways):
    world.server.records["api.test"] = ["127.0.0.2"]
    text = config(farm, "api.test").replace("] }\nroutes", "], limits: { inFlight: 1, queueTimeout: 30s } }\nroutes")
    gateway = gateways(text, wrapper=world.wrapper)
    farm["127.0.0.2"].reply = farm["127.0.0.2"].holding(answer(b"127.0.0.2"))
    becomes(gateway, "127.0.0.2")
    with Client(gateway.host, gateway.port) as first, Client(gateway.host, gateway.port) as second:
        first.send(get())
        farm["127.0.0.2"].wait_requests(1)
        second.send(get())
        gateway.wait_metric("sluice_requests_queued", 1)
        world.server.records["api.test"] = ["127.0.0.3"]
        assert gateway.reload()[0] == 200
        becomes(gateway, "127.0.0.3")
        farm["127.0.0.2"].release()
        assert first.response().body == b"127.0.0.2"
        assert second.response().body == b"127.0.0.3"


def test_requests_under_way_while_endpoints_change(world, farm, gateways):
    """No request fails because the set of endpoints is another one now."""
    world.server.records["api.test"] = ["127.0.0.2", "127.0.0.3"]
    gateway = gateways(config(farm, "api.test"), wrapper=world.wrapper)
    becomes(gateway, "127.0.0.2", "127.0.0.3")
    over, failures = threading.Event(), []

    def work():
        try:
            with Client(gateway.host, gateway.port) as client:
                while not over.is_set():
                    response = client.exchange(get())
                    if response.status != 200:
                        failures.append(response.cause)
        except (OSError, Incomplete) as failure:
            failures.append(failure)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    try:
        for addresses in (["127.0.0.4"], ["127.0.0.2", "127.0.0.4"], ["127.0.0.3"]):
            world.server.records["api.test"] = addresses
            gateway.reload()
            becomes(gateway, *addresses)
    finally:
        over.set()
        for worker in workers:
            worker.join(20)
    assert not failures
