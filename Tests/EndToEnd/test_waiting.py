"""Connections that wait cost no time, in whatever state they wait: a readiness nobody consumes must not spin a loop."""

import time

import pytest

from support.rawhttp import answer, build, get, post


def idle_cost(proxy, seconds: float = 0.7) -> float:
    before = proxy.gateway.cpu_seconds()
    time.sleep(seconds)
    return proxy.gateway.cpu_seconds() - before


@pytest.fixture
def held(proxy):
    """The endpoint answers when it is released."""
    proxy.upstream.reply = proxy.upstream.holding(answer(b"late"))
    return proxy


def test_half_closed_client(held):
    """Either the answer still comes or the client counts as gone; waiting for it is free."""
    with held.connect() as client:
        client.send(get()).shut_writing()
        held.upstream.wait_requests(1)
        assert idle_cost(held) < 0.1


def test_more_requests_in_the_pipeline_than_are_read(held):
    with held.connect() as client:
        client.sock.setblocking(False)
        try:
            for _ in range(2000):
                client.sock.send(get("/" + "x" * 4000))
        except BlockingIOError:
            pass
        held.upstream.wait_requests(1)
        assert idle_cost(held) < 0.1
        client.reset()


def test_client_that_closes_behind_a_full_pipeline(held):
    client = held.connect()
    client.sock.setblocking(False)
    try:
        for _ in range(2000):
            client.sock.send(get("/" + "x" * 4000))
    except BlockingIOError:
        pass
    held.upstream.wait_requests(1)
    client.shut_writing()
    assert idle_cost(held) < 0.1
    client.reset()


def test_endpoint_that_closes_its_side_without_reading_the_body(proxies, upstreams):
    proxy = proxies(upstream=upstreams(receive_buffer=16384))

    def serve(connection):
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        proxy.upstream.hold()

    proxy.upstream.serve = serve
    with proxy.connect() as client:
        client.send(build("POST", "/", "test", "Content-Length: 100000000"))
        client.sock.setblocking(False)
        try:
            while True:
                client.sock.send(bytes(65536))
        except BlockingIOError:
            pass
        assert client.readable(10)
        assert idle_cost(proxy) < 0.1
        client.shut_writing()
        assert idle_cost(proxy) < 0.1


def test_whole_answer_waits_for_a_client_that_does_not_read(proxy):
    """The endpoint has sent everything and closed; the rest of it is in the gateway and in the kernel."""
    proxy.upstream.reply = lambda request, connection: (
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\nConnection: close\r\n\r\n" + bytes(3_000_000))
        and None
    )
    with proxy.connect(receive_buffer=8192) as client:
        client.send(get())
        assert client.readable(10)
        proxy.upstream.wait_requests(1)
        assert idle_cost(proxy) < 0.1
        assert len(client.response().body) == 3_000_000


def test_lingering(denying):
    """A refused request whose body stops coming."""
    with denying.connect() as client:
        client.send(build("POST", "/locked", "test", "Content-Length: 10000000") + bytes(100_000))
        assert client.response().status == 401
        assert idle_cost(denying) < 0.1


def test_queued(proxies):
    proxy = proxies("""
backends:
  main: { endpoints: [{address}], limits: { inFlight: 1, queue: 10, queueTimeout: 30s } }
routes:
  - { name: all, backends: [{ name: main }] }
""")
    proxy.upstream.reply = proxy.upstream.holding()
    clients = [proxy.connect().send(post(bytes(1 << 16))) for _ in range(5)]
    proxy.gateway.wait_metric("sluice_requests_queued", 4)
    assert idle_cost(proxy) < 0.1
    for client in clients:
        client.reset()


def test_body_that_trickles(proxy):
    with proxy.connect() as client:
        client.send(build("POST", "/", "test", "Content-Length: 100"))
        before = proxy.gateway.cpu_seconds()
        for _ in range(100):
            client.send(b"x")
            time.sleep(0.005)
        assert client.response().status == 200
        assert proxy.gateway.cpu_seconds() - before < 0.2


def test_shadow_that_does_not_read(proxies, upstreams):
    shadow = upstreams(receive_buffer=16384)
    shadow.serve = lambda connection: (connection.read_head(), shadow.hold())
    proxy = proxies(f"""
backends:
  main: {{ endpoints: [{{address}}] }}
  shadow: {{ endpoints: ["{shadow.address}"] }}
routes:
  - {{ name: all, backends: [{{ name: main }}], mirrors: [{{ backend: shadow }}] }}
""")
    with proxy.connect() as client:
        assert client.exchange(post(bytes(8 << 20))).status == 200
        assert idle_cost(proxy) < 0.1


def test_idle_gateway(proxy):
    assert idle_cost(proxy, 1.5) < 0.05
