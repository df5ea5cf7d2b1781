"""Fixtures: a gateway in front of scripted endpoints."""

import resource

import pytest

pytest.register_assert_rewrite(
    "support.rawhttp", "support.mock_upstream", "support.gateway", "support.proxy", "support.ways")

from support.gateway import Gateway
from support.mock_upstream import MockUpstream
from support.proxy import Proxy
from support.ways import PLAIN, WAYS, serving

ROUTES = """
backends:
  main: { endpoints: [{address}] }
routes:
  - name: all
    backends: [{ name: main }]
"""


def pytest_configure():
    # Thousands of idle clients need descriptors in this process too.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture(scope="module")
def _proxy(tmp_path_factory):
    with MockUpstream() as upstream:
        with Gateway(ROUTES.replace("{address}", upstream.address), tmp_path_factory.mktemp("gateway")) as gateway:
            yield Proxy(gateway, upstream)


@pytest.fixture
def proxy(_proxy):
    """A gateway with one catch-all route, shared by the module; the endpoint starts each test with a plain 200."""
    _proxy.gateway.check_alive()
    _proxy.upstream.clear()
    yield _proxy
    _proxy.upstream.release()
    _proxy.gateway.check_alive()


@pytest.fixture
def upstreams():
    """Makes endpoints that end with the test."""
    made = []

    def make(*arguments, **options) -> MockUpstream:
        made.append(MockUpstream(*arguments, **options))
        return made[-1]

    yield make
    for upstream in made:
        upstream.stop()


@pytest.fixture
def gateways(tmp_path):
    """Starts gateways that end, and are checked, with the test."""
    made = []

    def make(text: str, **options) -> Gateway:
        gateway = Gateway(text, tmp_path / f"gateway{len(made)}", **options)
        made.append(gateway)
        return gateway.start()

    yield make
    failures = []
    for gateway in made:
        try:
            gateway.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, failures


@pytest.fixture
def proxies(gateways, upstreams):
    """Starts a gateway with `text` around one endpoint; `{address}` in the text stands for it."""

    def make(text: str = ROUTES, upstream: MockUpstream | None = None, **options) -> Proxy:
        upstream = upstream or upstreams()
        return Proxy(gateways(text.replace("{address}", upstream.address), **options), upstream)

    return make


@pytest.fixture(scope="module")
def _site(request, tmp_path_factory):
    module = request.module
    with serving(module.CONFIG, tmp_path_factory.mktemp("gateway"), *module.ENDPOINTS) as site:
        yield site


@pytest.fixture
def site(_site):
    """The gateway of the module's CONFIG in front of its ENDPOINTS, which have forgotten what came before the test."""
    _site.clear()
    yield _site
    _site.gateway.check_alive()


@pytest.fixture(params=WAYS, ids=str)
def way(request):
    """Every way into the gateway."""
    return request.param


@pytest.fixture(params=PLAIN, ids=str)
def plain(request):
    """Every way that is no gRPC."""
    return request.param


DENYING = """
backends:
  main: { endpoints: [{address}] }
routes:
  - name: locked
    match: [{ path: { prefix: /locked } }]
    basicAuth: { realm: Inference, users: { ann: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" } }
    backends: [{ name: main }]
  - name: small
    match: [{ path: { prefix: /small } }]
    maxBodySize: 1KiB
    backends: [{ name: main }]
  - name: fixed
    match: [{ path: { prefix: /fixed } }]
    respond: { status: 200, body: fixed }
  - name: all
    backends: [{ name: main }]
"""


@pytest.fixture
def denying(proxies):
    """A gateway that refuses: /locked wants ann:test, /small takes 1 KiB, /fixed is answered by itself."""
    return proxies(DENYING)
