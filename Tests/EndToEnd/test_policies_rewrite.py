"""`rewrite`: what path and host the endpoint sees; and that no rewriting makes what no client may send."""

import pytest

from support.ways import CALL

ENDPOINTS = ("main", "shadow")
CONFIG = r"""
backends:
  main: { endpoints: [<main>] }
  shadow: { endpoints: [<shadow>] }
routes:
  - { name: prefix, match: [{ path: { prefix: /api } }], rewrite: { prefix: /v2 }, backends: [{ name: main }] }
  - { name: slash, match: [{ path: { prefix: /slash/ } }], rewrite: { prefix: /v2/ }, backends: [{ name: main }] }
  - { name: strip, match: [{ path: { prefix: /strip } }], rewrite: { prefix: / }, backends: [{ name: main }] }
  - name: several
    match: [{ path: { prefix: /long/one } }, { path: { prefix: /long } }, { path: { exact: /exact } }]
    rewrite: { prefix: /new }
    backends: [{ name: main }]
  - { name: starts, match: [{ path: { startsWith: /start } }], rewrite: { prefix: /ended }, backends: [{ name: main }] }
  - { name: full, match: [{ path: { prefix: /full } }], rewrite: { path: /v2/health/ready }, backends: [{ name: main }] }
  - name: regex
    match: [{ path: { prefix: /models } }]
    rewrite: { regex: { match: "^/models/([^/]+)/([^/]+)", replace: '/v2/models/\1/versions/\2' } }
    backends: [{ name: main }]
  - name: everywhere
    match: [{ path: { prefix: /every } }]
    rewrite: { regex: { match: "a+", replace: '<\0>' } }
    backends: [{ name: main }]
  - name: dots
    match: [{ path: { prefix: /dots } }]
    rewrite: { regex: { match: "_", replace: "." } }
    backends: [{ name: main }]
  - name: anything
    match: [{ path: { prefix: /anything } }]
    rewrite: { regex: { match: "^/anything/(.*)$", replace: '\1' } }
    backends: [{ name: main }]
  - name: host
    match: [{ path: { prefix: /host } }]
    rewrite: { host: models.internal:9000 }
    backends: [{ name: main }]
    mirrors: [{ backend: shadow }]
  - name: both
    match: [{ path: { prefix: /both } }]
    rewrite: { prefix: /v2, host: models.internal }
    backends: [{ name: main }]
    mirrors: [{ backend: shadow }]
  - name: caseless
    match: [{ path: { prefix: /Case, ignoreCase: true } }]
    rewrite: { prefix: /v2 }
    backends: [{ name: main }]
  - { name: rest, backends: [{ name: main }] }
"""


@pytest.mark.parametrize("asked, arrives", [
    # The prefix that matched goes, and exactly one slash stands between.
    ("/api/models/a", "/v2/models/a"),
    ("/api", "/v2"),
    ("/api/", "/v2/"),
    ("/api?x=1&y=%2f", "/v2?x=1&y=%2f"),
    ("/api/a?", "/v2/a?"),
    # What is rewritten is the one reading of the path: escapes of unreserved characters are decoded.
    ("/api/a%20b/%41", "/v2/a%20b/A"),
    ("/api/api/api", "/v2/api/api"),
    ("/apis/x", "/apis/x"),
    ("/slash/x", "/v2/x"),
    ("/strip/a/b?c=d", "/a/b?c=d"),
    ("/strip", "/"),
    ("/strip/", "/"),
    # Each alternative has its own prefix.
    ("/long/one/x", "/new/x"),
    ("/long/two/x", "/new/two/x"),
    ("/exact", "/new"),
    # Plain text, as Istio means it.
    ("/started/x", "/endeded/x"),
    ("/start", "/ended"),
    ("/full", "/v2/health/ready"),
    ("/full/what/ever?verbose=1", "/v2/health/ready?verbose=1"),
    ("/models/a/3/infer?x=/models/b/c", "/v2/models/a/versions/3/infer?x=/models/b/c"),
    ("/models/a", "/models/a"),
    ("/every/aa/b/a", "/every/<aa>/b/<a>"),
    ("/CASE/x", "/v2/x"),
    ("/case/X?Y", "/v2/X?Y"),
])
def test_paths(site, way, asked, arrives):
    reply = site.ask(way, asked)
    assert reply.is_good, reply
    seen = site["main"].the_request()
    # What is no character of a path travels escaped.
    assert seen.path.replace("%3C", "<").replace("%3E", ">") == arrives
    assert seen.host == "test"


@pytest.mark.parametrize("path", ["/dots/__/secret", "/dots/x/__", "/dots/_/x", "/dots/x/_"])
def test_dot_segments_cannot_be_made(site, way, path):
    assert site.ask(way, path).is_refused(400, "bad_request")
    assert site.was_asked() == []


def test_dots_that_are_no_segments(site, way):
    assert site.ask(way, "/dots/a_b/___").is_good
    assert site["main"].the_request().path == "/dots/a.b/..."


@pytest.mark.parametrize("path, arrives", [
    ("/anything/x/y", "/x/y"),
    # Two slashes at the front would be an authority to whoever reads them so.
    ("/anything//evil.test/x", None),
])
def test_what_is_made_is_a_path(site, way, path, arrives):
    reply = site.ask(way, path)
    if arrives:
        assert reply.is_good and site["main"].the_request().path == arrives
    else:
        assert reply.is_refused(400, "bad_request") or site["main"].the_request().path.startswith("/")


@pytest.mark.parametrize("path", ["/api/../x", "/api/%2e%2e/x", "/api/%2fx", "/api/a\\b", "/strip/%00"])
def test_what_no_client_may_send_is_not_rewritten(site, way, path):
    assert site.ask(way, path).is_refused(400, "bad_request")
    assert site.was_asked() == []


def test_host(site, way):
    assert site.ask(way, "/host/x?y=1", host="public.test:8080").is_good
    seen = site["main"].the_request()
    assert (seen.path, seen.host) == ("/host/x?y=1", "models.internal:9000")
    assert seen.all("x-forwarded-host") == ["public.test:8080"], "what the client asked for"
    site.clear()
    assert site.ask(way, "/both/x", host="public.test").is_good
    seen = site["main"].the_request()
    assert (seen.path, seen.host) == ("/v2/x", "models.internal")


def test_mirrors_see_what_the_endpoint_sees(site, way):
    assert site.ask(way, "/both/x?y=1").is_good
    copy = site["shadow"].wait_requests()[0]
    assert copy.path == "/v2/x?y=1"
    assert copy.host == "models.internal-shadow"


def test_a_call_becomes_another(site):
    assert site.ask(CALL, "/api/Method").is_good
    assert site["main"].the_request().path == "/v2/Method"


def test_a_path_that_would_grow_too_long(site, plain):
    """As many replacements as a path has letters; the result is bounded like a path."""
    reply = site.ask(plain, "/every/" + "ba" * 7000)
    assert reply.status in (200, 400, 414, 431), reply.status
    if reply.status != 200:
        assert reply.cause in ("bad_request", "uri_too_long")


def test_the_access_log_and_metrics_know_the_route(site, way):
    before = site.gateway.metrics().sum("sluice_requests_total", route="prefix", code="200")
    assert site.ask(way, "/api/x").is_good
    site.gateway.wait_metric("sluice_requests_total", before + 1, route="prefix", code="200")
