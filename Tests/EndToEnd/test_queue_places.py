"""Places at endpoints: given once, given back, and waiting for one costs only what `queueTimeout` says."""

import collections
import random
import re
import threading
import time

import pytest

from support.gateway import wait_until
from support.rawhttp import Client, Incomplete, answer, get

ENDPOINTS = 4

CONFIG = """
loops: LOOPS
backends:
  main:
    endpoints: [ADDRESSES]
    limits: { LIMITS }
routes:
  - { name: all, backends: [{ name: main }] }
"""


class Group:
    """A gateway in front of several endpoints that answer `?id=N` with N, a little later."""

    def __init__(self, gateways, upstreams, limits: str, loops: int):
        self.arrived = collections.Counter()
        self.lock = threading.Lock()
        self.endpoints = [upstreams(self.reply) for _ in range(ENDPOINTS)]
        self.loops = loops
        self.gateway = gateways(self.text(limits))

    def text(self, limits: str) -> str:
        addresses = ", ".join(endpoint.address for endpoint in self.endpoints)
        return CONFIG.replace("ADDRESSES", addresses).replace("LIMITS", limits).replace("LOOPS", str(self.loops))

    def reply(self, request, connection) -> bytes:
        name = re.search(r"id=(\w+)", request.target)[1]
        with self.lock:
            self.arrived[name] += 1
        time.sleep(0.1 if "slow" in request.target else random.random() * 0.004)
        return answer(name.encode())

    def connect(self) -> Client:
        return Client(self.gateway.host, self.gateway.port)

    def limit(self, limits: str) -> None:
        self.gateway.write_config(self.text(limits))
        assert self.gateway.reload()[0] == 200

    def held(self) -> int:
        """Connections the endpoints have, as they see it."""
        return sum(not connection.closed.is_set() for endpoint in self.endpoints for connection in endpoint.connections)

    def assert_settled(self) -> None:
        def settled():
            metrics = self.gateway.metrics()
            return (metrics.sum("sluice_requests_in_flight"), metrics.sum("sluice_requests_queued")) == (0, 0) and (
                metrics.sum("sluice_upstream_connections_open") == self.held())

        try:
            wait_until(settled, 20, "gauges at rest")
        except AssertionError:
            metrics = self.gateway.metrics()
            raise AssertionError({name: metrics.sum(name) for name in (
                "sluice_requests_in_flight", "sluice_requests_queued", "sluice_upstream_connections_open")
            } | {"held by endpoints": self.held()}) from None
        repeated = {name: count for name, count in self.arrived.items() if count != 1}
        assert not repeated, "requests that arrived more than once"


@pytest.fixture
def group(gateways, upstreams):
    def make(limits: str, loops: int = 1) -> Group:
        return Group(gateways, upstreams, limits, loops)

    return make


def test_raising_the_limit_while_a_request_waits(group):
    """A request that takes the place of an idle connection closes it, which must not serve that request a second time."""
    made = group("connections: 3, inFlight: 1, queueTimeout: 20s")
    with made.connect() as warm:
        for trial in range(20):
            # Idle connections up to the limit, at different endpoints.
            for index in range(8):
                assert warm.exchange(get(f"/?id=w{trial}x{index}")).status == 200
            names = [f"{kind}{trial}" for kind in "abc"]
            clients = []
            for index, name in enumerate(names):
                if index == 2:
                    made.limit("connections: 3, inFlight: 10, queueTimeout: 20s")
                clients.append(made.connect().send(get(f"/{'' if index else 'slow'}?id={name}")))
                time.sleep(0.02)
            for client, name in zip(clients, names):
                assert client.response().body == name.encode()
                assert not client.readable(0.01), "more than one answer"
                client.close()
            made.limit("connections: 3, inFlight: 1, queueTimeout: 20s")
    made.assert_settled()


@pytest.mark.parametrize("limits", [
    "connections: 3, inFlight: 8", "perEndpointInFlight: 1, connections: 4", "connections: 2", "perEndpointInFlight: 2"])
def test_crowd(group, limits):
    """More clients than places, connections that move between endpoints and loops: everyone gets an own answer."""
    made = group(limits + ", queueTimeout: 20s", loops=2)
    numbers = iter(range(1, 1 << 30))
    outcomes, failures = collections.Counter(), []
    end = time.monotonic() + 0.8

    def work():
        client = made.connect()
        try:
            # For a while, and where that was little, for as long as a slow machine may need to do enough to be judged.
            while (now := time.monotonic()) < end or (now < end + 6 and sum(outcomes.values()) <= 16):
                with made.lock:
                    number = next(numbers)
                response = client.exchange(get(f"/?id={number}"))
                own = response.status == 200 and response.body == str(number).encode()
                outcomes["own answer" if own else f"{response.status} {response.cause} {response.body[:40]}"] += 1
                if random.random() < 0.03:
                    client.close()
                    client = made.connect()
        except (OSError, Incomplete) as failure:
            failures.append(repr(failure))
        finally:
            client.close()

    workers = [threading.Thread(target=work) for _ in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(25)
    assert not failures
    assert set(outcomes) == {"own answer"}, outcomes
    assert outcomes["own answer"] > 16
    made.assert_settled()


def test_first_byte_is_not_counted_while_queued(proxies):
    """`firstByte` is what the endpoint may take; waiting for a place is not the endpoint's time."""
    proxy = proxies("""
backends:
  main: { endpoints: [{address}], limits: { inFlight: 1, queueTimeout: 10s }, timeouts: { firstByte: 1s } }
routes:
  - { name: all, backends: [{ name: main }] }
""")

    def reply(request, connection):
        if request.target == "/long":
            # The head comes at once; the rest holds the place for longer than `firstByte`.
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            proxy.upstream.hold()
            return b"long"
        return answer(b"short") if request.target == "/short" else connection.wait_end() and None

    proxy.upstream.reply = reply
    with proxy.connect() as first, proxy.connect() as second, proxy.connect() as third:
        first.send(get("/long"))
        proxy.upstream.wait_requests(1)
        second.send(get("/short"))
        proxy.gateway.wait_metric("sluice_requests_queued", 1)
        third.send(get("/silent"))
        proxy.gateway.wait_metric("sluice_requests_queued", 2)
        time.sleep(1.2)
        proxy.upstream.release()
        assert first.response().body == b"long"
        response = second.response()
        assert (response.status, response.body) == (200, b"short")
        # Once it is at the endpoint, it does count.
        response = third.response()
        assert (response.status, response.cause) == (504, "first_byte_timeout")
