"""One address with a crowd of connections and wrong passwords does not lock others out."""

import base64
import socket
import subprocess
import time

import pytest

from support.gateway import binary
from support.rawhttp import TIMEOUT, Reader, get

CONFIG = """
listeners:
  - address: 0.0.0.0:${port}
backends:
  main: { endpoints: [{address}] }
routes:
  - name: locked
    basicAuth: { realm: Inference, usersFile: users.htpasswd }
    backends: [{ name: main }]
"""

CROWD = 1500
# What the others know: each password is verified for the first time, for a verdict is remembered.
OTHERS = ["bob", "carol", "dave"]


def credentials(user: str, password: str) -> str:
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def users_file(tmp_path):
    lines = [
        subprocess.run([binary(), "passwd", user], input=f"secret of {user}\n", check=True, capture_output=True, text=True).stdout
        for user in ["ann", *OTHERS]]
    folder = tmp_path / "gateway0"
    folder.mkdir()
    (folder / "users.htpasswd").write_text("".join(lines))


def ask_from(source: str, proxy, data: bytes):
    with socket.socket() as sock:
        sock.settimeout(TIMEOUT)
        sock.bind((source, 0))
        sock.connect((proxy.gateway.host, proxy.gateway.port))
        sock.sendall(data)
        return Reader(sock).response()


def test_a_first_right_password_from_another_address(users_file, proxies):
    proxy = proxies(CONFIG)
    crowd = [proxy.connect() for _ in range(CROWD)]
    try:
        for number, user in enumerate(OTHERS):
            # All of them wait for the verdict on one wrong password, which takes a good part of a second.
            wrong = get("/", "test", credentials("ann", f"wrong {number}"))
            for client in crowd:
                client.send(wrong)
            started = time.monotonic()
            response = ask_from("127.0.0.2", proxy, get("/", "test", credentials(user, f"secret of {user}")))
            print(f"{user}: {response.status} after {time.monotonic() - started:.2f} s")
            assert (response.status, response.cause) == (200, None)
            for client in crowd:
                assert client.response().status in (401, 503)
    finally:
        for client in crowd:
            client.reset()
