"""All policies on one route: which of them speaks first (DESIGN 3.2: denyFrom, cors, basicAuth, rateLimit, …, fault)."""

import base64

import pytest

from support.ways import HTTP1

HASH = "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="
ENDPOINTS = ("main", "shadow")
ORIGIN = "https://app.test"
COMMON = f"""
    denyFrom: [127.6.6.0/24]
    cors: {{ allowOrigins: ["{ORIGIN}"], allowMethods: [POST], allowHeaders: [authorization] }}
    basicAuth: {{ users: {{ ann: "{HASH}", bob: "{HASH}", cyd: "{HASH}", dan: "{HASH}" }}, allow: [ann, cyd, dan], forwardUser: x-user }}
    rewrite: {{ prefix: /v2 }}
    requestHeaders: {{ set: {{ x-told: "%{{user}}" }}, remove: [authorization] }}
    responseHeaders: {{ set: {{ x-route: "%{{route}}" }} }}
    maxBodySize: 1KiB
    backends: [{{ name: main }}]
    mirrors: [{{ backend: shadow }}]"""
CONFIG = f"""
loops: 2
backends:
  main: {{ endpoints: [<main>] }}
  shadow: {{ endpoints: [<shadow>] }}
routes:
  - name: open
    match: [{{ path: {{ prefix: /open }} }}]{COMMON}
  - name: users
    match: [{{ path: {{ prefix: /users }} }}]
    rateLimit: {{ requests: 1, per: 1h, burst: 2, key: user }}{COMMON}
  - name: addresses
    match: [{{ path: {{ prefix: /addresses }} }}]
    rateLimit: {{ requests: 1, per: 1h, burst: 2, key: clientAddress }}{COMMON}
  - name: faulty
    match: [{{ path: {{ prefix: /faulty }} }}]
    fault: {{ abort: {{ percent: 100, status: 503 }} }}{COMMON}
  - name: limited and faulty
    match: [{{ path: {{ prefix: /both }} }}]
    rateLimit: {{ requests: 1, per: 1h, burst: 1, key: "header:x-way" }}
    fault: {{ abort: {{ percent: 100, status: 503 }} }}{COMMON}
"""


def basic(user: str, password: str = "test") -> tuple:
    return "authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


ANN, BOB, WRONG = basic("ann"), basic("bob"), basic("ann", "wrong")
OF_EACH = {"HTTP/1.1": ("ann", 40), "HTTP/2": ("cyd", 50), "gRPC": ("dan", 60)}
BROWSER = ("origin", ORIGIN)
PREFLIGHT = [BROWSER, ("access-control-request-method", "POST")]


def is_readable(reply) -> bool:
    return reply.get("access-control-allow-origin") == ORIGIN


def test_who_meets_all_of_them_gets_through(site, way):
    reply = site.ask(way, "/open/x?y", BROWSER, ANN)
    assert reply.is_good and is_readable(reply) and reply.get("x-route") == "open"
    seen = site["main"].the_request()
    assert seen.path == "/v2/x?y" and seen.get("x-user") == "ann" and seen.get("x-told") == "ann"
    assert site["shadow"].wait_requests()[0].path == "/v2/x?y"


def test_addresses_come_before_everything(site, way):
    denied = {"source": "127.6.6.6"}
    for path in ("/open/x", "/users/x", "/addresses/x", "/faulty/x"):
        for fields in ((), (ANN,), (WRONG,), (BROWSER, ANN)):
            assert site.ask(way, path, *fields, connection=denied).is_refused(403, "forbidden"), (path, fields)
        if not way.is_grpc:
            reply = site.ask(way, path, *PREFLIGHT, method="OPTIONS", connection=denied)
            assert reply.is_refused(403, "forbidden")
    assert site.was_asked() == []


def test_preflights_come_before_passwords_limits_and_faults(site, plain):
    for path in ("/open/x", "/users/x", "/faulty/x"):
        for _ in range(4):
            reply = site.ask(plain, path, *PREFLIGHT, method="OPTIONS")
            assert reply.status < 300 and reply.cause is None and is_readable(reply), path
    assert site.was_asked() == []


def test_passwords_come_before_the_users_limit_and_faults(site, way):
    user, _ = OF_EACH[way.name]
    for _ in range(4):
        for path in ("/users/x", "/faulty/x"):
            reply = site.ask(way, path, BROWSER, basic(user, "wrong"))
            assert reply.is_refused(401, "unauthorized") and is_readable(reply), path
            assert site.ask(way, path, BROWSER, BOB).is_refused(403, "forbidden")
    # What was refused has taken no token.
    own = basic(user)
    assert [site.ask(way, "/users/x", own).is_good for _ in range(3)] == [True, True, False]
    # Out of tokens, and still it is the password that is asked for first.
    assert site.ask(way, "/users/x", basic(user, "wrong")).is_refused(401, "unauthorized")
    refused = site.ask(way, "/users/x", BROWSER, own)
    assert refused.is_refused(429, "rate_limited") and is_readable(refused)
    assert refused.get("x-route") == "users"


def test_addresses_limits_come_before_passwords(site, way):
    """Whoever guesses passwords runs out of tries."""
    source = {"source": f"127.0.4.{OF_EACH[way.name][1]}"}
    for _ in range(2):
        assert site.ask(way, "/addresses/x", WRONG, connection=source).is_refused(401, "unauthorized")
    for fields in ((WRONG,), (ANN,), ()):
        assert site.ask(way, "/addresses/x", *fields, connection=source).is_refused(429, "rate_limited")
    assert site.ask(way, "/addresses/x", ANN, connection={"source": f"127.0.5.{OF_EACH[way.name][1]}"}).is_good


def test_limits_come_before_faults(site, way):
    own = ("x-way", way.name)
    first = site.ask(way, "/both/x", ANN, own)
    assert not first.is_good and first.cause != "rate_limited"
    assert site.ask(way, "/both/x", ANN, own).is_refused(429, "rate_limited")


def test_the_size_of_a_body_comes_before_faults(site, plain):
    """And after passwords: strangers are told nothing of it."""
    large = b"x" * 2000
    assert site.ask(plain, "/faulty/x", ANN, body=large).is_refused(413, "body_too_large")
    assert site.ask(plain, "/faulty/x", WRONG, body=large).is_refused(401, "unauthorized")


def test_faults_come_last_and_go_nowhere(site, way):
    reply = site.ask(way, "/faulty/x", BROWSER, ANN)
    assert not reply.is_good and is_readable(reply) and reply.get("x-route") == "faulty"
    assert site.was_asked() == []


@pytest.mark.parametrize("path", ["/open/x", "/users/x", "/addresses/x", "/faulty/x"])
def test_a_connection_survives_every_refusal(site, way, path):
    """The answer ends the request, not the connection: whatever the policy, the next request is read rightly."""
    with way.connect(site.gateway, source="127.0.6.1" if way is HTTP1 else "127.0.6.2") as client:
        for fields in ((WRONG,), (BOB,), (), (WRONG, BROWSER)):
            reply = client.ask(path, *fields, body=b"{}" * 100)
            assert reply.cause in ("unauthorized", "forbidden", "rate_limited"), reply
        assert client.ask("/nowhere").is_refused(404, "no_route")
