"""Counters go on across a reload, also with what began under the configuration before."""

import base64
import subprocess

import pytest

from support.gateway import wait_until
from support.rawhttp import answer, get, post

COPIES = 5

CONFIG = """
loops: 1
backends:
  main: { endpoints: [{address}] }
  shadow: { endpoints: [SHADOW] }
routes:
  - name: infer
    match: [{ path: { prefix: /v2 } }]
    backends: [{ name: main }]
    mirrors: [{ backend: shadow, percent: 100 }]
  - name: locked
    match: [{ path: { prefix: /locked } }]
    basicAuth: { realm: Inference, usersFile: users.htpasswd }
    backends: [{ name: main }]
  - name: fixed
    respond: { status: 200, body: "WORD" }
"""


@pytest.fixture
def counted(proxies, upstreams, tmp_path):
    folder = tmp_path / "gateway0"
    folder.mkdir()
    (folder / "users.htpasswd").write_text(subprocess.run(
        ["htpasswd", "-nbB", "-C", "12", "ann", "secret"], check=True, capture_output=True, text=True).stdout)
    shadow = upstreams()
    text = CONFIG.replace("SHADOW", shadow.address)
    proxy = proxies(text.replace("WORD", "0"))
    proxy.shadow = shadow

    def change(word: str) -> None:
        proxy.gateway.write_config(text.replace("WORD", word).replace("{address}", proxy.upstream.address))
        assert proxy.gateway.reload()[0] == 200
        assert proxy.send(get()).body == word.encode()

    proxy.change = change
    return proxy


def outcomes(proxy, name: str, route: str) -> dict:
    return {labels["outcome"]: value for labels, value in proxy.gateway.metrics().select(name, route=route) if value}


def test_copies_under_way(counted):
    def mirrored():
        return outcomes(counted, "sluice_mirror_requests_total", "infer")

    assert counted.send(post(b"first", "/v2/x")).status == 200
    wait_until(lambda: mirrored() == {"ok": 1}, 10, "the first copy has ended")
    counted.shadow.reply = counted.shadow.holding(answer())
    for _ in range(COPIES):
        assert counted.send(post(b"copy", "/v2/x")).status == 200
    counted.shadow.wait_requests(1 + COPIES)
    for word in ("1", "2"):
        counted.change(word)
        assert mirrored() == {"ok": 1}
    counted.shadow.release()
    wait_until(lambda: mirrored() == {"ok": 1 + COPIES}, 10, f"all copies are counted: {mirrored()}")
    wait_until(lambda: counted.gateway.metrics().sum("sluice_mirror_buffered_bytes") == 0, 10, "nothing is kept")


def test_passwords_under_way(counted):
    """A slow hash is being verified while the configuration changes."""
    def checked():
        return outcomes(counted, "sluice_auth_total", "locked")

    def locked(password: str) -> bytes:
        word = base64.b64encode(f"ann:{password}".encode()).decode()
        return get("/locked", "test", f"Authorization: Basic {word}")

    def were_under_way(turn: int) -> bool:
        wrong = 3 * turn
        clients = [counted.connect().send(locked(f"wrong {wrong + index}")) for index in range(3)]
        wait_until(lambda: counted.gateway.metrics().sum("sluice_auth_queue_length") >= 1
                   or sum(checked().values()) == wrong + 4, 10, "they are being verified")
        counted.change(str(turn + 1))
        found = sum(checked().values()) < wrong + 4
        for client in clients:
            assert client.response().status == 401
            client.close()
        wait_until(lambda: sum(checked().values()) == wrong + 4, 10, "all are counted")
        return found

    assert counted.send(locked("secret")).status == 200
    wait_until(lambda: sum(checked().values()) == 1, 10, "it is counted")
    before = checked()
    # All of them are verified before the change where this process stands still meanwhile, which shows nothing.
    assert any(were_under_way(turn) for turn in range(5))
    assert {name: count for name, count in checked().items() if name in before} == before
