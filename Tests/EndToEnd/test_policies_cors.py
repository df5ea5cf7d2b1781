"""`cors`: what a browser is told (the Fetch standard, "CORS protocol"), and that nobody else notices."""

import pytest

from support.mock_upstream import refused_port

DEAD = refused_port()
ENDPOINTS = ("main",)
CONFIG = """
backends:
  main: { endpoints: [<main>] }
  dead: { endpoints: ["127.0.0.1:DEAD"], triton: { grpcPort: DEAD } }
routes:
  - name: credentials
    match: [{ path: { prefix: /credentials } }]
    cors:
      allowOrigins: ["https://app.test", "https://*.example.com", { startsWith: "http://localhost:" }, { regex: "https://pr-[0-9]+\\\\.test" }]
      allowMethods: [GET, POST]
      allowHeaders: [X-Token, content-type]
      exposeHeaders: [served-by, x-request-id]
      allowCredentials: true
      maxAge: 10m
    backends: [{ name: main }]
  - name: star
    match: [{ path: { prefix: /star } }]
    cors: { allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], exposeHeaders: ["*"], allowCredentials: true }
    backends: [{ name: main }]
  - name: stars
    match: [{ path: { prefix: /stars } }]
    cors: { allowOrigins: ["https://app.test"], allowMethods: ["*"], allowHeaders: ["*"], allowCredentials: true }
    backends: [{ name: main }]
  - name: forwarding
    match: [{ path: { prefix: /forwarding } }]
    cors: { allowOrigins: ["https://app.test"], allowMethods: [GET], unmatchedPreflights: forward }
    backends: [{ name: main }]
  - name: locked
    match: [{ path: { prefix: /locked } }]
    cors: { allowOrigins: ["https://app.test"], allowMethods: [POST], allowHeaders: [authorization] }
    basicAuth: { users: { ann: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" } }
    backends: [{ name: main }]
  - name: dead
    match: [{ path: { prefix: /dead } }]
    cors: { allowOrigins: ["https://app.test"], allowCredentials: true, exposeHeaders: [x-sluice-cause] }
    backends: [{ name: dead }]
  - { name: plain, backends: [{ name: main }] }
""".replace("DEAD", str(DEAD.getsockname()[1]))

APP = "https://app.test"
GOOD = [APP, "https://a.example.com", "https://a.b.example.com", "http://localhost:3000", "https://pr-17.test"]
BAD = [
    "null", "https://example.com", "https://.example.com", "http://a.example.com", "https://a.example.com.evil.test",
    "https://evil.test/.example.com", "https://app.test:8443", "http://app.test", "https://app.test.evil.test",
    "https://pr-17.test.evil.test", "https://pr-.test", "http://localhost", "",
]
ALLOW = "access-control-allow-"


def preflight(site, plain, path: str, origin: str = APP, method: str = "POST", *headers: str):
    asked = [("access-control-request-headers", ", ".join(headers))] if headers else []
    return site.ask(
        plain, path, ("origin", origin), ("access-control-request-method", method), *asked, method="OPTIONS")


def says_nothing(reply) -> bool:
    return not any(name.startswith("access-control-") for name, _ in reply.fields)


@pytest.mark.parametrize("origin", GOOD)
def test_who_may_read_the_answer(site, way, origin):
    reply = site.ask(way, "/credentials", ("origin", origin))
    assert reply.is_good
    assert reply.get(ALLOW + "origin") == origin
    assert reply.get(ALLOW + "credentials") == "true"
    assert reply.tokens("access-control-expose-headers") == {"served-by", "x-request-id"}
    assert "origin" in reply.tokens("vary")
    # Those are for preflights.
    assert not reply.all(ALLOW + "methods") and not reply.all(ALLOW + "headers")
    assert site["main"].the_request().get("origin") == origin, "the endpoint may want to know"


@pytest.mark.parametrize("origin", BAD)
def test_who_may_not(site, way, origin):
    """The request is served all the same: CORS is the browser's business, and this is no access control."""
    reply = site.ask(way, "/credentials", ("origin", origin))
    assert reply.is_good and says_nothing(reply)
    assert "origin" in reply.tokens("vary"), "a cache must not hand this to the others"


def test_requests_without_an_origin(site, way):
    reply = site.ask(way, "/credentials")
    assert reply.is_good and says_nothing(reply)
    assert "origin" in reply.tokens("vary")
    reply = site.ask(way, "/elsewhere", ("origin", APP))
    assert reply.is_good and says_nothing(reply) and not reply.all("vary")


def test_a_star_never_goes_with_credentials(site, way):
    reply = site.ask(way, "/star", ("origin", "https://anybody.test"))
    assert reply.is_good and reply.get(ALLOW + "origin") == "*"
    assert not reply.all(ALLOW + "credentials")
    assert reply.get("access-control-expose-headers") == "*"
    assert site.ask(way, "/star", ("origin", "null")).get(ALLOW + "origin") in ("*", "null")


def test_what_the_endpoint_says_of_it_gives_way(site, way):
    """Two policies in one answer are none: browsers refuse a field that comes twice."""
    site["main"].fields = [
        ("access-control-allow-origin", "*"), ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "x-other"), ("vary", "Accept-Encoding")]
    reply = site.ask(way, "/credentials", ("origin", APP))
    assert reply.get(ALLOW + "origin") == APP and reply.get(ALLOW + "credentials") == "true"
    assert reply.tokens("access-control-expose-headers") == {"served-by", "x-request-id"}
    assert {"origin", "accept-encoding"} <= reply.tokens("vary")
    # Elsewhere it is the endpoint's word.
    assert site.ask(way, "/elsewhere", ("origin", APP)).get(ALLOW + "origin") == "*"


@pytest.mark.parametrize("origin", GOOD)
def test_preflight(site, plain, origin):
    reply = preflight(site, plain, "/credentials", origin, "POST", "x-token", "content-type")
    assert 200 <= reply.status < 300 and reply.body == b"" and reply.cause is None
    assert reply.get(ALLOW + "origin") == origin
    assert "post" in reply.tokens(ALLOW + "methods")
    assert {"x-token", "content-type"} <= reply.tokens(ALLOW + "headers")
    assert reply.get(ALLOW + "credentials") == "true"
    assert reply.get("access-control-max-age") == "600"
    assert "origin" in reply.tokens("vary")
    assert site.was_asked() == [], "Sluice answers it"


@pytest.mark.parametrize("origin", BAD)
def test_preflight_from_elsewhere(site, plain, origin):
    reply = preflight(site, plain, "/credentials", origin)
    assert not reply.all(ALLOW + "origin") and not reply.all(ALLOW + "credentials")
    assert "origin" in reply.tokens("vary")
    assert site.was_asked() == []


def test_preflight_for_what_is_not_allowed(site, plain):
    reply = preflight(site, plain, "/credentials", APP, "DELETE", "x-secret")
    assert "delete" not in reply.tokens(ALLOW + "methods")
    assert "x-secret" not in reply.tokens(ALLOW + "headers")
    assert site.was_asked() == []


def test_preflight_of_stars(site, plain):
    """With credentials a star is just a letter (Fetch standard), so what was asked for is named."""
    reply = preflight(site, plain, "/stars", APP, "PATCH", "x-one", "x-two")
    assert reply.get(ALLOW + "origin") == APP and reply.get(ALLOW + "credentials") == "true"
    assert "patch" in reply.tokens(ALLOW + "methods")
    assert {"x-one", "x-two"} <= reply.tokens(ALLOW + "headers")
    vary = reply.tokens("vary")
    assert {"access-control-request-method", "access-control-request-headers"} <= vary, (
        "an answer made of what was asked for must not be kept for others")
    reply = preflight(site, plain, "/star", "https://anybody.test", "PATCH", "x-one")
    assert reply.get(ALLOW + "origin") == "*" and not reply.all(ALLOW + "credentials")
    assert reply.tokens(ALLOW + "methods") & {"*", "patch"}
    assert reply.tokens(ALLOW + "headers") & {"*", "x-one"}
    # Asked to leave the age to the browser.
    assert not reply.all("access-control-max-age")


def test_preflights_from_elsewhere_may_go_on(site, plain):
    reply = preflight(site, plain, "/forwarding", "https://other.test", "GET")
    assert reply.is_good and not reply.all(ALLOW + "origin")
    assert site["main"].the_request().method == "OPTIONS"
    site.clear()
    assert preflight(site, plain, "/forwarding", APP, "GET").get(ALLOW + "origin") == APP
    assert site.was_asked() == []


@pytest.mark.parametrize("fields", [
    pytest.param([("origin", APP)], id="no method asked for"),
    pytest.param([("access-control-request-method", "POST")], id="no origin"),
    pytest.param([], id="neither"),
])
def test_options_that_are_no_preflight(site, plain, fields):
    assert site.ask(plain, "/credentials", *fields, method="OPTIONS").is_good
    assert site["main"].the_request().method == "OPTIONS"


def test_no_preflight_by_another_method(site, way):
    asked = [("origin", APP), ("access-control-request-method", "POST")]
    assert site.ask(way, "/credentials", *asked).is_good
    assert site["main"].the_request().method == "POST"


def test_a_preflight_needs_no_password(site, plain):
    """Browsers send none with it."""
    reply = preflight(site, plain, "/locked", APP, "POST", "authorization")
    assert reply.status < 300 and reply.get(ALLOW + "origin") == APP
    assert "authorization" in reply.tokens(ALLOW + "headers")


def test_the_gateways_own_answers_can_be_read_too(site, way):
    """Or the page would see a network error and not the reason."""
    refused = site.ask(way, "/locked", ("origin", APP))
    assert refused.is_refused(401, "unauthorized")
    assert refused.get(ALLOW + "origin") == APP and "origin" in refused.tokens("vary")
    failed = site.ask(way, "/dead", ("origin", "https://app.test"))
    assert failed.is_refused(502, "connect_failed")
    assert failed.get(ALLOW + "origin") == APP and failed.get(ALLOW + "credentials") == "true"
    assert failed.get("access-control-expose-headers") == "x-sluice-cause"
    assert says_nothing(site.ask(way, "/dead", ("origin", "https://other.test")))


def test_two_origins_are_none(site, way):
    reply = site.ask(way, "/credentials", ("origin", APP), ("origin", "https://other.test"))
    assert says_nothing(reply)
    assert says_nothing(site.ask(way, "/credentials", ("origin", f"{APP} https://other.test")))


def test_thousands_of_headers_asked_for(site, plain):
    """What is named back is bounded by what may be sent in a header."""
    for count in (1, 100, 2000):
        reply = preflight(site, plain, "/stars", APP, "POST", *(f"x-{number}" for number in range(count)))
        assert reply.status in (200, 204, 400, 431), reply.status
    assert preflight(site, plain, "/stars", APP, "PO\x01ST").is_malformed
