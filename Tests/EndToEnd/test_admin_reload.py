"""Reloads that change the settings of the admin listener: same socket, new rules, never a pause."""

import pytest

from support.gateway import wait_until
from support.rawhttp import Client, get, post

CONFIG = """
admin: { address: "127.0.0.1:${admin_port}", SETTINGS }
routes:
  - { name: fixed, respond: { status: 200, body: fixed } }
"""


def status_for(gateway, data: bytes) -> int:
    """What a new connection to the admin listener gets; a listener that is deaf fails here."""
    with Client(gateway.host, gateway.admin_port, timeout=10) as client:
        return client.exchange(data).status


@pytest.fixture
def administered(gateways):
    def make(settings: str):
        gateway = gateways(CONFIG.replace("SETTINGS", settings))
        # The file is watched, and asking the API would be refused by `readOnly`.
        gateway.settings = lambda text: gateway.replace_config(CONFIG.replace("SETTINGS", text))
        return gateway

    return make


def test_allowed_hosts_change(administered):
    gateway = administered("allowedHosts: [host0.test]")
    for number in range(1, 6):
        gateway.settings(f"allowedHosts: [host{number}.test]")
        wait_until(
            lambda: status_for(gateway, get("/api/v1/status", f"host{number}.test")) == 200,
            20, f"host{number} is allowed")
        assert status_for(gateway, get("/api/v1/status", f"host{number - 1}.test")) == 403
        assert status_for(gateway, get("/api/v1/status", "localhost")) == 200
        assert status_for(gateway, get("/healthz", "localhost")) == 200


def test_read_only_changes(administered):
    gateway = administered("readOnly: false")
    for number in range(6):
        read_only = number % 2 == 0
        gateway.settings(f"readOnly: {str(read_only).lower()}")
        wait_until(
            lambda: (status_for(gateway, post(b"", "/api/v1/reload", "localhost")) == 403) == read_only,
            20, f"readOnly: {read_only} is in force")
        assert status_for(gateway, get("/api/v1/status", "localhost")) == 200
        assert status_for(gateway, get("/healthz", "localhost")) == 200
