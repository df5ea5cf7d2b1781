"""Collectors that are dead, slow, hostile or somebody else: requests do not notice, memory and descriptors stay, the token
goes nowhere else, and the gateway ends when it is told to."""

import time

import pytest

from support.gateway import wait_until
from support.mock_upstream import SilentPort
from support.rawhttp import Client, answer, get
from support.unending import endless

TOKEN = "planted-collector-token-9b1c"
CONFIG = """
loops: 1
tracing: {{ endpoint: "http://{address}", samplePercent: 100, headers: {{ authorization: "Bearer TOKEN" }} }}
routes:
  - {{ name: fixed, respond: {{ status: 200, body: fixed }} }}
""".replace("TOKEN", TOKEN)
REQUESTS = 1000


def half(connection) -> None:
    connection.read_head()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    connection.upstream.hold()


SCRIPTS = {
    "busy for long": dict(reply=answer(b"", "429 Slow down", "Retry-After: 99999999999999999999")),
    "busy until never": dict(reply=answer(b"", "503 Busy", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT")),
    "a moment ago": dict(reply=answer(b"", "503 Busy", "Retry-After: -5")),
    "no protobuf": dict(reply=answer(b"\xff" * 5000)),
    "a count too large": dict(reply=answer(b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")),
    "a negative count": dict(reply=answer(b"\x0a\x0b\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")),
    "a hostile reason": dict(reply=answer(b"\x0a\x12\x08\x05\x12\x0e\x1b[2J\r\nevil\xff\xfe\x00\x01")),
    "garbage": dict(reply=b"\x00\x01\x02\r\n\r\n"),
    "endless": dict(serve=endless(b"\0")),
    "half an answer": dict(serve=half),
}


def ask(gateway, count: int = REQUESTS) -> float:
    """Requests one after another; the slowest of them, in seconds."""
    slowest = 0.0
    with Client(gateway.host, gateway.port) as client:
        for _ in range(count):
            begin = time.monotonic()
            assert client.exchange(get("/x")).status == 200
            slowest = max(slowest, time.monotonic() - begin)
    return slowest


def ends(gateway) -> None:
    begin = time.monotonic()
    gateway.signal(15)
    assert gateway.wait_exit() == 0 and time.monotonic() - begin < 10
    text = gateway.stderr_text()
    assert TOKEN not in text and "\x1b" not in text and text.count("spans could not") <= 3


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_requests_do_not_notice(gateways, upstreams, script):
    collector = upstreams(**script)
    gateway = gateways(CONFIG.format(address=collector.address))
    ask(gateway, 100)
    wait_until(lambda: collector.accepted, 20, "the collector is called")
    before, files = gateway.rss(), gateway.fds()
    slowest = ask(gateway)
    print("slowest", slowest)
    assert gateway.rss() < before + (32 << 20) and gateway.fds() <= files + 8
    for connection in collector.connections:
        assert all(TOKEN in (each.get("authorization") or "") for each in connection.requests)
    ends(gateway)
    gateway.start()


def test_a_collector_that_is_never_reached(gateways):
    """Its connections are never established: what cannot be kept is counted, and no more is kept than that."""
    with SilentPort() as silent:
        gateway = gateways(CONFIG.format(address=f"127.0.0.1:{silent.port}"))
        ask(gateway, 200)
        before = gateway.rss()
        ask(gateway, 2000)
        assert gateway.rss() < before + (32 << 20)
        ends(gateway)
        gateway.start()


def test_the_token_follows_no_redirect(gateways, upstreams):
    other = upstreams()
    collector = upstreams(answer(b"", "307 Elsewhere", f"Location: http://{other.address}/v1/traces"))
    gateway = gateways(CONFIG.format(address=collector.address))
    ask(gateway, 200)
    collector.wait_requests(1, 20)
    time.sleep(0.2)
    assert not other.accepted


def test_no_proxy_of_the_environment_gets_spans(gateways, upstreams):
    proxy, collector = upstreams(), upstreams()
    environment = {name: f"http://{proxy.address}" for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy")}
    gateway = gateways(CONFIG.format(address=collector.address), environment=environment)
    ask(gateway, 200)
    collector.wait_requests(1, 20)
    assert not proxy.accepted


def test_it_may_come_and_go_by_reload(gateways, upstreams):
    """Off, on, elsewhere, under load: no request fails, and the last collector gets what comes last."""
    first, second = upstreams(), upstreams()
    gateway = gateways(CONFIG.format(address=first.address))
    text = gateway.config_path.read_text()
    off = "\n".join(line for line in text.split("\n") if not line.startswith("tracing:"))
    for version in (off, text, text.replace(first.address, second.address), off, text) * 3:
        gateway.config_path.write_text(version)
        assert gateway.reload()[0] == 200
        ask(gateway, 50)
    gateway.config_path.write_text(text.replace(first.address, second.address))
    assert gateway.reload()[0] == 200
    seen = len(second.requests)
    ask(gateway, 50)
    second.wait_requests(seen + 1, 20)
