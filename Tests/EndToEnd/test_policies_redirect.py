"""`redirect`: where a client is sent, in all combinations of what the file says and what it leaves to the request."""

import pytest

from support.certificates import Authority
from support.gateway import free_port
from support.http2 import H2Client, request, trusting
from support.ways import CALL, HTTP1, serving

CASES = {
    # name: (the redirect, {(host of the request, path): Location})
    "scheme": ("scheme: https", {
        ("test", "/scheme"): "https://test/scheme",
        ("test:8080", "/scheme/x?a=1&b=%20"): "https://test/scheme/x?a=1&b=%20",
        ("[::1]:8080", "/scheme"): "https://[::1]/scheme",
    }),
    "host": ("host: new.test", {
        ("test:8080", "/host/x?y"): "http://new.test/host/x?y",
        ("test", "/host"): "http://new.test/host",
    }),
    "both": ("scheme: https, host: new.test", {("test:8080", "/both/x"): "https://new.test/both/x"}),
    "port": ("port: 8443", {
        ("test", "/port"): "http://test:8443/port",
        ("test:1234", "/port?q"): "http://test:8443/port?q",
        ("[::1]", "/port"): "http://[::1]:8443/port",
    }),
    "schemeport": ("scheme: https, port: 8443", {("test:8080", "/schemeport"): "https://test:8443/schemeport"}),
    "keepport": ("scheme: https, port: request", {
        ("test:8080", "/keepport"): "https://test:8080/keepport",
    }),
    "noport": ("path: /noport/new, port: scheme", {("test:8080", "/noport"): "http://test/noport/new"}),
    "path": ("path: /new", {
        ("test", "/path"): "http://test/new",
        ("test:8080", "/path/x/y?z=1"): "http://test:8080/new?z=1",
    }),
    "prefix": ("prefix: /new", {
        ("test", "/prefix"): "http://test/new",
        ("test", "/prefix/x?y=1"): "http://test/new/x?y=1",
        ("test", "/prefix/"): "http://test/new/",
    }),
    "strip": ("prefix: /", {("test", "/strip/a"): "http://test/a", ("test", "/strip"): "http://test/"}),
    "all": ("scheme: https, host: new.test, port: 444, prefix: /v2, code: 302", {
        ("test:8080", "/all/x?y=1"): "https://new.test:444/v2/x?y=1"}),
}
CODES = [301, 302, 303, 307, 308]
ENDPOINTS = ("main",)
TLS = free_port()
CONFIG = """
backends: { main: { endpoints: [<main>] } }
routes:
"""
for name, (text, _) in CASES.items():
    CONFIG += f"  - {{ name: {name}, match: [{{ path: {{ prefix: /{name} }} }}], redirect: {{ {text} }} }}\n"
for code in CODES:
    CONFIG += f"  - {{ name: code{code}, match: [{{ path: {{ prefix: /code{code} }} }}], redirect: {{ host: new.test, code: {code} }} }}\n"
CONFIG += "  - { name: rest, backends: [{ name: main }] }\n"


@pytest.mark.parametrize("name, host, path, location", [
    pytest.param(name, host, path, location, id=f"{name} {host}{path}")
    for name, (_, asked) in CASES.items() for (host, path), location in asked.items()
])
def test_locations(site, plain, name, host, path, location):
    reply = site.ask(plain, path, host=host, method="GET")
    assert reply.get("location") == location
    assert reply.status == (302 if name == "all" else 308)
    assert reply.cause is None, "an answer as written"
    assert site.was_asked() == []


@pytest.mark.parametrize("code", CODES)
def test_codes(site, plain, code):
    for method in ("GET", "POST"):
        reply = site.ask(plain, f"/code{code}", method=method)
        assert (reply.status, reply.get("location")) == (code, f"http://new.test/code{code}")


def test_head_has_no_body(site, plain):
    reply = site.ask(plain, "/code301", method="HEAD")
    assert (reply.status, reply.body) == (301, b"")


def test_a_connection_goes_on(site, plain):
    with plain.connect(site.gateway) as client:
        for _ in range(3):
            assert client.ask("/code301", body=b"x" * 1000).status == 301
            assert client.ask("/elsewhere").is_good


def test_a_call_is_sent_away_too(site):
    """No gRPC client follows; it sees an answer that is none, and its library says so."""
    reply = site.ask(CALL, "/code308")
    assert reply.status == 308 and reply.get("location") == "http://new.test/code308"


@pytest.mark.parametrize("path", ["/prefix//evil.test", "/prefix/%0d%0aSet-Cookie:%20a=b", "/strip//evil.test/x"])
def test_no_location_leads_elsewhere(site, plain, path):
    """A path is no way to name another host, or another field."""
    reply = site.ask(plain, path, method="GET")
    if reply.status == 308:
        location = reply.get("location")
        assert location.startswith("http://test/"), location
        assert not reply.all("set-cookie")
    else:
        assert reply.is_refused(400, "bad_request")


def test_hosts_that_are_none(site, plain):
    """What is repeated in a Location has been checked before."""
    for host in ("te st", "a@evil.test", "a/b", "a\\b"):
        assert site.ask(plain, "/scheme", host=host, method="GET").is_malformed, host


def test_from_https(tmp_path):
    """The scheme that stays is the client's, and 443 is not written."""
    certificate = (authority := Authority(tmp_path)).issue("gateway", "localhost")
    text = f"""
listeners:
  - address: 127.0.0.1:${{port}}
  - {{ address: 127.0.0.1:{TLS}, tls: {{ certificates: [{certificate.yaml}] }} }}
routes:
  - {{ name: path, match: [{{ path: {{ prefix: /path }} }}], redirect: {{ path: /new }} }}
  - {{ name: host, match: [{{ path: {{ prefix: /host }} }}], redirect: {{ host: new.test }} }}
  - {{ name: down, match: [{{ path: {{ prefix: /down }} }}], redirect: {{ scheme: http }} }}
  - {{ name: upgrade, match: [{{ scheme: http }}], redirect: {{ scheme: https, port: {TLS} }} }}
  - {{ name: rest, respond: {{ status: 200, body: safe }} }}
"""
    with serving(text, tmp_path / "gateway") as site:
        with H2Client("127.0.0.1", TLS, context=trusting(authority.certificate, "h2")) as client:
            def where(path: str, authority: str = "test"):
                fields = [(k, "https" if k == ":scheme" else v) for k, v in request("GET", path, authority=authority)]
                return client.answer(client.open(fields)).get("location")

            assert where("/path") == "https://test/new"
            assert where("/path", "test:8443") == "https://test:8443/new"
            assert where("/host") == "https://new.test/host"
            assert where("/down", "test:8443") == "http://test/down"
            assert where("/safe") is None
        assert site.ask(HTTP1, "/safe?x", method="GET").get("location") == f"https://test:{TLS}/safe?x"
