"""The PROXY protocol in front of requests, and how many connections one client may have."""

import contextlib
import socket
import ssl
import struct

import pytest

from support.certificates import Authority
from support.gateway import wait_until
from support.rawhttp import Client, Incomplete, Reader, get

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

CONFIG = """
listeners:
  - address: 127.0.0.1:${port}
    proxyProtocol: true
    trustedProxies: [203.0.113.0/24]
    limits: { perClient: 3 }
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: all, backends: [{ name: main }] }
"""


def header(source: str = "192.0.2.1", port: int = 4711, command: int = 0x21, extensions: bytes = b"") -> bytes:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    here = "::1" if ":" in source else "127.0.0.1"
    addresses = socket.inet_pton(family, source) + socket.inet_pton(family, here) + struct.pack("!HH", port, 80)
    body = addresses + extensions
    return SIGNATURE + bytes([command, 0x21 if ":" in source else 0x11]) + struct.pack("!H", len(body)) + body


@pytest.fixture
def behind(proxies):
    return proxies(CONFIG)


def ask(proxy, first: bytes, *fields: str):
    with proxy.connect() as client:
        client.send(first)
        return client.exchange(get("/x", "test", *fields))


def forwarded(proxy) -> list[str]:
    return [request.get("x-forwarded-for") for request in proxy.upstream.wait_requests(1)]


@pytest.mark.parametrize("source", ["192.0.2.1", "2001:db8::7"])
def test_the_client_is_the_one_the_header_names(behind, source):
    assert ask(behind, header(source)).status == 200
    assert forwarded(behind) == [source]


def test_the_header_and_the_request_may_come_in_any_pieces(behind):
    whole = header(extensions=b"\x04\0\x02ab") + get("/x")
    for cut in (1, 15, 16, 17, 27, 28, len(whole) - 1):
        with behind.connect() as client:
            client.send(whole[:cut])
            wait_until(lambda: behind.gateway.metrics().sum("sluice_connections_open") == 1)
            client.send(whole[cut:])
            assert client.response().status == 200
        wait_until(lambda: behind.gateway.metrics().sum("sluice_connections_open") == 0)
    assert set(forwarded(behind)) == {"192.0.2.1"}


def test_a_proxy_that_speaks_for_itself(behind):
    assert ask(behind, SIGNATURE + b"\x20\0\0\0").status == 200
    assert forwarded(behind) == ["127.0.0.1"]


def test_forwarding_headers_are_believed_by_the_named_address(behind):
    assert ask(behind, header("203.0.113.5"), "X-Forwarded-For: 198.51.100.1").status == 200
    assert ask(behind, header("192.0.2.1"), "X-Forwarded-For: 198.51.100.1").status == 200
    assert [request.get("x-forwarded-for") for request in behind.upstream.wait_requests(2)] == [
        "198.51.100.1, 203.0.113.5", "192.0.2.1"]


@pytest.mark.parametrize("first", [
    pytest.param(get("/x"), id="none"),
    pytest.param(b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\n", id="version 1"),
    pytest.param(header(command=0x22), id="unknown command"),
    pytest.param(header()[:20], id="half a header"),
    pytest.param(b"", id="nothing"),
])
def test_who_brings_no_header_is_not_served(proxies, first):
    behind = proxies(CONFIG.replace("perClient: 3", "headerTimeout: 500ms"))
    with behind.connect() as client:
        with pytest.raises((Incomplete, ConnectionError)):
            client.send(first)
            client.response()
    assert behind.gateway.wait_metric("sluice_connections_refused_total", 1, reason="proxy_header") == 1
    assert behind.upstream.requests == []


def test_tls_and_http2_begin_behind_the_header(proxies, tmp_path):
    authority = Authority(tmp_path)
    certificate = authority.issue("gateway", "localhost")
    proxy = proxies(CONFIG.replace(
        "proxyProtocol: true", f"proxyProtocol: true\n    tls: {{ certificates: [{certificate.yaml}] }}"))
    context = ssl.create_default_context(cafile=str(authority.certificate))
    for protocol in ("http/1.1", "h2"):
        context.set_alpn_protocols([protocol])
        with socket.create_connection((proxy.gateway.host, proxy.gateway.port), 20) as raw:
            raw.sendall(header())
            with context.wrap_socket(raw, server_hostname="localhost") as secure:
                assert secure.selected_alpn_protocol() == protocol
                if protocol == "http/1.1":
                    secure.sendall(get("/x"))
                    assert Reader(secure).response("GET").status == 200
    assert forwarded(proxy) == ["192.0.2.1"]


def test_http2_without_tls_behind_the_header(behind):
    with socket.create_connection((behind.gateway.host, behind.gateway.port), 20) as raw:
        raw.sendall(header("192.0.2.9") + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        assert raw.recv(9)[3] == 4, "SETTINGS"
        assert behind.gateway.metrics().sum("sluice_connections_open", protocol="http2") == 1


# --- connections of one client


def test_a_client_has_as_many_connections_as_it_may(behind):
    held = []
    try:
        for _ in range(3):
            client = behind.connect()
            held.append(client)
            client.send(header("192.0.2.1"))
            assert client.exchange(get("/x")).status == 200
        with behind.connect() as fourth:
            with pytest.raises((Incomplete, ConnectionError)):
                fourth.send(header("192.0.2.1") + get("/x"))
                fourth.response()
        assert behind.gateway.metrics().sum("sluice_connections_refused_total", reason="per_client") == 1
        assert ask(behind, header("192.0.2.2")).status == 200, "another client"
        held.pop().close()
        wait_until(lambda: behind.gateway.metrics().sum("sluice_connections_open") == 2)
        assert ask(behind, header("192.0.2.1")).status == 200, "one has gone"
    finally:
        for client in held:
            client.close()


def test_the_limit_holds_without_a_proxy_and_over_loops(proxies):
    proxy = proxies(CONFIG.replace("    proxyProtocol: true\n", "").replace("listeners:", "loops: 2\nlisteners:"))
    clients = []
    served = 0
    for _ in range(8):
        # A refused connection is reset, and connect() itself may be what hears of it.
        with contextlib.suppress(ConnectionError):
            clients.append(Client(proxy.gateway.host, proxy.gateway.port))
    for client in clients:
        try:
            client.send(get("/x"))
            served += client.response().status == 200
        except (Incomplete, ConnectionError):
            pass
    assert served == 3
    for client in clients:
        client.close()
    wait_until(lambda: proxy.gateway.metrics().sum("sluice_connections_open") == 0)
    assert proxy.send(get("/x")).status == 200
