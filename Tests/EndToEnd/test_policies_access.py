"""`denyFrom` and `allowFrom`: who a client is, however it comes, and whether its address gets through."""

import socket

import pytest

from support.gateway import free_port
from support.rawhttp import Client, build
from support.ways import WAYS, serving
from test_proxy_protocol import header as proxy_header

V6, TRUSTING, TRUSTING6, PROXIED = (free_port() for _ in range(4))
ENDPOINTS = ("main",)
CONFIG = """
loops: 2
listeners:
  - address: 127.0.0.1:${port}
  - { address: "[::1]:V6" }
  - { address: 127.0.0.1:TRUSTING, trustedProxies: [127.0.0.3, 127.0.0.4] }
  - { address: "[::1]:T6", trustedProxies: ["::1"] }
  - { address: 127.0.0.1:PROXIED, proxyProtocol: true }
  - { address: "unix:clients.sock" }
backends:
  main: { endpoints: [<main>] }
routes:
  - name: denying
    match: [{ path: { prefix: /denying } }]
    denyFrom: [127.0.0.2, 10.6.6.0/24, "2001:db8:bad::/48", "::1"]
    backends: [{ name: main }]
  - name: allowing
    match: [{ path: { prefix: /allowing } }]
    allowFrom: [127.0.0.8/29, 10.0.0.0/8, "2001:db8::/32"]
    backends: [{ name: main }]
  - name: both
    match: [{ path: { prefix: /both } }]
    denyFrom: [10.6.6.6, 127.0.0.9, "2001:db8::6"]
    allowFrom: [10.0.0.0/8, 127.0.0.0/8, "2001:db8::/32"]
    backends: [{ name: main }]
  - name: fixed
    match: [{ path: { exact: /fixed } }]
    denyFrom: [127.0.0.2]
    respond: { status: 200, body: fixed }
  - name: moved
    match: [{ path: { exact: /moved } }]
    allowFrom: [127.0.0.1]
    redirect: { host: elsewhere.test }
  - { name: open, backends: [{ name: main }] }
"""
for name, port in (("V6", V6), ("TRUSTING", TRUSTING), ("T6", TRUSTING6), ("PROXIED", PROXIED)):
    CONFIG = CONFIG.replace(f":{name}", f":{port}")

DENYING, ALLOWING, BOTH = "/denying/x", "/allowing/x", "/both/x"


def passes(site, way, path: str, *fields: tuple, **connection) -> bool:
    """Whether a request gets through; one that does not is answered 403 and never asked for anywhere."""
    site.clear()
    reply = site.ask(way, path, *fields, connection=connection)
    if reply.is_good:
        assert site["main"].the_request().path == path
        return True
    assert reply.is_refused(403, "forbidden"), reply
    assert site.was_asked() == []
    return False


@pytest.mark.parametrize("path, source, through", [
    (DENYING, "127.0.0.1", True),
    (DENYING, "127.0.0.2", False),
    (DENYING, "127.0.0.3", True),
    (ALLOWING, "127.0.0.7", False),
    (ALLOWING, "127.0.0.8", True),
    (ALLOWING, "127.0.0.15", True),
    (ALLOWING, "127.0.0.16", False),
    (BOTH, "127.0.0.8", True),
    (BOTH, "127.0.0.9", False),
    ("/elsewhere", "127.0.0.2", True),
])
def test_addresses_of_version_4(site, way, path, source, through):
    assert passes(site, way, path, source=source) == through


def test_addresses_of_version_6(site, way):
    for path, through in ((DENYING, False), (ALLOWING, False), (BOTH, False), ("/elsewhere", True)):
        assert passes(site, way, path, host="::1", port=V6) == through, path


@pytest.mark.parametrize("path, said, through", [
    (DENYING, "10.6.6.6", False),
    (DENYING, "10.6.7.6", True),
    (DENYING, "2001:db8:bad::1", False),
    (DENYING, "2001:db8:bae::1", True),
    (DENYING, "::ffff:10.6.6.6", False),
    (ALLOWING, "10.1.2.3", True),
    (ALLOWING, "11.1.2.3", False),
    (ALLOWING, "2001:db8:ffff::1", True),
    (ALLOWING, "2001:db9::1", False),
    (BOTH, "10.6.6.6", False),
    (BOTH, "2001:db8::6", False),
    (BOTH, "2001:db8::7", True),
])
def test_behind_trusted_proxies(site, way, path, said, through):
    field = ("x-forwarded-for", said)
    assert passes(site, way, path, field, source="127.0.0.3", port=TRUSTING) == through
    assert passes(site, way, path, field, host="::1", port=TRUSTING6) == through


def test_the_client_is_the_last_that_no_trusted_proxy_vouches_for(site, way):
    """What stands further left a client can have written itself."""
    trusted = {"source": "127.0.0.3", "port": TRUSTING}
    assert not passes(site, way, ALLOWING, ("x-forwarded-for", "10.1.1.1, 192.0.2.1"), **trusted)
    assert passes(site, way, ALLOWING, ("x-forwarded-for", "192.0.2.1, 10.1.1.1"), **trusted)
    assert passes(site, way, ALLOWING, ("x-forwarded-for", "192.0.2.1, 10.1.1.1, 127.0.0.4"), **trusted)
    assert not passes(site, way, DENYING, ("x-forwarded-for", "10.1.1.1, 10.6.6.6,127.0.0.4"), **trusted)
    assert passes(site, way, ALLOWING, ("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "10.1.1.1"), **trusted)
    # Whoever is not trusted is the client, whatever it says; and so is a proxy that says nothing that makes sense.
    assert not passes(site, way, ALLOWING, ("x-forwarded-for", "10.1.1.1"), source="127.0.0.5", port=TRUSTING)
    assert passes(site, way, DENYING, ("x-forwarded-for", "10.6.6.6"), source="127.0.0.5", port=TRUSTING)
    assert not passes(site, way, ALLOWING, ("x-forwarded-for", "10.1.1.1, nonsense"), **trusted)
    assert not passes(site, way, ALLOWING, **trusted)


@pytest.mark.parametrize("path, source, through", [
    (DENYING, "10.6.6.6", False),
    (DENYING, "192.0.2.1", True),
    (DENYING, "2001:db8:bad::1", False),
    (ALLOWING, "10.6.6.6", True),
    (ALLOWING, "2001:db8::1", True),
    (ALLOWING, "192.0.2.1", False),
])
def test_behind_the_proxy_protocol(site, way, path, source, through):
    # The proxy itself would be let in, and would not be denied.
    assert passes(site, way, path, port=PROXIED, source="127.0.0.8", first=proxy_header(source)) == through


def test_what_the_gateway_answers_itself_has_its_guard_too(site, plain):
    assert site.ask(plain, "/fixed").body == b"fixed"
    assert site.ask(plain, "/fixed", connection={"source": "127.0.0.2"}).is_refused(403, "forbidden")
    assert site.ask(plain, "/moved").status == 308
    assert site.ask(plain, "/moved", connection={"source": "127.0.0.2"}).is_refused(403, "forbidden")


def test_clients_without_an_address_are_on_no_list(site):
    path = str(site.gateway.workdir / "clients.sock")
    for target, status in ((DENYING, 200), (ALLOWING, 403), (BOTH, 403), ("/elsewhere", 200)):
        with Client(path) as client:
            assert client.exchange(build("GET", target)).status == status, target


def test_a_connection_of_http2_is_judged_stream_by_stream(site):
    """One connection may use several routes; refusing one request is not the end of the others."""
    for way in WAYS:
        with way.connect(site.gateway, source="127.0.0.2") as client:
            for _ in range(3):
                assert client.ask(DENYING).is_refused(403, "forbidden")
                assert client.ask("/elsewhere").is_good


def test_refusals_are_counted_by_their_cause(site, way):
    before = site.gateway.metrics().sum("sluice_requests_total", route="denying", code="403", cause="forbidden")
    assert not passes(site, way, DENYING, source="127.0.0.2")
    site.gateway.wait_metric(
        "sluice_requests_total", before + 1, route="denying", code="403", cause="forbidden")


def test_a_reload_changes_who_gets_through(tmp_path, way):
    text = """
backends: { main: { endpoints: [<main>] } }
routes:
  - { name: all, denyFrom: [ADDRESS], backends: [{ name: main }] }
"""
    with serving(text.replace("ADDRESS", "192.0.2.1"), tmp_path, "main") as site:
        with way.connect(site.gateway) as client:
            assert client.ask("/").is_good
            site.reload(text.replace("ADDRESS", "127.0.0.0/8"))
            # The very connection, with its next request.
            assert client.ask("/").is_refused(403, "forbidden")
        site.reload(text.replace("ADDRESS", "10.0.0.0/8"))
        assert site.ask(way, "/").is_good


def test_a_thousand_networks(tmp_path, plain):
    """Every second /24 of 127.1.0.0/16 and more; neighbours are told apart."""
    networks = [f"127.1.{third}.0/25" for third in range(0, 256, 2)]
    networks += [f"10.{second}.{third}.0/24" for second in range(8) for third in range(0, 256, 2)]
    text = f"""
backends: {{ main: {{ endpoints: [<main>] }} }}
routes:
  - {{ name: all, allowFrom: [{', '.join(networks)}], backends: [{{ name: main }}] }}
"""
    with serving(text, tmp_path, "main") as site:
        for source, through in (("127.1.0.127", True), ("127.1.0.128", False), ("127.1.1.5", False),
                                ("127.1.254.1", True), ("127.2.0.1", False)):
            assert passes(site, plain, "/", source=source) == through, source


def test_there_is_an_address_of_version_6():
    """Were there none, the tests above would test nothing."""
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
