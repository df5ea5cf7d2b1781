"""Tunnels and what goes on around them: timeouts, limits, reloads, retries, ends of the gateway and of endpoints."""

import json
import signal
import threading
import time

import pytest

from support.gateway import wait_until
from support.proxy import Proxy
from support.rawhttp import Incomplete, answer, get
from support.websocket import ask, switching, tunnel

CONFIG = """
accessLog: { path: access.log, format: json }
backends:
  main: { endpoints: ["ADDRESS"] SETTINGS }
routes:
  - { name: all, backends: [{ name: main }] POLICIES }
"""


@pytest.fixture
def made(gateways, upstreams):
    """A gateway in front of an endpoint that echoes, with settings for its backend and policies for its route."""

    def make(settings: str = "", policies: str = "", more: str = ""):
        endpoint = upstreams()
        endpoint.serve = switching()
        text = CONFIG.replace("ADDRESS", endpoint.address)
        text = text.replace("SETTINGS", settings and ", " + settings).replace("POLICIES", policies and ", " + policies)
        return Proxy(gateways(text + more), endpoint)

    return make


def lines(proxy, count: int) -> list:
    path = proxy.gateway.workdir / "access.log"
    text = wait_until(
        lambda: path.exists() and len(found := path.read_text().splitlines()) >= count and found, 20, f"{count} lines"
    )
    return [json.loads(line) for line in text]


def still_works(client, word: bytes = b"still there?") -> bool:
    client.send(word)
    return client.reader.exactly(len(word), "echo") == word


# --- timeouts


def test_idle_timeout(made):
    """Nothing moves either way: both sides are told."""
    proxy = made(policies="idleTimeout: 2s")
    opened = [tunnel(proxy) for _ in range(3)]
    for client in opened:
        assert still_works(client)
    for client in opened:
        client.expect_end()
        client.close()
    assert [(line["status"], line.get("cause")) for line in lines(proxy, 3)] == [(101, "idle_timeout")] * 3
    for connection in proxy.upstream.connections:
        assert connection.closed.wait(10)


@pytest.mark.parametrize("end", ["idle", "reset"])
def test_the_endpoint_is_not_to_blame(gateways, upstreams, end):
    """It has done its part with the 101. Many at once, because what has answered others is not suspected anyway."""
    endpoints = [upstreams(), upstreams()]
    for endpoint in endpoints:
        endpoint.serve = switching(lambda connection: (connection.reader.exactly(1, "a byte"), connection.reset()))
    addresses = ", ".join(f'"{endpoint.address}"' for endpoint in endpoints)
    gateway = gateways(
        f"""
accessLog: {{ path: access.log, format: json }}
backends: {{ main: {{ endpoints: [{addresses}], outlierDetection: {{ consecutiveErrors: 1 }} }} }}
routes: [{{ name: all, backends: [{{ name: main }}], idleTimeout: {"1s" if end == "idle" else "60s"} }}]
"""
    )
    proxy = Proxy(gateway, endpoints[0])
    opened = [tunnel(proxy) for _ in range(40)]
    for client in opened:
        if end == "reset":
            client.send(b"x")
    for client in opened:
        client.expect_end()
        client.close()
    assert {line["cause"] for line in lines(proxy, 40)} == {"idle_timeout" if end == "idle" else "upstream_reset"}
    # An error that a request may have caused is judged a moment later.
    time.sleep(0.5)
    assert gateway.metrics().sum("sluice_endpoint_ejections_total") == 0


@pytest.mark.parametrize("direction", ["up", "down"])
def test_one_direction_keeps_it_alive(made, direction):
    proxy = made(policies="idleTimeout: 2s")
    steps, pause = 12, 0.25

    def serve(connection):
        if direction == "up":
            connection.reader.exactly(steps, "steps")
        else:
            for _ in range(steps):
                connection.send(b"x")
                time.sleep(pause)
        connection.send(b"!")

    proxy.upstream.serve = switching(serve)
    with tunnel(proxy) as client:
        if direction == "up":
            for _ in range(steps):
                client.send(b"x")
                time.sleep(pause)
        assert client.rest().endswith(b"!")
    assert lines(proxy, 1)[0].get("cause") is None


def test_timeout_is_the_whole_exchange(made):
    """However busy it is: a route for WebSocket has no `timeout`, or one that is meant."""
    proxy = made(policies="timeout: 2s")
    with tunnel(proxy) as client:
        with pytest.raises((Incomplete, OSError)):
            for _ in range(600):
                assert still_works(client)
                time.sleep(0.05)
    line = lines(proxy, 1)[0]
    assert (line["status"], line["cause"]) == (101, "exchange_timeout")


def test_first_byte_timeout_ends_with_the_switch(made):
    proxy = made("timeouts: { firstByte: 2s }")
    with tunnel(proxy) as client:
        time.sleep(2.5)
        assert still_works(client)


def test_no_answer_in_time(made):
    proxy = made("timeouts: { firstByte: 300ms }")
    proxy.upstream.serve = lambda connection: (connection.read_head(), connection.wait_end())
    response = proxy.send(ask())
    assert (response.status, response.cause) == (504, "first_byte_timeout")


def test_a_tunnel_is_no_body(made):
    """`maxBodySize` is about requests."""
    proxy = made(policies="maxBodySize: 1KiB")
    with tunnel(proxy) as client:
        assert still_works(client, b"x" * 100_000)


# --- places


def test_it_takes_a_place(made):
    """As one request, from beginning to end; who comes later waits, and may be next."""
    proxy = made("limits: { perEndpointInFlight: 1, queueTimeout: 30s }")
    with tunnel(proxy) as first, proxy.connect(timeout=30) as second:
        second.send(ask())
        wait_until(lambda: proxy.gateway.metrics().sum("sluice_requests_queued", backend="main") == 1, 10, "it waits")
        assert still_works(first)
        first.shut_writing()
        first.expect_end()
        assert second.reader.line("status line").startswith(b"HTTP/1.1 101 ")


def test_least_request_counts_it(gateways, upstreams):
    busy, free = upstreams(), upstreams()
    gateway = gateways(
        f"""
backends: {{ main: {{ endpoints: ["{busy.address}", "{free.address}"] }} }}
routes: [{{ name: all, backends: [{{ name: main }}] }}]
loops: 1
"""
    )
    for endpoint in (busy, free):
        endpoint.serve = switching()
    proxy = Proxy(gateway, busy)
    opened = [tunnel(proxy) for _ in range(20)]
    shares = [len(endpoint.requests) for endpoint in (busy, free)]
    assert sum(shares) == 20 and min(shares) >= 8, shares
    for client in opened:
        client.close()


def test_retries_before_the_switch(gateways, upstreams):
    """What an endpoint refuses with a status that is listed is asked of another; after a 101 nothing is."""
    bad, good = upstreams(), upstreams()
    bad.reply = answer(b"busy", "503 Service Unavailable")
    good.serve = switching(lambda connection: (connection.reader.exactly(1, "a byte"), connection.reset()))
    gateway = gateways(
        f"""
backends: {{ main: {{ endpoints: ["{bad.address}", "{good.address}"], balance: roundRobin, server: generic }} }}
routes:
  - name: all
    backends: [{{ name: main }}]
    retries: {{ attempts: 3, on: [503, reset, connectFailure], budgetPercent: 100 }}
"""
    )
    proxy = Proxy(gateway, good)
    for count in range(1, 5):
        with tunnel(proxy) as client:
            client.send(b"x")
            client.expect_end()
        assert len(good.wait_requests(count)) == count
    assert bad.requests
    assert gateway.wait_metric("sluice_requests_total", 4, code="101", cause="upstream_reset") == 4


def test_a_stale_connection_is_replaced(made):
    """The endpoint has closed the pooled connection just as it is used: the request goes out again."""
    proxy = made()
    proxy.upstream.serve = None

    def serve(connection):
        if connection.number == proxy.upstream.connections[0].number:
            connection.read_head()
            connection.reset()
        else:
            switching()(connection)

    assert proxy.send(get()).status == 200
    proxy.upstream.serve = serve
    with tunnel(proxy) as client:
        assert still_works(client)


# --- what changes meanwhile


def test_reload(made):
    """A tunnel keeps the configuration it began under, also where that has lost its route and its endpoint."""
    proxy = made()
    with tunnel(proxy) as client:
        proxy.gateway.replace_config("routes: [{ name: other, respond: { status: 418 } }]")
        assert proxy.gateway.reload()[0] == 200
        wait_until(lambda: proxy.send(get()).status == 418, 10, "the new configuration")
        assert still_works(client)
        client.shut_writing()
        client.expect_end()
    proxy.upstream.connections[0].closed.wait(10)


def test_the_endpoint_dies(made):
    """Both its processes' connections and its port are gone: the client's connection ends, new requests are refused."""
    proxy = made()
    with tunnel(proxy) as client:
        assert still_works(client)
        proxy.upstream.stop()
        client.expect_end()
        assert proxy.send(get()).status in (502, 503)


def test_drain(made):
    """A tunnel has the whole of `drain`, and ends with it."""
    proxy = made(more="shutdown: { drain: 3s }\n")
    with tunnel(proxy) as client, tunnel(proxy) as done:
        proxy.gateway.signal(signal.SIGTERM)
        wait_until(lambda: "SIGTERM" in proxy.gateway.stderr_text(), 10, "the signal has arrived")
        assert still_works(client) and still_works(done)
        done.shut_writing()
        done.expect_end()
        assert proxy.gateway.wait_exit() == 0
        client.expect_end()
    assert sorted(line.get("cause", "") for line in lines(proxy, 2)) == ["", "draining"]
    assert "1 connections were cut" in proxy.gateway.stderr_text()


def test_no_tunnel_holds_up_the_end(made):
    """Once the last one has ended, so does the gateway."""
    proxy = made(more="shutdown: { drain: 60s }\n")
    client = tunnel(proxy)
    proxy.gateway.signal(signal.SIGTERM)
    wait_until(lambda: "SIGTERM" in proxy.gateway.stderr_text(), 10, "the signal has arrived")
    client.close()
    assert proxy.gateway.wait_exit() == 0


# --- what it costs


def test_idle_tunnels_hold_little(made):
    """No buffers: after each has carried a megabyte, an idle one is an exchange, two connections and its head."""
    proxy = made("limits: { connections: 2000, inFlight: 2000, perEndpointInFlight: 2000 }")
    count = 300

    def sessions():
        opened = [tunnel(proxy) for _ in range(count)]
        for client in opened:
            threading.Thread(target=client.send, args=(bytes(1 << 20),)).start()
            client.reader.exactly(1 << 20, "echo", sink=lambda part: None)
        return opened

    # What the first round leaves in the pools of the process is there for the second.
    for client in sessions():
        client.close()
    wait_until(lambda: proxy.gateway.metrics().sum("sluice_requests_in_flight") == 0, 20, "all ended")
    before = proxy.gateway.rss()
    opened = sessions()
    assert proxy.gateway.rss() - before < count * (32 << 10)
    cpu = proxy.gateway.cpu_seconds()
    time.sleep(1)
    assert proxy.gateway.cpu_seconds() - cpu < 0.2, "idle tunnels keep it busy"
    for client in opened:
        client.close()
