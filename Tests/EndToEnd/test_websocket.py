"""WebSocket through the gateway, between clients and servers that are not ours (RFC 6455)."""

import hashlib
import http
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from support.gateway import wait_until
from support.websocket import ASKING, KEY, accept, open_socket, server

MIB = 1 << 20

CONFIG = """
accessLog: { path: access.log, format: json }
backends:
  b: { server: generic, endpoints: ["ADDRESS"] }
routes:
  - name: locked
    match: [{ path: { prefix: /locked } }]
    basicAuth: { users: { ann: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" } }
    backends: [{ name: b }]
  - { name: all, backends: [{ name: b }] }
"""


@pytest.fixture
def echoing(gateways):
    with server() as endpoint:
        gateway = gateways(CONFIG.replace("ADDRESS", endpoint.address))
        gateway.endpoint = endpoint
        yield gateway


def log_lines(gateway, count: int) -> list:
    path = gateway.workdir / "access.log"
    text = wait_until(
        lambda: path.exists() and len(found := path.read_text().splitlines()) >= count and found, 20, f"{count} lines"
    )
    return [json.loads(line) for line in text]


def test_messages_both_ways(echoing):
    with open_socket(echoing) as socket:
        for message in ["hello", b"\x00\xff" * 10, "", "ü" * 70000]:
            socket.send(message)
            assert socket.recv(60) == message
        assert socket.ping().wait(30)
    assert (socket.close_code, socket.protocol.close_rcvd.code) == (1000, 1000)


def test_subprotocols_and_extensions_are_the_two_sides_business(gateways):
    with server(subprotocols=["v1.kernel", "v2.kernel"], compression="deflate") as endpoint:
        gateway = gateways(CONFIG.replace("ADDRESS", endpoint.address))
        with open_socket(gateway, subprotocols=["v2.kernel"], compression="deflate") as socket:
            assert socket.subprotocol == "v2.kernel"
            assert [extension.name for extension in socket.protocol.extensions] == ["permessage-deflate"]
            socket.send("x" * 100000)
            assert socket.recv(30) == "x" * 100000


def test_64_mib_each_way(echoing):
    message = os.urandom(MIB) * 64
    before = echoing.rss()
    with open_socket(echoing) as socket:
        socket.send(message)
        received = socket.recv(120)
        assert hashlib.sha256(received).digest() == hashlib.sha256(message).digest()
    assert echoing.rss() - before < 16 * MIB, "a tunnel holds no messages"


def test_the_server_closes(gateways):
    with server(lambda socket: socket.close(4001, "enough")) as endpoint:
        gateway = gateways(CONFIG.replace("ADDRESS", endpoint.address))
        with open_socket(gateway) as socket, pytest.raises(ConnectionClosed) as closed:
            socket.recv(30)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "enough")
        assert log_lines(gateway, 1)[0].get("cause") is None


def test_log_and_metrics(echoing):
    """One exchange with status 101, counted when it ends, with all that went through it."""
    with open_socket(echoing) as socket:
        socket.send(bytes(100_000))
        assert len(socket.recv(30)) == 100_000
        assert echoing.metrics().sum("sluice_requests_in_flight", backend="b") == 1
        assert echoing.metrics().sum("sluice_requests_total", route="all") == 0
    line = log_lines(echoing, 1)[0]
    assert (line["status"], line.get("cause"), line["method"], line["path"]) == (101, None, "GET", "/ws")
    # A masked frame and a Close each way.
    assert line["requestBytes"] == 100_000 + 14 + 8
    assert line["responseBytes"] == 100_000 + 10 + 4
    metrics = echoing.metrics()
    labels = {"route": "all", "backend": "b"}
    assert metrics.select("sluice_requests_total", **labels) == [({**labels, "code": "101", "cause": ""}, 1)]
    assert metrics.sum("sluice_request_bytes_total", **labels) == line["requestBytes"]
    assert metrics.sum("sluice_response_bytes_total", **labels) == line["responseBytes"]
    assert metrics.sum("sluice_requests_in_flight", backend="b") == 0
    wait_until(lambda: echoing.metrics().sum("sluice_upstream_connections_open") == 0, 10, "its connection is not kept")


def test_basic_authentication(echoing):
    with pytest.raises(InvalidStatus) as refused:
        open_socket(echoing, "/locked/ws")
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["WWW-Authenticate"].startswith("Basic ")
    with open_socket(echoing, "/locked/ws", host="ann:test@localhost") as socket:
        socket.send("hello")
        assert socket.recv(30) == "hello"
    assert log_lines(echoing, 2)[1]["user"] == "ann"


def test_policies(gateways):
    """What a route says holds for a request for WebSocket as for any other."""
    asked = []

    def note(connection, request):
        asked.append(request)

    with server(process_request=note) as endpoint:
        gateway = gateways(
            f"""
backends: {{ b: {{ server: generic, endpoints: ["{endpoint.address}"] }} }}
routes:
  - name: limited
    match: [{{ path: {{ prefix: /limited }} }}]
    rateLimit: {{ requests: 1, per: 1h }}
    backends: [{{ name: b }}]
  - {{ name: denied, match: [{{ path: {{ prefix: /denied }} }}], denyFrom: [127.0.0.1], backends: [{{ name: b }}] }}
  - name: edited
    rewrite: {{ prefix: /kernel, host: notebooks.test }}
    match: [{{ path: {{ prefix: /edited }} }}]
    requestHeaders: {{ set: {{ x-route: "%{{route}}" }} }}
    responseHeaders: {{ set: {{ x-backend: "%{{backend}}" }} }}
    backends: [{{ name: b }}]
"""
        )
        with open_socket(gateway, "/edited/1?a=b") as socket:
            socket.send("hello")
            assert socket.recv(30) == "hello"
            assert socket.response.headers["x-backend"] == "b"
        assert asked[0].path == "/kernel/1?a=b"
        assert (asked[0].headers["x-route"], asked[0].headers["Host"]) == ("edited", "notebooks.test")
        open_socket(gateway, "/limited").close()
        for path, status in (("/limited", 429), ("/denied", 403)):
            with pytest.raises(InvalidStatus) as refused:
                open_socket(gateway, path)
            assert refused.value.response.status_code == status


def test_the_endpoint_refuses(gateways):
    def refuse(connection, request):
        return connection.respond(http.HTTPStatus.FORBIDDEN, "not today\n")

    with server(process_request=refuse) as endpoint:
        gateway = gateways(CONFIG.replace("ADDRESS", endpoint.address))
        with pytest.raises(InvalidStatus) as refused:
            open_socket(gateway)
        assert (refused.value.response.status_code, refused.value.response.body) == (403, b"not today\n")


def test_curl(echoing):
    """`curl --include` with the fields written by hand sees the 101 as any server would say it."""
    fields = [part for field in ASKING for part in ("-H", field)]
    command = ["curl", "--include", "--http1.1", "-sS", "--max-time", "2", *fields, echoing.url + "/ws"]
    done = subprocess.run(command, capture_output=True, timeout=60)
    head = done.stdout.decode().splitlines()
    assert head[0] == "HTTP/1.1 101 Switching Protocols"
    named = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    assert (named["connection"], named["upgrade"]) == ("Upgrade", "websocket")
    assert named["sec-websocket-accept"] == accept(KEY)
    assert not {"content-length", "transfer-encoding"} & set(named)


def test_two_hundred_at_once(echoing):
    """Each gets its own bytes, and what waits holds no buffers."""
    with open_socket(echoing) as warm:
        warm.send("x")
        warm.recv(30)
    before = echoing.rss()
    with ThreadPoolExecutor(8) as pool:
        sockets = list(pool.map(lambda _: open_socket(echoing, ping_interval=None), range(200)))
        assert echoing.metrics().sum("sluice_requests_in_flight", backend="b") == 200

        def talk(numbered):
            number, socket = numbered
            message = f"{number} ".encode() * 20000
            socket.send(message)
            return socket.recv(60) == message

        assert all(pool.map(talk, enumerate(sockets)))
        # An exchange with two heads and two connections: some 10 KiB.
        assert echoing.rss() - before < 12 * MIB
        list(pool.map(lambda socket: socket.close(), sockets))
    assert {line.get("cause") for line in log_lines(echoing, 201)} == {None}
    assert wait_until(lambda: echoing.metrics().sum("sluice_requests_in_flight", backend="b") == 0, 20, "all ended")
