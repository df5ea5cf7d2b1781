"""One reading of a path: what two parsers could read differently is refused, the rest arrives as it was sent."""

import pytest

from support.gateway import Gateway
from support.mock_upstream import MockUpstream
from support.proxy import Proxy
from support.rawhttp import get

REFUSED = [
    "/..",
    "/../",
    "/.",
    "/./",
    "/a/..",
    "/a/../b",
    "/a/./b",
    "/v2/../admin",
    "/a/b/../../..",
    "/a/.",
    "//..",
    "/%2e",
    "/%2E%2E/",
    "/a/%2e%2e/b",
    "/a/.%2e/b",
    "/a/%2e./b",
    "/a\\b",
    "/\\",
    "/a%5cb",
    "/a%5Cb",
    "/..\\b",
    "/a%2fb",
    "/a%2Fb",
    "/%2f",
    "/v2/models%2F..%2Fx",
    "/a%00b",
    "/%00",
    "/v2/models/x%00",
    "/a/..?x=1",
    "/%2e%2e?x",
    "http://test/../a",
    "http://test/a%2fb",
]

FORWARDED = [
    "/",
    "/a",
    "/a/",
    "//a",
    "/a//b",
    "/...",
    "/a/...",
    "/.hidden",
    "/a..b",
    "/a../b",
    "/..a",
    "/a.",
    "/a/b.c",
    "/%41",
    "/v2/%6Dodels",
    "/%7Euser",
    "/%e2%82%ac",
    "/a%20b",
    "/a%25b",
    "/a%2Bb",
    "/a+b",
    "/%252e%252e/",
    "/%252f",
    "/a;b=c",
    "/a:b@c",
    "/(x)!$&'*,=",
    "/~x_y-z.w",
    "/?",
    "/?a=b",
    "/?a=%2F..%2f&b=%00&c=%5c",
    "/?/../x",
    "/a?b?c",
    "/?a=\\",
    "/?..",
    "/" + "x" * 4000,
    "/?" + "x" * 4000,
]


@pytest.mark.parametrize("target", REFUSED)
def test_refused(proxy, target):
    response = proxy.send(get(target))
    assert (response.status, response.cause) == (400, "bad_request")
    assert proxy.requests_after_marker() == []


@pytest.mark.parametrize("target", FORWARDED, ids=lambda target: target[:30])
def test_forwarded_byte_for_byte(proxy, target):
    assert proxy.send(get(target)).status == 200
    assert [request.target for request in proxy.requests_after_marker()] == [target]


@pytest.mark.parametrize("target", ["v2/models", "", "?a=b", "test/a", "ftp://test/a", "//", "*/a"])
def test_targets_that_are_no_path(proxy, target):
    """RFC 9112 section 3.2; `//` is a path and passes."""
    response = proxy.send(get(target))
    assert response.status == (200 if target == "//" else 400)


MATCHING = """
backends:
  main: { endpoints: [{address}] }
routes:
  - name: model
    match: [{ path: { exact: /v2/models/a } }]
    respond: { status: 201 }
  - name: closed
    match: [{ path: { prefix: /closed } }]
    respond: { status: 203 }
  - name: rest
    backends: [{ name: main }]
"""


@pytest.fixture(scope="module")
def matching(tmp_path_factory):
    with MockUpstream() as upstream:
        text = MATCHING.replace("{address}", upstream.address)
        with Gateway(text, tmp_path_factory.mktemp("matching")) as gateway:
            yield Proxy(gateway, upstream)


@pytest.mark.parametrize(
    "target, status",
    [
        ("/v2/models/a", 201),
        ("/v2/models/%61", 201),
        ("/v%32/models/a", 201),
        ("/v2/mode%6Cs/a", 201),
        ("/v2/mode%6cs/a?x=y", 201),
        ("/v2/models/A", 200),
        ("/v2/models/a/", 200),
        ("/v2/models//a", 200),
        ("/v2/models/%2561", 200),
        ("/closed", 203),
        ("/clos%65d", 203),
        ("/closed/x", 203),
        ("/%63losed/x", 203),
        ("/closed?x", 203),
        ("/closedx", 200),
        ("/closed/%2e%2e/x", 400),
        ("/x/%2e%2e/closed", 400),
        ("/closed%2fx", 400),
    ],
)
def test_escapes_do_not_lead_around_a_route(matching, target, status):
    assert matching.send(get(target)).status == status
