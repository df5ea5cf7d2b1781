"""Listeners, the admin side and endpoints over Unix sockets."""

import json
import os
import signal
import socket
import stat
import struct

import pytest

from support.gateway import Gateway, Starting, wait_until
from support.http2 import H2Client
from support.mock_upstream import MockUpstream
from support.rawhttp import Client, answer, get, post

CONFIG = """
listeners:
  - { address: "127.0.0.1:${port}" }
  - { name: local, address: unix:here.sock, limits: { perClient: 1 } }
accessLog: { path: access.log }
backends:
  main: { endpoints: [{address}] }
routes:
  - { name: all, backends: [{ name: main }] }
"""


@pytest.fixture
def local(tmp_path, gateways):
    """A gateway at `here.sock`, in front of an endpoint at `model.sock`."""
    with MockUpstream(path=tmp_path / "model.sock") as upstream:
        gateway = gateways(CONFIG.replace("{address}", upstream.address))
        yield gateway, upstream, gateway.workdir / "here.sock"


def test_requests_go_in_and_out(local):
    gateway, upstream, path = local
    upstream.reply = lambda request, connection: answer(request.body[::-1])
    with Client(str(path)) as client:
        for _ in range(3):
            assert client.exchange(post(b"abc", "/x", "models.example")).body == b"cba"
    request = upstream.wait_requests(3)[-1]
    assert request.get("host") == "models.example"
    assert request.get("x-forwarded-for") == "unix"
    wait_until(lambda: (gateway.workdir / "access.log").exists(), what="a line in the access log")
    wait_until(lambda: (gateway.workdir / "access.log").read_text().count("\n") == 3, what="three lines")
    line = json.loads((gateway.workdir / "access.log").read_text().splitlines()[0])
    assert line["client"] == "unix"
    assert line["endpoint"] == upstream.address
    assert gateway.metrics().select("sluice_endpoint_up", endpoint=upstream.address)
    assert [entry["address"] for entry in gateway.status()["listeners"] if entry["name"] == "local"] == [f"unix:{path}"]


def test_large_bodies(local):
    """Through the kernel where it can, from TCP to a Unix socket and back, and from one Unix socket to the other."""
    gateway, upstream, path = local
    upstream.reply = lambda request, connection: answer(request.body)
    body = os.urandom(3 << 20)
    with Client(str(path)) as client:
        assert client.exchange(post(body)).body == body
    with Client(gateway.host, gateway.port) as client:
        assert client.exchange(post(body)).body == body


def test_http2(local):
    _, upstream, path = local
    upstream.reply = answer(b"over two")
    with H2Client(str(path), 0) as client:
        assert client.get("/").body == b"over two"


def test_clients_without_an_address_are_not_counted_by_it(local):
    """`perClient: 1` would otherwise let in one client of this machine."""
    _, _, path = local
    clients = [Client(str(path)) for _ in range(3)]
    assert [client.exchange(get()).status for client in clients] == [200] * 3
    for client in clients:
        client.close()


def test_an_endpoint_that_is_gone(tmp_path, local):
    _, upstream, path = local
    upstream.stop()
    with Client(str(path)) as client:
        response = client.exchange(get())
    assert (response.status, response.get("x-sluice-cause")) == (502, "connect_failed")
    os.unlink(tmp_path / "model.sock")
    with Client(str(path)) as client:
        response = client.exchange(get())
    assert (response.status, response.get("x-sluice-cause")) == (502, "connect_failed")


def test_its_health_is_asked_for(tmp_path, gateways):
    with MockUpstream(path=tmp_path / "model.sock") as upstream:
        gateway = gateways(
            f"""
backends: {{ main: {{ endpoints: ['{upstream.address}'], health: {{ interval: 100ms }} }} }}
routes: [{{ name: all, backends: [{{ name: main }}] }}]
"""
        )
        assert upstream.wait_requests(2)[0].target == "/v2/health/ready"
        assert gateway.metrics().sum("sluice_endpoint_up", endpoint=upstream.address) == 1
        upstream.stop()
        wait_until(lambda: gateway.metrics().sum("sluice_endpoint_up", endpoint=upstream.address) == 0, what="it is out")


def test_proxy_header_tells_who_the_client_is(gateways, upstreams):
    upstream = upstreams()
    gateway = gateways(
        f"""
listeners:
  - {{ address: unix:here.sock, proxyProtocol: true, limits: {{ perClient: 1 }} }}
backends: {{ main: {{ endpoints: [{upstream.address}] }} }}
routes: [{{ name: all, backends: [{{ name: main }}] }}]
"""
    )
    header = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11" + struct.pack(">H", 12) + bytes([192, 0, 2, 9, 10, 0, 0, 1, 1, 2, 3, 4])
    with Client(str(gateway.workdir / "here.sock")) as client:
        assert client.exchange(header + get()).status == 200
        assert upstream.wait_requests(1)[0].get("x-forwarded-for") == "192.0.2.9"
        # Counted by the address that the header names.
        with Client(str(gateway.workdir / "here.sock")) as second:
            second.send_all_it_takes(header + get())
            second.expect_end()


def test_the_admin_side(tmp_path):
    gateway = Starting(
        "admin: { address: unix:admin.sock }\nmetrics: { address: unix:metrics.sock }\n", tmp_path / "gateway"
    )
    with gateway:
        with Client(str(gateway.workdir / "admin.sock")) as client:
            assert client.exchange(get("/readyz", "localhost")).status == 200
            assert client.exchange(get("/api/v1/status", "localhost")).status == 200
            assert client.exchange(get("/api/v1/status", "evil.example")).status == 403
        with Client(str(gateway.workdir / "metrics.sock")) as client:
            assert b"sluice_build_info" in client.exchange(get("/metrics", "localhost")).body
            assert client.exchange(get("/api/v1/status", "localhost")).status == 404
        # Whoever may connect to the admin side controls the gateway.
        assert mode(gateway.workdir / "admin.sock") == 0o600
        assert mode(gateway.workdir / "metrics.sock") == 0o666
    assert not list(gateway.workdir.glob("*.sock"))


def mode(path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


# --- the file

ALONE = "listeners: [{ address: unix:here.sock }]\nroutes: [{ name: all, respond: { status: 200, body: hi } }]\n"


def test_the_file_comes_and_goes(gateways):
    gateway = gateways(ALONE)
    path = gateway.workdir / "here.sock"
    assert mode(path) == 0o666
    gateway.stop()
    assert not path.exists()


def test_a_reload_moves_it(gateways):
    gateway = gateways(ALONE)
    before = gateway.workdir / "here.sock"
    gateway.write_config(ALONE.replace("here.sock", "there.sock"))
    wait_until(lambda: not before.exists(), what="the old path is gone")
    with Client(str(gateway.workdir / "there.sock")) as client:
        assert client.exchange(get()).body == b"hi"


def test_what_a_crash_left_is_replaced(gateways):
    gateway = gateways(ALONE)
    path = gateway.workdir / "here.sock"
    gateway.signal(signal.SIGKILL)
    gateway.wait_exit()
    assert path.exists()
    gateway.start()
    with Client(str(path)) as client:
        assert client.exchange(get()).body == b"hi"


def refused(gateway) -> str:
    gateway.start(wait=False)
    assert gateway.wait_exit() == 1
    return gateway.stderr_text()


@pytest.fixture
def unstarted(tmp_path):
    return Gateway(ALONE, tmp_path / "gateway")


def test_a_socket_in_use_is_left_alone(unstarted):
    path = unstarted.workdir / "here.sock"
    with MockUpstream(path=path):
        assert "another program listens there" in refused(unstarted)
        with Client(str(path)) as client:
            assert client.exchange(get()).status == 200


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_socket_is_left_alone(unstarted, tmp_path, kind):
    path = unstarted.workdir / "here.sock"
    if kind == "file":
        path.write_text("precious")
    else:
        # To a stale socket, which would be replaced if the link were followed.
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(tmp_path / "stale.sock"))
        path.symlink_to(tmp_path / "stale.sock")
    assert "is no socket" in refused(unstarted)
    assert path.is_symlink() if kind == "link" else path.read_text() == "precious"


def test_a_file_that_took_its_place_is_not_removed(gateways):
    gateway = gateways(ALONE)
    path = gateway.workdir / "here.sock"
    path.unlink()
    path.write_text("somebody else's")
    gateway.stop()
    assert path.read_text() == "somebody else's"
