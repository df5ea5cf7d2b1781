"""Which route takes a request, what it answers, and how it splits its traffic."""

import socket
from collections import Counter

import pytest

from support.gateway import Gateway, wait_until
from support.proxy import Proxy
from support.rawhttp import Client, answer, build, get, post

MATCHES = """
routes:
  - { name: exact, match: [{ path: { exact: /exact } }], respond: { status: 201 } }
  - { name: prefix, match: [{ path: { prefix: /v2 } }], hosts: [prefix.example.com], respond: { status: 202 } }
  - { name: starts, match: [{ path: { startsWith: /st } }], respond: { status: 203 } }
  - { name: regex, match: [{ path: { regex: "/r/[a-z]+(/infer)?" } }], respond: { status: 213 } }
  - { name: hosts, hosts: [one.example.com, "*.ml.example.com"], respond: { status: 206 } }
  - { name: method, match: [{ path: { prefix: /method }, method: DELETE }], respond: { status: 207 } }
  - name: headers
    match:
      - path: { prefix: /h }
        headers: { x-tenant: gold, x-beta: { present: true }, authorization: { prefix: "Basic " } }
      - { path: { prefix: /h }, headers: { x-kind: { regex: "a+b" }, x-gone: { present: false } } }
    respond: { status: 208 }
  - name: query
    match: [{ path: { prefix: /q }, query: { debug: "1", user: { prefix: an } } }]
    respond: { status: 209 }
  - { name: version, match: [{ model: densenet, version: "2" }], respond: { status: 210 } }
  - { name: model, match: [{ model: densenet }], respond: { status: 211 } }
  - { name: or, match: [{ path: { exact: /or1 } }, { path: { exact: /or2 }, method: POST }], respond: { status: 212 } }
  - { name: shadowed, match: [{ path: { exact: /exact } }], respond: { status: 299 } }
"""

CASES = [
    ("exact", get("/exact"), 201),
    ("exact with query", get("/exact?x=1"), 201),
    ("exact is exact", get("/exact/"), 404),
    ("exact has case", get("/Exact"), 404),
    ("first match wins", get("/exact"), 201),
    ("prefix itself", get("/v2", "prefix.example.com"), 202),
    ("prefix below", get("/v2/models", "prefix.example.com"), 202),
    ("prefix with slash", get("/v2/", "prefix.example.com"), 202),
    ("prefix is whole elements", get("/v2x", "prefix.example.com"), 404),
    ("prefix on another host", get("/v2", "other.example.com"), 404),
    ("starts with", get("/stx"), 203),
    ("starts itself", get("/st"), 203),
    ("starts shorter", get("/s"), 404),
    ("regex", get("/r/abc"), 213),
    ("regex optional", get("/r/abc/infer"), 213),
    ("regex full at the end", get("/r/abc/inferx"), 404),
    ("regex full at the start", get("/x/r/abc"), 404),
    ("regex not the query", get("/r/abc?x=y"), 213),
    ("host", get("/", "one.example.com"), 206),
    ("host any case", get("/", "ONE.example.COM"), 206),
    ("host port ignored", get("/", "one.example.com:8080"), 206),
    ("host other", get("/", "two.example.com"), 404),
    ("wildcard", get("/", "a.ml.example.com"), 206),
    ("wildcard deeper", get("/", "a.b.ml.example.com"), 206),
    ("wildcard not itself", get("/", "ml.example.com"), 404),
    ("wildcard whole labels", get("/", "xml.example.com"), 404),
    ("host suffix", get("/", "one.example.com.evil"), 404),
    ("host of the absolute form", get("http://one.example.com/", "x"), 206),
    ("method", build("DELETE", "/method"), 207),
    ("method other", get("/method"), 404),
    ("method has case", build("delete", "/method"), 404),
    ("headers all", get("/h", "t", "X-Tenant: gold", "X-Beta:", "Authorization: Basic eA=="), 208),
    ("headers one missing", get("/h", "t", "X-Tenant: gold", "Authorization: Basic eA=="), 404),
    ("headers value", get("/h", "t", "X-Tenant: Gold", "X-Beta: 1", "Authorization: Basic eA=="), 404),
    ("headers prefix", get("/h", "t", "X-Tenant: gold", "X-Beta: 1", "Authorization: Bearer eA=="), 404),
    ("headers regex", get("/h", "t", "X-Kind: aaab"), 208),
    ("headers regex full", get("/h", "t", "X-Kind: aaabc"), 404),
    ("headers absent", get("/h", "t", "X-Kind: ab", "X-Gone: 1"), 404),
    ("query", get("/q?debug=1&user=ann"), 209),
    ("query any order", get("/q?user=anton&x=y&debug=1"), 209),
    ("query value", get("/q?debug=2&user=ann"), 404),
    ("query missing", get("/q?debug=1"), 404),
    ("query none", get("/q"), 404),
    ("model", post(b"{}", "/v2/models/densenet/infer"), 211),
    ("model metadata", get("/v2/models/densenet"), 211),
    ("model ready", get("/v2/models/densenet/ready"), 211),
    ("model other", get("/v2/models/densenet2/infer"), 404),
    ("model and version", post(b"{}", "/v2/models/densenet/versions/2/infer"), 210),
    ("model, other version", post(b"{}", "/v2/models/densenet/versions/3/infer"), 211),
    ("model escaped", get("/v2/models/dense%6Eet"), 211),
    ("model elsewhere", get("/x/models/densenet"), 404),
    ("or, first", get("/or1"), 212),
    ("or, second", post(b"", "/or2"), 212),
    ("or, fields of one", get("/or2"), 404),
]


@pytest.fixture(scope="module")
def matches(tmp_path_factory):
    with Gateway(MATCHES, tmp_path_factory.mktemp("matches")) as gateway:
        yield Proxy(gateway, None)


@pytest.mark.parametrize("data, status", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_matching(matches, data, status):
    response = matches.send(data)
    assert response.status == status
    assert response.cause == ("no_route" if status == 404 else None)


def test_respond(proxies):
    proxy = proxies("""
routes:
  - name: fixed
    respond: { status: 418, headers: { X-A: b, Content-Type: text/plain }, body: "short and stout" }
""")
    with proxy.connect() as client:
        response = client.exchange(get())
        assert (response.status, response.body, response.get("x-a")) == (418, b"short and stout", "b")
        assert (response.get("content-type"), response.cause) == ("text/plain", None)
        head = client.exchange(build("HEAD"), "HEAD")
        assert (head.status, head.get("content-length")) == (418, "15")
        assert client.exchange(post(b"x" * 1000)).status == 418
        assert client.exchange(get()).body == b"short and stout"


def test_patterns_cannot_stall(proxies):
    proxy = proxies("""
routes:
  - { name: evil, match: [{ path: { regex: "/(a*)*(a|aa)+(a?){30}b" } }], respond: { status: 200 } }
""")
    before = proxy.gateway.cpu_seconds()
    for _ in range(20):
        assert proxy.send(get("/" + "a" * 8000)).status == 404
    assert proxy.gateway.cpu_seconds() - before < 1


# --- split


def split(proxies, upstreams, routes: str):
    """Sends a hundred requests one after another to backends a, b and c; how many each got."""
    made = [upstreams(answer(name.encode())) for name in "abc"]
    backends = "".join(f"  {name}: {{ endpoints: [{up.address}] }}\n" for name, up in zip("abc", made))
    proxy = proxies(f"loops: 1\nbackends:\n{backends}routes:\n{routes}")
    with proxy.connect() as client:
        return Counter(client.exchange(get()).body.decode() for _ in range(100)), proxy


def test_split_is_even(proxies, upstreams):
    counts, _ = split(
        proxies, upstreams, "  - { name: r, backends: [{ name: a, weight: 80 }, { name: b, weight: 20 }] }"
    )
    assert 79 <= counts["a"] <= 81 and counts["a"] + counts["b"] == 100


def test_split_of_any_hundred_in_a_row(proxies, upstreams):
    made = [upstreams(answer(b"a")), upstreams(answer(b"b"))]
    proxy = proxies(f"""
loops: 1
backends:
  a: {{ endpoints: [{made[0].address}] }}
  b: {{ endpoints: [{made[1].address}] }}
routes:
  - {{ name: r, backends: [{{ name: a, weight: 80 }}, {{ name: b, weight: 20 }}] }}
""")
    with proxy.connect() as client:
        row = [client.exchange(get()).body for _ in range(400)]
    for start in range(300):
        assert 79 <= row[start : start + 100].count(b"a") <= 81, start


def test_weight_zero_gets_nothing(proxies, upstreams):
    counts, _ = split(
        proxies, upstreams, "  - { name: r, backends: [{ name: a, weight: 0 }, { name: b, weight: 3 }, { name: c }] }"
    )
    assert counts["a"] == 0 and 74 <= counts["b"] <= 76


def test_default_weights_are_equal(proxies, upstreams):
    counts, _ = split(proxies, upstreams, "  - { name: r, backends: [{ name: a }, { name: b }] }")
    assert 49 <= counts["a"] <= 51


def test_one_backend_twice_under_two_names(proxies, upstreams):
    counts, proxy = split(
        proxies, upstreams, "  - { name: r, backends: [{ name: a, weight: 90 }, { name: a, as: canary, weight: 10 }] }"
    )
    assert counts["a"] == 100
    metrics = proxy.gateway.metrics()
    assert 89 <= metrics.sum("sluice_requests_total", route="r", backend="a") <= 91
    assert 9 <= metrics.sum("sluice_requests_total", route="r", backend="canary") <= 11
    assert metrics.sum("sluice_route_weight", route="r", backend="canary") == 10


@pytest.mark.parametrize("when, expected", [("spill", {200}), ("fail", {200, 503}), ("", {200})])
def test_when_down(proxies, upstreams, when, expected):
    """A backend whose name resolves to nothing has no usable endpoint."""
    up = upstreams(answer(b"up"))
    rule = f"whenDown: {when}\n    " if when else ""
    proxy = proxies(f"""
loops: 1
backends:
  up: {{ endpoints: [{up.address}] }}
  down: {{ endpoints: ["gone.invalid:80"] }}
  never: {{ endpoints: [{up.address}] }}
routes:
  - name: r
    {rule}backends: [{{ name: up }}, {{ name: down }}, {{ name: never, weight: 0 }}]
""")
    with proxy.connect() as client:
        responses = [client.exchange(get()) for _ in range(20)]
    assert {response.status for response in responses} == expected
    assert {response.cause for response in responses if response.status == 503} <= {"no_endpoint"}
    assert proxy.gateway.metrics().sum("sluice_requests_total", backend="never") == 0


def test_nothing_usable_at_all(proxies):
    proxy = proxies("""
backends:
  down: { endpoints: ["gone.invalid:80"] }
routes:
  - { name: r, backends: [{ name: down }] }
""")
    response = proxy.send(get())
    assert (response.status, response.cause) == (503, "no_endpoint")


def test_endpoint_weights(proxies, upstreams):
    heavy, light = upstreams(answer(b"heavy")), upstreams(answer(b"light"))
    proxy = proxies(f"""
backends:
  both: {{ endpoints: [{{ address: "{heavy.address}", weight: 3 }}, "{light.address}"] }}
routes:
  - {{ name: r, backends: [{{ name: both }}] }}
""")
    with proxy.connect() as client:
        counts = Counter(client.exchange(get()).body for _ in range(400))
    assert 240 <= counts[b"heavy"] <= 360


def test_idle_endpoints_share(proxies, upstreams):
    """Requests one at a time find every endpoint idle; each gets its part all the same."""
    made = [upstreams(answer(b"%d" % index)) for index in range(3)]
    proxy = proxies(f"""
backends:
  all: {{ endpoints: [{", ".join('"%s"' % upstream.address for upstream in made)}] }}
routes:
  - {{ name: r, backends: [{{ name: all }}] }}
""")
    with proxy.connect() as client:
        counts = Counter(client.exchange(get()).body for _ in range(300))
    # Where it is drawn, one of them gets fewer once in 10^10 runs.
    assert len(counts) == 3 and min(counts.values()) >= 45, counts


def test_least_request_avoids_the_busy_endpoint(proxies, upstreams):
    busy, free = upstreams(), upstreams(answer(b"free"))
    busy.reply = busy.holding(answer(b"busy"))
    proxy = proxies(f"""
loops: 1
backends:
  both: {{ endpoints: ["{busy.address}", "{free.address}"] }}
routes:
  - {{ name: r, backends: [{{ name: both }}] }}
""")
    waiting = []
    # Requests one by one until one is stuck at the busy endpoint; from then on the other one has fewer.
    while not busy.requests:
        client = proxy.connect().send(get())
        waiting.append(client)
        wait_until(lambda: client.readable() or busy.requests, what="an answer, or that it is stuck")
    stuck = len(busy.requests)
    with proxy.connect() as client:
        assert [client.exchange(get()).body for _ in range(20)] == [b"free"] * 20
    assert len(busy.requests) == stuck
    busy.release()
    for client in waiting:
        assert client.response().status == 200
        client.close()


def test_resolve_pins_a_name(proxies, upstreams):
    up = upstreams(answer(b"pinned"))
    proxy = proxies(f"""
resolve: {{ triton.ml.svc.cluster.local: "{up.address}" }}
backends:
  main: {{ endpoints: ["triton.ml.svc.cluster.local:8000"] }}
routes:
  - {{ name: r, backends: [{{ name: main }}] }}
""")
    assert proxy.send(get()).body == b"pinned"


def test_names_are_resolved(proxies, upstreams):
    up = upstreams(answer(b"by name"), host="::")
    proxy = proxies(f"""
backends:
  main: {{ endpoints: ["localhost:{up.port}"] }}
routes:
  - {{ name: r, backends: [{{ name: main }}] }}
""")
    assert {proxy.send(get()).body for _ in range(4)} == {b"by name"}


def test_ipv6_listener(gateways, upstreams):
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    up = upstreams()
    gateway = gateways(
        """
listeners: [{ address: "[::1]:${port}" }]
backends:
  main: { endpoints: [ADDRESS] }
routes:
  - { name: r, backends: [{ name: main }] }
""".replace("ADDRESS", up.address)
    )
    with Client("::1", gateway.port) as client:
        assert client.exchange(get("/", "[::1]:80")).status == 200
    assert up.requests[0].get("x-forwarded-for") == "::1"
    assert up.requests[0].get("host") == "[::1]:80"
