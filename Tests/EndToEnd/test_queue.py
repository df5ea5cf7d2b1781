"""Limits of a backend and the queue in front of them."""

import threading

import pytest

from support.gateway import wait_until
from support.rawhttp import Incomplete, answer, get, post

CONFIG = """
loops: LOOPS
backends:
  main: { endpoints: [{address}], limits: { LIMITS } }
routes:
  - { name: all, backends: [{ name: main }] }
"""


@pytest.fixture
def limited(proxies):
    def make(limits: str, loops: int = 1, **options):
        proxy = proxies(CONFIG.replace("LIMITS", limits).replace("LOOPS", str(loops)), **options)
        proxy.upstream.reply = proxy.upstream.holding()
        return proxy

    return make


def queued(proxy) -> float:
    return proxy.gateway.metrics().sum("sluice_requests_queued", backend="main")


def wait_queued(proxy, count: int) -> None:
    wait_until(lambda: queued(proxy) == count, 10, f"{count} requests queued")


def fill(proxy, count: int) -> list:
    """Clients whose requests /0, /1, … came in this order; the first is at the endpoint, the others wait."""
    clients = []
    for index in range(count):
        clients.append(proxy.connect().send(get(f"/{index}")))
        if index == 0:
            proxy.upstream.wait_requests(1)
        else:
            wait_queued(proxy, index)
    return clients


def test_first_in_first_out(limited):
    proxy = limited("inFlight: 1, queue: 20, queueTimeout: 60s")
    clients = fill(proxy, 8)
    assert len(proxy.upstream.requests) == 1
    assert proxy.gateway.metrics().sum("sluice_requests_in_flight", backend="main") == 1
    proxy.upstream.release()
    for client in clients:
        assert client.response().status == 200
        client.close()
    assert [request.target for request in proxy.upstream.requests] == [f"/{index}" for index in range(8)]
    assert queued(proxy) == 0


def test_queue_full(limited):
    proxy = limited("inFlight: 1, queue: 2, queueTimeout: 60s")
    clients = fill(proxy, 3)
    with proxy.connect() as client:
        response = client.exchange(get("/extra"))
        assert (response.status, response.cause) == (503, "queue_full")
        assert response.body.startswith(b'{"error":')
    assert queued(proxy) == 2
    proxy.upstream.release()
    for client in clients:
        assert client.response().status == 200
        client.close()
    assert proxy.gateway.metrics().sum("sluice_requests_total", cause="queue_full", code="503") == 1
    assert proxy.send(get("/later")).status == 200


def test_no_queue(limited):
    proxy = limited("inFlight: 1, queue: 0")
    first = proxy.connect().send(get("/first"))
    proxy.upstream.wait_requests(1)
    assert proxy.send(get("/second")).cause == "queue_full"
    proxy.upstream.release()
    assert first.response().status == 200
    first.close()


def test_queue_timeout(limited):
    proxy = limited("inFlight: 1, queue: 5, queueTimeout: 300ms")
    (first,) = fill(proxy, 1)
    second = proxy.connect()
    response = second.exchange(get("/1"))
    assert (response.status, response.cause) == (503, "queue_timeout")
    assert queued(proxy) == 0
    proxy.upstream.release()
    assert first.response().status == 200
    assert [request.target for request in proxy.upstream.requests] == ["/0"]
    assert second.exchange(get("/again")).status == 200
    for client in (first, second):
        client.close()


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_client_that_leaves_leaves_the_queue(limited, leave):
    proxy = limited("inFlight: 1, queue: 5, queueTimeout: 60s")
    clients = fill(proxy, 3)
    getattr(clients[1], leave)()
    wait_queued(proxy, 1)
    proxy.upstream.release()
    assert clients[0].response().status == 200
    assert clients[2].response().status == 200
    assert [request.target for request in proxy.upstream.requests] == ["/0", "/2"]
    proxy.gateway.wait_metric("sluice_requests_total", 1, cause="client_closed")
    for client in clients:
        client.close()


def test_a_place_is_freed_however_the_exchange_ends(limited):
    """Broken off, refused, left: none of them leaks a place."""
    proxy = limited("inFlight: 1, queue: 5, queueTimeout: 5s")
    for reply in (
        lambda request, connection: None,
        lambda request, connection: connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx") and None,
        lambda request, connection: b"garbage\r\n\r\n",
        lambda request, connection: connection.reset(),
    ):
        proxy.upstream.reply = reply
        for _ in range(3):
            with proxy.connect() as client:
                client.send(post(b"x"))
                try:
                    assert client.response().status == 502
                except Incomplete:
                    pass
    proxy.upstream.reply = answer()
    assert proxy.send(get()).status == 200
    assert proxy.gateway.metrics().sum("sluice_requests_in_flight") == 0


def test_queue_durations_count_every_dispatched_request(limited):
    proxy = limited("inFlight: 1, queue: 5, queueTimeout: 60s")
    clients = fill(proxy, 3)
    proxy.upstream.release()
    for client in clients:
        assert client.response().status == 200
        client.close()
    for _ in range(4):
        assert proxy.send(get()).status == 200
    metrics = proxy.gateway.metrics()
    assert metrics.sum("sluice_queue_duration_seconds_count", route="all", backend="main") == 7
    assert metrics.sum("sluice_queue_duration_seconds_sum", route="all", backend="main") > 0
    buckets = metrics.select("sluice_queue_duration_seconds_bucket", route="all", backend="main")
    smallest = min(buckets, key=lambda bucket: float(bucket[0]["le"]))
    assert smallest[1] >= 5, "a wait of 0 belongs into the first bucket"


@pytest.mark.parametrize("loops", [1, 2])
def test_in_flight_holds_over_all_loops(limited, loops):
    """Eight connections, at most two requests at the endpoint, none lost."""
    proxy = limited("inFlight: 2, queue: 100, queueTimeout: 30s", loops)
    lock, running, highest = threading.Lock(), 0, 0

    def reply(request, connection):
        nonlocal running, highest
        with lock:
            running += 1
            highest = max(highest, running)
        threading.Event().wait(0.002)
        with lock:
            running -= 1
        return answer()

    proxy.upstream.reply = reply
    statuses = []

    def work():
        with proxy.connect(timeout=40) as client:
            for _ in range(25):
                statuses.append(client.exchange(post(b"x")).status)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert statuses == [200] * 200
    assert highest == 2


def test_a_free_place_wakes_the_other_loop(limited):
    """With one place and two loops nobody starves: each request is served as soon as the one before it ends."""
    proxy = limited("inFlight: 1, queue: 100, queueTimeout: 5s", 2)
    proxy.upstream.reply = answer()
    clients = [proxy.connect() for _ in range(16)]
    for _ in range(20):
        for client in clients:
            client.send(get())
        for client in clients:
            assert client.response().status == 200
    for client in clients:
        client.close()


def test_per_endpoint_in_flight(proxies, upstreams):
    one, two = upstreams(), upstreams()
    for upstream in (one, two):
        upstream.reply = upstream.holding()
    proxy = proxies(f"""
loops: 1
backends:
  main: {{ endpoints: ["{one.address}", "{two.address}"], limits: {{ perEndpointInFlight: 1, queue: 5 }} }}
routes:
  - {{ name: all, backends: [{{ name: main }}] }}
""")
    clients = [proxy.connect().send(get(f"/{index}")) for index in range(3)]
    one.wait_requests(1)
    two.wait_requests(1)
    wait_queued(proxy, 1)
    one.release()
    one.wait_requests(2)
    assert len(two.requests) == 1
    two.release()
    for client in clients:
        assert client.response().status == 200
        client.close()


def test_connections_limit(limited):
    proxy = limited("connections: 1, queue: 5, queueTimeout: 30s")
    clients = fill(proxy, 3)
    assert proxy.upstream.accepted == 1
    proxy.upstream.release()
    for client in clients:
        assert client.response().status == 200
        client.close()
    assert len([c for c in proxy.upstream.connections if not c.closed.is_set()]) <= 1


def test_connections_limit_over_two_loops(limited):
    """A connection that idles in one loop's pool does not lock the other loop out."""
    proxy = limited("connections: 1, queue: 50, queueTimeout: 5s", 2)
    proxy.upstream.reply = answer()
    clients = [proxy.connect() for _ in range(8)]
    for _ in range(5):
        for client in clients:
            assert client.exchange(get()).status == 200
    for client in clients:
        client.close()


def test_time_in_the_queue_is_not_the_routes_timeout(proxies):
    """Neither timeout of the route runs while a request is queued."""
    proxy = proxies("""
loops: 1
backends:
  main: { endpoints: [{address}], limits: { inFlight: 1, queue: 5, queueTimeout: 30s } }
routes:
  - name: short
    match: [{ path: { prefix: /short } }]
    timeout: 1s
    idleTimeout: 900ms
    backends: [{ name: main }]
  - { name: all, backends: [{ name: main }] }
""")
    proxy.upstream.reply = proxy.upstream.holding()
    first = proxy.connect().send(get("/long"))
    proxy.upstream.wait_requests(1)
    second = proxy.connect().send(get("/short"))
    assert not second.readable(1.2)
    proxy.upstream.release()
    assert first.response().status == 200
    assert second.response().status == 200
    for client in (first, second):
        client.close()


def test_body_of_a_queued_request(limited):
    """It waits too, and arrives whole."""
    proxy = limited("inFlight: 1, queue: 5, queueTimeout: 30s")
    first = proxy.connect().send(get("/first"))
    proxy.upstream.wait_requests(1)
    body = bytes(range(256)) * 16384
    second = proxy.connect(timeout=30)
    sender = threading.Thread(target=second.send, args=(post(body, "/second"),))
    sender.start()
    wait_queued(proxy, 1)
    proxy.upstream.release()
    assert first.response().status == 200
    assert second.response().status == 200
    sender.join(10)
    assert proxy.upstream.requests[1].body == body
    for client in (first, second):
        client.close()
