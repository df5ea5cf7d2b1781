"""The operator's side: health, who may write, bad input, and the listener that only reads."""

import pytest

from support.gateway import free_port
from support.rawhttp import Client, get, post

FIXED = """
routes:
  - { name: fixed, respond: { status: 200, body: one } }
"""


@pytest.fixture
def fixed(proxies):
    return proxies(FIXED)


def test_readiness_and_health(fixed):
    for path in ("/healthz", "/readyz"):
        assert fixed.gateway.admin_status(path) == 200
    assert fixed.gateway.admin_status("/nothing") == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Host": "evil.example"},
        {"Host": "evil.example:9901", "Origin": "http://evil.example:9901"},
    ],
)
def test_writes_from_foreign_pages_are_refused(fixed, headers):
    fixed.gateway.config_path.write_text(fixed.gateway.expand("routes: ["))
    assert fixed.gateway.admin("/api/v1/reload", "POST", b"", headers)[0] == 403


def test_reload_is_a_post(fixed):
    assert fixed.gateway.admin("/api/v1/reload")[0] == 405


def test_read_only_admin(proxies):
    proxy = proxies("admin: { address: 127.0.0.1:${admin_port}, readOnly: true }\n" + FIXED)
    status, text = proxy.gateway.reload()
    assert status == 403, text
    assert proxy.gateway.admin_status("/readyz") == 200


def test_metrics_listener_is_read_only(proxies):
    port = free_port()
    proxy = proxies(f"metrics: {{ address: 127.0.0.1:{port} }}\n" + FIXED)
    with Client("127.0.0.1", port) as client:
        for path in ("/metrics", "/healthz", "/readyz"):
            assert client.exchange(get(path)).status == 200
        for path in ("/api/v1/status", "/", "/api/v1/reload"):
            assert client.exchange(get(path)).status == 404
        assert client.exchange(post(b"", "/api/v1/reload")).status in (404, 405)
    assert proxy.send(get()).body == b"one"


@pytest.mark.parametrize(
    "data, statuses",
    [
        (b"broken\r\n\r\n", {400}),
        (get("/" + "x" * 100_000), {414, 431, 400}),
        (get("/metrics", "127.0.0.1", "X: " + "x" * 200_000), {431, 400}),
        (post(b"", "/metrics", "127.0.0.1"), {405}),
        (get("/../metrics", "127.0.0.1"), {400, 404}),
        (get("/readyz", "127.0.0.1"), {200}),
    ],
)
def test_admin_side_takes_bad_input(fixed, data, statuses):
    with Client("127.0.0.1", fixed.gateway.admin_port) as client:
        client.send_all_it_takes(data)
        assert client.response().status in statuses
    assert fixed.gateway.admin_status("/readyz") == 200


def test_admin_side_with_many_idle_clients(fixed):
    idle = [Client("127.0.0.1", fixed.gateway.admin_port) for _ in range(100)]
    assert fixed.gateway.admin_status("/readyz") == 200
    for client in idle:
        client.close()
