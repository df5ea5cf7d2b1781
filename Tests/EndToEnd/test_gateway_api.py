"""HTTPRoutes and GRPCRoutes served as they are, against servers that say who they are."""

import contextlib

import pytest

from support.gateway import Gateway
from support.mock_upstream import MockUpstream
from support.proxy import Proxy
from support.rawhttp import answer, build, get

SERVICES = ["infra-backend-v1", "infra-backend-v2", "infra-backend-v3", "shadow"]

# The first two are the API's own conformance tests of that name.
MANIFESTS = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: matching-part1, namespace: infra }
spec:
  parentRefs: [{ name: same-namespace }]
  hostnames: [example.com, example.net]
  rules:
    - matches:
        - path: { type: PathPrefix, value: / }
        - headers: [{ name: version, value: one }]
      backendRefs: [{ name: infra-backend-v1, port: 8080 }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: matching-part2, namespace: infra }
spec:
  hostnames: [example.com]
  rules:
    - matches:
        - path: { type: PathPrefix, value: /v2 }
        - headers: [{ name: version, value: two }]
      backendRefs: [{ name: infra-backend-v2, port: 8080 }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: path-matching-order, namespace: infra }
spec:
  hostnames: [order.example.org]
  rules:
    - matches:
        - path: { type: PathPrefix, value: /match/prefix/one/any }
      backendRefs: [{ name: infra-backend-v2, port: 8080 }]
    - matches:
        - path: { type: PathPrefix, value: /match/exact }
      backendRefs: [{ name: infra-backend-v2, port: 8080 }]
    - matches:
        - path: { type: Exact, value: /match/exact }
      backendRefs: [{ name: infra-backend-v3, port: 8080 }]
    - matches:
        - path: { type: Exact, value: /match/exact/one }
      backendRefs: [{ name: infra-backend-v1, port: 8080 }]
    - matches:
        - path: { type: PathPrefix, value: /match }
      backendRefs: [{ name: infra-backend-v1, port: 8080 }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: doing, namespace: infra }
spec:
  hostnames: ["*.doing.example.org"]
  rules:
    - matches: [{ path: { value: /nobody } }]
    - matches: [{ path: { value: /secure } }]
      filters: [{ type: RequestRedirect, requestRedirect: { scheme: https } }]
    - matches: [{ path: { value: /moved } }]
      filters:
        - type: RequestRedirect
          requestRedirect: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /here/ }, statusCode: 301 }
    - matches: [{ path: { value: /rewrite } }]
      filters:
        - type: URLRewrite
          urlRewrite: { hostname: inside.example.org, path: { type: ReplacePrefixMatch, replacePrefixMatch: / } }
        - type: RequestHeaderModifier
          requestHeaderModifier: { set: [{ name: X-Set, value: "%{user} is text" }], remove: [x-gone] }
        - type: RequestMirror
          requestMirror: { backendRef: { name: shadow, port: 8080 } }
      backendRefs:
        - name: infra-backend-v1
          port: 8080
          filters: [{ type: ResponseHeaderModifier, responseHeaderModifier: { add: [{ name: X-Side, value: v1 }] } }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: calls, namespace: infra }
spec:
  hostnames: [calls.example.org]
  rules:
    - matches: [{ method: { service: a.B } }]
      backendRefs: []
---
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        upstreams = {name: stack.enter_context(MockUpstream(answer(name.encode()))) for name in SERVICES}
        pins = "".join(f"  {name}.infra: {upstream.address}\n" for name, upstream in upstreams.items())
        text = MANIFESTS + "resolve:\n" + pins
        gateway = stack.enter_context(Gateway(text, tmp_path_factory.mktemp("gateway-api")))
        yield Proxy(gateway, None), upstreams


@pytest.mark.parametrize("host, path, fields, name", [
    ("example.com", "/", [], "infra-backend-v1"),
    ("example.com", "/example", ["Version: one"], "infra-backend-v1"),
    ("example.net", "/example", [], "infra-backend-v1"),
    ("example.net", "/v2", ["Version: two"], "infra-backend-v1"),
    ("example.com", "/v2", [], "infra-backend-v2"),
    ("example.com", "/v2/one", ["Version: one"], "infra-backend-v2"),
    ("example.com", "/", ["Version: two"], "infra-backend-v2"),
    ("example.com", "/v2example", [], "infra-backend-v1"),
    ("order.example.org", "/match/exact", [], "infra-backend-v3"),
    ("order.example.org", "/match/exact/one", [], "infra-backend-v1"),
    ("order.example.org", "/match/exact/two", [], "infra-backend-v2"),
    ("order.example.org", "/match/prefix/one/any", [], "infra-backend-v2"),
    ("order.example.org", "/match/any", [], "infra-backend-v1"),
    ("order.example.org", "/", [], None),
    ("doing.example.org", "/rewrite", [], None),
    ("unknown.example.org", "/", [], None),
])
def test_precedence(served, host, path, fields, name):
    proxy, _ = served
    response = proxy.send(get(path, host, *fields))
    if name is None:
        assert (response.status, response.cause) == (404, "no_route")
    else:
        assert (response.status, response.body) == (200, name.encode())


def test_a_rule_with_nobody_behind_it(served):
    assert served[0].send(get("/nobody/at/all", "a.doing.example.org")).status == 500


@pytest.mark.parametrize("path, status, location", [
    ("/secure/x?y=z", 302, "https://a.doing.example.org/secure/x?y=z"),
    ("/moved/x", 301, "/here/x"),
    ("/moved", 301, "/here"),
])
def test_redirects(served, path, status, location):
    response = served[0].send(get(path, "a.doing.example.org"))
    assert response.status == status
    assert response.get("location").endswith(location)


def test_what_filters_do(served):
    proxy, upstreams = served
    upstreams["infra-backend-v1"].clear()
    upstreams["shadow"].clear()
    response = proxy.send(get("/rewrite/a/b?c", "x.y.doing.example.org", "X-Gone: 1"))
    assert (response.status, response.get("x-side")) == (200, "v1")
    request = upstreams["infra-backend-v1"].wait_requests(1)[0]
    assert request.start == b"GET /a/b?c HTTP/1.1"
    assert request.get("host") == "inside.example.org"
    assert request.get("x-set") == "%{user} is text"
    assert not request.has("x-gone")
    assert upstreams["shadow"].wait_requests(1)[0].start == b"GET /a/b?c HTTP/1.1"


def test_only_calls_are_a_grpc_routes(served):
    proxy, _ = served
    call = build("POST", "/a.B/C", "calls.example.org", "Content-Type: application/grpc", "Content-Length: 0")
    assert proxy.send(call).status == 503
    assert proxy.send(get("/a.B/C", "calls.example.org")).status == 404
