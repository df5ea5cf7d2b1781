"""Ingresses with the annotations of ingress-nginx, as they are, in front of servers that say who they are.

The manifests are the inputs of the conversion tests, so what is written beside them is also what happens.
"""

import base64
import re
import subprocess
from collections import Counter

import pytest

from support.gateway import REPOSITORY, binary
from support.rawhttp import Client, answer, build

MANIFESTS = REPOSITORY / "Tests/ConfigFilesTests/convert/ingress-nginx"


def manifest(name: str) -> str:
    return (MANIFESTS / f"{name}.in.yaml").read_text()


class Cluster:
    """The services that a manifest names, and the gateway that serves it."""

    def __init__(self, name: str, gateways, upstreams):
        text = manifest(name)
        names = sorted(set(re.findall(r"service: *\{ name: ([\w-]+)", text) + re.findall(r"service:\s+name: ([\w-]+)", text)))
        self.services = {each: upstreams(self.reply(each)) for each in names}
        pins = ", ".join(f"{each}: {service.address}" for each, service in self.services.items())
        self.gateway = gateways(f"{text}\n---\nresolve: {{ {pins} }}\n")

    @staticmethod
    def reply(name: str):
        return lambda request, connection: answer(b"", "200 OK", f"Served-By: {name}", f"Saw: {request.target}",
                                                  f"Saw-Host: {request.get('host')}")

    def ask(self, host: str, path: str = "/", *fields: str, method: str = "GET"):
        with Client(self.gateway.host, self.gateway.port) as client:
            return client.exchange(build(method, path, host, *fields), method)

    def served(self, *arguments) -> str:
        """Who served it, or the status."""
        found = self.ask(*arguments)
        return found.get("served-by") or str(found.status)


@pytest.fixture
def cluster(gateways, upstreams):
    return lambda name: Cluster(name, gateways, upstreams)


def test_canary_by_header_and_weight(cluster):
    """The pair of the documentation: the header decides where it says so, and a tenth of the others."""
    site = cluster("canary-header-weight")
    host = "echo.prod.mydomain.com"
    assert [site.served(host, "/", "Region: always") for _ in range(5)] == ["canary"] * 5
    assert [site.served(host, "/", "Region: never") for _ in range(5)] == ["production"] * 5
    with Client(site.gateway.host, site.gateway.port) as client:
        found = Counter(client.exchange(build("GET", "/", host, "Region: eu")).get("served-by") for _ in range(100))
    assert abs(found["canary"] - 10) <= 1 and found.total() == 100, found


@pytest.mark.parametrize("fields, service", [
    ((), "web-v2"),
    (("X-Canary: always",), "web-v2"),
    (("X-Canary: never",), "web"),
    (("X-Canary: perhaps",), "web-v2"),
    (("Cookie: canary=never",), "web"),
    (("Cookie: a=b; canary=never; c=d",), "web"),
    (("Cookie: xcanary=never",), "web-v2"),
    (("Cookie: canary=neverland",), "web-v2"),
    (("X-Canary: never", "Cookie: canary=always"), "web"),
    (("X-Canary: always", "Cookie: canary=never"), "web-v2"),
    (("X-Canary: perhaps", "Cookie: canary=never"), "web"),
], ids=str)
def test_header_before_cookie_before_weight(_everything, fields, service):
    """All of what is left goes to the canary, by its weight."""
    assert _everything.served("web.example.com", "/", *fields) == service


@pytest.fixture
def _everything(cluster):
    return cluster("canary-everything")


def test_canary_by_pattern(cluster):
    site = cluster("canary-header-pattern")
    builds = ["v2.", "v2.1-rc", "v1.2", "xv2.1", "v20"]
    assert [site.served("web.example.com", "/", f"X-Build: {each}") for each in builds] == ["web-v2"] * 2 + ["web"] * 3


def test_rewrite_by_groups(cluster):
    site = cluster("rewrite-captures")
    for asked, seen in [("/v1", "/"), ("/v1/", "/"), ("/v1/a/b?c=d", "/a/b?c=d"), ("/V1/A", "/A"), ("/v1/v1/x", "/v1/x")]:
        assert site.ask("api.example.com", asked).get("saw") == seen
    assert site.served("api.example.com", "/v10") == "404"


def test_order_of_paths(cluster):
    site = cluster("path-types")
    for path, service in [
        ("/", "root"), ("/v2", "index"), ("/v2/", "v2"), ("/v2x", "root"), ("/v2/models", "v2"),
        ("/v2/models/densenet", "densenet"), ("/v2/models/densenet/infer", "densenet"), ("/v2/models/densenet2", "v2"),
        ("/static", "static"), ("/static.css", "static"),
    ]:
        assert site.served("api.example.com", path) == service, path
    assert site.served("other.example.com", "/") == "404"


def test_expressions_are_tried_by_their_length(cluster):
    """The example of ingress-nginx's documentation, with the order that it warns of."""
    site = cluster("regex-order")
    assert site.served("test.com", "/foo/bar/bar") == "two"
    assert site.served("test.com", "/FOO/bar/b") == "404"


def test_hosts_and_what_is_left(cluster):
    """A host with rules of its own gets nothing from a wildcard, and only strangers get to the default backend."""
    site = cluster("hosts-and-default")
    asked = [("a.example.com", "/api"), ("a.example.com", "/x"), ("b.example.com", "/x"), ("example.com", "/x")]
    assert [site.served(*each) for each in asked] == ["api", "404", "wild", "landing"]


def test_timeouts_sizes_and_cors(cluster):
    site = cluster("timeouts-body-cors")
    found = site.ask("triton.example.com", "/v2", "Origin: https://a.example")
    assert found.get("access-control-allow-origin") == "*" and not found.has("access-control-allow-credentials")
    assert found.get("access-control-expose-headers").replace(" ", "") == "Content-Length,Content-Range"
    found = site.ask("triton.example.com", "/v2", "Origin: https://a.example", "Access-Control-Request-Method: PUT",
                     method="OPTIONS")
    assert found.status in (200, 204) and found.get("served-by") is None
    assert "PUT" in found.list("access-control-allow-methods")
    assert not found.has("access-control-allow-credentials")
    too_long = f"Content-Length: {(50 << 20) + 1}"
    assert site.ask("triton.example.com", "/v2", too_long, method="POST").status == 413


def test_snippets_are_refused():
    path = MANIFESTS / "snippet.in.yaml"
    found = subprocess.run([binary(), "check", "-c", path], capture_output=True, text=True, timeout=20)
    said = found.stdout + found.stderr
    assert found.returncode == 1
    assert ":17:5: error: 'configuration-snippet' holds nginx configuration, which is not run here" in said
    assert "'responseHeaders' instead of more_set_headers" in said


def test_passwords_of_a_secret(cluster):
    """The Secret of ingress-nginx's own example."""
    site = cluster("basic-auth-file")

    def ask(credentials: str):
        field = base64.b64encode(credentials.encode()).decode()
        return site.ask("private.example.com", "/", f"Authorization: Basic {field}")

    refused = site.ask("private.example.com")
    assert refused.status == 401 and refused.get("www-authenticate").startswith('Basic realm="Authentication Required"')
    assert ask("foo:bar").get("served-by") == "private"
    assert ask("foo:baz").status == 401


@pytest.mark.parametrize("name, host, path, status, location", [
    ("permanent-redirect", "old.example.com", "/a?b=c", 308, "https://new.example.com/landing"),
    ("temporal-redirect", "old.example.com", "/a?b=c", 302, "https://new.example.com/a?b=c"),
    ("www-and-aliases", "example.com", "/a?b=c", 308, "http://www.example.com/a?b=c"),
    ("tls-app-root", "shop.example.com", "/a?b=c", 308, "https://shop.example.com/a?b=c"),
    ("tls-app-root", "shop.example.com", "/", 302, "http://shop.example.com/start"),
])
def test_redirects(cluster, name, host, path, status, location):
    found = cluster(name).ask(host, path)
    assert (found.status, found.get("location")) == (status, location)


def test_address_lists(cluster):
    assert cluster("limits-and-lists").served("limited.example.com") == "403"


AFFINITY = """
backends:
  web: { endpoints: [ENDPOINTS], balance: { hash: { cookie: route } } }
routes:
  - { name: all, sticky: { cookie: route }, backends: [{ name: web }] }
"""


def test_a_session_begins_where_it_goes_on(gateways, upstreams):
    """The first answer of a client comes from the endpoint that its cookie leads to."""
    endpoints = [upstreams(Cluster.reply(str(number))) for number in range(4)]
    gateway = gateways(AFFINITY.replace("ENDPOINTS", ", ".join(each.address for each in endpoints)))
    seen = Counter()
    with Client(gateway.host, gateway.port) as client:
        for _ in range(24):
            first = client.exchange(build("GET", "/"))
            cookie = first.get("set-cookie").split(";")[0]
            later = client.exchange(build("GET", "/", "test", f"Cookie: {cookie}"))
            assert later.get("served-by") == first.get("served-by") and not later.has("set-cookie")
            seen[first.get("served-by")] += 1
    assert len(seen) > 1, seen
