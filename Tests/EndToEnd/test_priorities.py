"""Two priorities in a backend's queue: the high ones first, each in the order in which they came."""

import pytest

from support.gateway import wait_until
from support.rawhttp import answer, get

CONFIG = """
loops: LOOPS
backends:
  main: { endpoints: [{address}], limits: { LIMITS } }
routes:
  - { name: high, priority: high, match: [{ path: { prefix: /high } }], backends: [{ name: main }] }
  - { name: normal, priority: normal, match: [{ path: { prefix: /normal } }], backends: [{ name: main }] }
  - { name: all, backends: [{ name: main }] }
"""


@pytest.fixture
def queue(proxies):
    def make(limits: str = "inFlight: 1, queue: 50, queueTimeout: 60s", loops: int = 1):
        proxy = proxies(CONFIG.replace("LIMITS", limits).replace("LOOPS", str(loops)))
        proxy.upstream.reply = proxy.upstream.holding()
        return proxy

    return make


def fill(proxy, paths: list) -> list:
    """Clients whose requests came in this order; the first is at the endpoint, the others wait."""
    clients = []
    for index, path in enumerate(paths):
        clients.append(proxy.connect(timeout=60).send(get(path)))
        if index == 0:
            proxy.upstream.wait_requests(1)
        else:
            wait_until(lambda: proxy.gateway.metrics().sum("sluice_requests_queued") == index, 10, f"{index} wait")
    return clients


def serve(proxy, clients: list) -> list:
    """The order in which they are served."""
    proxy.upstream.release()
    for client in clients:
        assert client.response().status == 200
        client.close()
    return [request.target for request in proxy.upstream.requests]


def test_high_goes_first(queue):
    proxy = queue()
    clients = fill(proxy, ["/first", "/normal/1", "/2", "/high/1", "/normal/3", "/high/2"])
    order = serve(proxy, clients)
    assert order == ["/first", "/high/1", "/high/2", "/normal/1", "/2", "/normal/3"]


def test_what_comes_meanwhile(queue):
    """A high one that comes while normal ones wait is the next."""
    proxy = queue()
    clients = fill(proxy, ["/first", "/normal/1", "/normal/2"])
    clients.append(proxy.connect(timeout=60).send(get("/high/1")))
    wait_until(lambda: proxy.gateway.metrics().sum("sluice_requests_queued") == 3, 10, "all wait")
    assert serve(proxy, clients) == ["/first", "/high/1", "/normal/1", "/normal/2"]


def test_high_ones_wait_as_well(queue):
    """Neither the bound of the queue nor its deadline is another for them."""
    proxy = queue("inFlight: 1, queue: 2, queueTimeout: 60s")
    clients = fill(proxy, ["/first", "/high/1", "/high/2"])
    assert proxy.send(get("/high/3")).cause == "queue_full"
    for client in clients[1:]:
        client.close()
    wait_until(lambda: proxy.gateway.metrics().sum("sluice_requests_queued") == 0, what="nobody waits")
    # The bound is seen while others wait for as long as that takes, the deadline without them.
    proxy.gateway.replace_config(proxy.gateway.config_path.read_text().replace("60s", "200ms"))
    assert proxy.gateway.reload()[0] == 200
    assert proxy.send(get("/high/4")).cause == "queue_timeout"
    proxy.upstream.release()
    assert clients[0].response().status == 200
    for client in clients:
        client.close()


def test_normal_ones_are_served_when_no_high_one_waits(queue):
    proxy = queue()
    proxy.upstream.reply = answer()
    with proxy.connect() as client:
        for index in range(20):
            assert client.exchange(get(f"/{'high' if index % 3 else 'normal'}/{index}")).status == 200


def test_over_two_loops(queue):
    """Wherever they wait, everybody is served; and the normal ones do not all come before the high ones."""
    proxy = queue(loops=2)
    paths = ["/first", *(f"/normal/{index}" for index in range(12)), *(f"/high/{index}" for index in range(12))]
    order = serve(proxy, fill(proxy, paths))
    assert sorted(order) == sorted(paths)
    # Each loop has its own queue, and a place goes to one of the two: within a loop high ones come first.
    half = order[1:13]
    assert sum(path.startswith("/high") for path in half) >= 6, order


def test_a_reload_changes_it(queue):
    """For requests that come afterwards."""
    proxy = queue()
    text = proxy.gateway.config_path.read_text()
    proxy.gateway.replace_config(text.replace("priority: high", "priority: normal").replace(
        "{ name: all,", "{ name: all, priority: high,"))
    assert proxy.gateway.reload()[0] == 200
    clients = fill(proxy, ["/first", "/high/1", "/now"])
    assert serve(proxy, clients) == ["/first", "/now", "/high/1"]
