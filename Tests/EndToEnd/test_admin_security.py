"""The operator's side behind TLS and passwords: who gets in, what guessing costs, and that no secret comes out."""

import json
import ssl
import subprocess
import threading
import time

import pytest
from test_auth import KINDS, basic, htpasswd
from test_tls import SecureClient, trusting

from support.certificates import Authority
from support.gateway import Starting, binary, free_port, wait_until
from support.rawhttp import Client, build, get, post

PASSWORD = "s3cret: pä"
STATUS = "/api/v1/status"
CONFIG = """
loops: 1
admin: { address: "127.0.0.1:${admin_port}", basicAuth: { realm: Operators, usersFile: users.htpasswd } }
metrics: { address: "127.0.0.1:METRICS" }
routes:
  - { name: fixed, respond: { status: 200, body: fixed } }
"""
# Each test has a client address of its own, and with it the tokens for wrong passwords.
SOURCES = (f"127.0.{high}.{low}" for high in range(1, 200) for low in range(1, 200))


@pytest.fixture
def source():
    return next(SOURCES)


def ask(gateway, path: str = STATUS, *fields: str, source: str | None = None, data: bytes | None = None):
    with Client("127.0.0.1", gateway.admin_port, source=source) as client:
        return client.exchange(data or get(path, "localhost", *fields))


@pytest.fixture(scope="module")
def _guarded(tmp_path_factory):
    directory = tmp_path_factory.mktemp("guarded")
    names = {kind: line().replace("ann:", f"{kind}:", 1) for kind, line in KINDS.items()}
    lines = [*names.values(), htpasswd("-s", "ann", "simple"), htpasswd("-B", "-C", "9", "crowd", PASSWORD)]
    (directory / "users.htpasswd").write_text("\n".join(lines) + "\n")
    port = free_port()
    with Starting(CONFIG.replace("METRICS", str(port)), directory) as gateway:
        gateway.metrics_port = port
        yield gateway


@pytest.fixture
def guarded(_guarded):
    _guarded.check_alive()
    return _guarded


# --- who gets in


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_hash(guarded, source, kind):
    for _ in range(3):
        assert ask(guarded, STATUS, basic(kind, PASSWORD), source=source).status == 200
    for wrong in ("", PASSWORD + " ", "other"):
        assert ask(guarded, STATUS, basic(kind, wrong), source=source).status in (401, 429)


def test_without_a_password(guarded, source):
    for path in (STATUS, "/metrics", "/", "/api/v1/events", "/api/v1/routes/fixed/weights", "/nothing"):
        answer = ask(guarded, path, source=source)
        assert answer.status == 401 and list(json.loads(answer.body)) == ["error"], path
        assert answer.get("www-authenticate") == 'Basic realm="Operators", charset="UTF-8"'
    assert ask(guarded, data=post(b"", "/api/v1/reload", "localhost"), source=source).status == 401
    # To ask without one is no guess.
    assert ask(guarded, STATUS, basic("ann", "simple"), source=source).status == 200


def test_probes_need_no_password(guarded):
    for path in ("/healthz", "/readyz"):
        assert ask(guarded, path).status == 200


def test_the_metrics_listener_needs_none(guarded):
    with Client("127.0.0.1", guarded.metrics_port) as client:
        assert client.exchange(get("/metrics")).status == 200
        assert client.exchange(get(STATUS)).status == 404


@pytest.mark.parametrize("field", ["Basic", "Basic !", "Bearer x", "Basic YW5u", "Digest x=y", ""])
def test_what_is_no_password(guarded, source, field):
    assert ask(guarded, STATUS, f"Authorization: {field}", source=source).status in (401, 429)


def test_two_passwords(guarded, source):
    fields = [basic("ann", "simple"), basic("ann", "simple")]
    assert ask(guarded, STATUS, *fields, source=source).status == 401


def test_the_host_counts_before_the_password(guarded, source):
    answer = ask(guarded, data=get(STATUS, "evil.example", basic("ann", "simple")), source=source)
    assert answer.status == 403


# --- guessing


def exhaust(gateway, source: str):
    """Guesses until it is told to stop."""
    for number in range(100):
        answer = ask(gateway, STATUS, basic("ann", f"guess {number}"), source=source)
        if answer.status == 429:
            return answer
        assert answer.status == 401
    raise AssertionError("a hundred guesses were looked at")


def test_guesses_are_limited(guarded, source):
    right = basic("ann", "simple")
    with Client("127.0.0.1", guarded.admin_port, source=source) as known:
        assert known.exchange(get(STATUS, "localhost", right)).status == 200
        answer = exhaust(guarded, source)
        assert int(answer.get("retry-after")) >= 1
        # What is right is not told either, but to those that have shown it.
        assert known.exchange(get(STATUS, "localhost", right)).status == 200
        exhaust(guarded, source)
        assert ask(guarded, STATUS, right, source=next(SOURCES)).status == 200, "another address"
    assert ask(guarded, "/readyz", source=source).status == 200
    wait_until(lambda: ask(guarded, STATUS, right, source=source).status == 200, 20, "the address is let in again")


def test_an_exhausted_address_is_told_nothing(guarded, source):
    """Whether the right password is among the guesses cannot be seen."""

    def refused():
        exhaust(guarded, source)
        return ask(guarded, STATUS, basic("ann", "simple"), source=source).status == 429

    # A token may come back between the two.
    assert any(refused() for _ in range(20))


def test_a_right_password_costs_nothing(guarded, source):
    for _ in range(50):
        assert ask(guarded, STATUS, basic("ann", "simple"), source=source).status == 200


def test_many_at_once_with_the_same_password(guarded, source):
    """A page opens several connections before its password is known to be right."""
    statuses = []

    def one():
        statuses.append(ask(guarded, STATUS, basic("crowd", PASSWORD), source=source).status)

    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 16


def test_the_log_has_refusals_and_no_passwords(guarded, source):
    ask(guarded, STATUS, basic("ann", "wr0ng-passw0rd"), source=source)
    ask(guarded, STATUS, basic("passw0rd-as-a-name", "x"), source=source)
    line = f"a login from {source} was refused: wrong password of user 'ann'"
    text = wait_until(
        lambda: (text := guarded.stderr_text()) and (line in text or "more were not written" in text) and text)
    for secret in ("wr0ng-passw0rd", "passw0rd-as-a-name", "simple", PASSWORD):
        assert secret not in text


def test_lines_in_the_log_are_bounded(guarded):
    before, began = guarded.stderr_text().count("was refused"), time.monotonic()
    for _ in range(60):
        assert ask(guarded, STATUS, basic("ann", "wrong"), source=next(SOURCES)).status == 401
    # Ten at once, and one more in each second.
    assert guarded.stderr_text().count("was refused") - before < 20 + time.monotonic() - began


# --- changes


def test_users_come_and_go(guarded, source):
    users = guarded.workdir / "users.htpasswd"
    text = users.read_text()
    right = basic("ann", "simple")
    with Client("127.0.0.1", guarded.admin_port, source=source) as client:
        assert client.exchange(get(STATUS, "localhost", right)).status == 200
        try:
            users.write_text(text.replace("ann:", "zoe:"))
            wait_until(lambda: ask(guarded, STATUS, basic("zoe", "simple"), source=next(SOURCES)).status == 200, 10,
                       "the new user is let in")
            assert ask(guarded, STATUS, right, source=next(SOURCES)).status == 401
            assert client.exchange(get(STATUS, "localhost", right)).status == 401, "on the open connection too"
        finally:
            users.write_text(text)
        wait_until(lambda: ask(guarded, STATUS, right, source=next(SOURCES)).status == 200, 10, "as before")


# --- slow and many clients


def test_silent_clients_shut_nobody_out(guarded, source):
    """They hold every place there is, and send the beginning of a request at the most."""
    silent = [Client("127.0.0.1", guarded.admin_port) for _ in range(250)]
    try:
        for index, client in enumerate(silent):
            if index % 2:
                client.send_all_it_takes(b"GET /api/v1/status HTTP/1.1\r\nHost: loc")
        for _ in range(20):
            assert ask(guarded, "/readyz").status == 200
            assert ask(guarded, STATUS, basic("ann", "simple"), source=source).status == 200
            with Client(guarded.host, guarded.port) as client:
                assert client.exchange(get()).body == b"fixed"
    finally:
        for client in silent:
            client.close()


def test_answers_that_nobody_reads(guarded):
    """A client that asks and does not read is not read from either."""
    page = build("GET", "/metrics", "localhost", basic("ann", "simple"))
    clients = [Client("127.0.0.1", guarded.admin_port, receive_buffer=4096) for _ in range(8)]
    before = guarded.rss()
    try:
        for client in clients:
            client.sock.setblocking(False)
            try:
                client.sock.send(page * 20_000)
            except BlockingIOError:
                pass
        for _ in range(20):
            assert ask(guarded, "/readyz").status == 200
        assert guarded.rss() - before < 64 << 20
        with Client(guarded.host, guarded.port) as client:
            assert client.exchange(get()).body == b"fixed"
    finally:
        for client in clients:
            client.close()


# --- secrets


def test_no_secret_comes_out(guarded, source):
    hashes = [line.split(":", 1)[1] for line in (guarded.workdir / "users.htpasswd").read_text().split()]
    texts = [guarded.stderr_text(), guarded.stdout_text()]
    for path in (STATUS, "/metrics", "/api/v1/changes", "/api/v1/requests", "/api/v1/routes/fixed/weights"):
        texts.append(ask(guarded, path, basic("ann", "simple"), source=source).body.decode())
    for text in texts:
        for secret in [*hashes, "simple", PASSWORD]:
            assert secret not in text


def test_check_names_no_hash(tmp_path):
    path = tmp_path / "sluice.yaml"
    path.write_text("admin: { address: 0.0.0.0:9901, basicAuth: { users: { ann: hunter2-is-no-hash } } }\n")
    done = subprocess.run([binary(), "check", "-c", str(path)], capture_output=True, text=True)
    assert done.returncode != 0 and "hunter2" not in done.stdout + done.stderr
    assert "add 'tls'" in done.stdout + done.stderr


# --- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def _secured(authority, tmp_path_factory):
    directory = tmp_path_factory.mktemp("secured")
    first = authority.issue("first", "localhost", "127.0.0.1")
    (directory / "tls.crt").write_bytes(first.certificate.read_bytes())
    (directory / "tls.key").write_bytes(first.key.read_bytes())
    text = f"""
loops: 1
admin:
  address: "0.0.0.0:${{admin_port}}"
  tls: {{ certificates: [{{ certificate: tls.crt, privateKey: tls.key }}], handshakeTimeout: 3s }}
  basicAuth: {{ users: {{ ann: "{htpasswd("-s", "ann", "simple").split(":", 1)[1]}" }} }}
  allowedHosts: [ops.example.com]
routes:
  - {{ name: fixed, respond: {{ status: 200, body: fixed }} }}
"""
    with Starting(text, directory) as gateway:
        yield gateway


@pytest.fixture
def secured(_secured):
    _secured.check_alive()
    return _secured


RIGHT = basic("ann", "simple")


def secure(gateway, authority, data: bytes, **options):
    with SecureClient("127.0.0.1", gateway.admin_port, trusting(authority), **options) as client:
        return client.exchange(data)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9901", "10.1.2.3", "[2001:db8::1]:9901", "ops.example.com:443"])
def test_over_tls(secured, authority, host):
    assert secure(secured, authority, get(STATUS, host, RIGHT)).status == 200
    assert secure(secured, authority, get(STATUS, host)).status == 401


def test_other_names_over_tls(secured, authority):
    for host in ("evil.example", "ops.example.com.evil.example", "10.1.2.3.evil.example", ""):
        assert secure(secured, authority, get(STATUS, host, RIGHT)).status == 403


@pytest.mark.parametrize("origin, status", [
    ("https://ops.example.com", 200), ("https://ops.example.com:443", 200), ("http://ops.example.com", 403),
    ("https://ops.example.com:444", 403), ("https://evil.example", 403), ("null", 403)])
def test_origins_over_tls(secured, authority, origin, status):
    data = post(b"", "/api/v1/reload", "ops.example.com", RIGHT, f"Origin: {origin}")
    assert secure(secured, authority, data).status == status


def test_probes_over_tls(secured, authority):
    assert secure(secured, authority, get("/healthz", "10.0.0.1")).status == 200


def test_what_is_spoken(secured, authority):
    context = trusting(authority)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with SecureClient("127.0.0.1", secured.admin_port, context) as client:
        assert client.sock.selected_alpn_protocol() == "http/1.1"
        for _ in range(3):
            assert client.exchange(get(STATUS, "localhost", RIGHT)).status == 200
        session = client.sock.session
    with SecureClient("127.0.0.1", secured.admin_port, context, session=session) as client:
        assert client.exchange(get(STATUS, "localhost", RIGHT)).status == 200
        assert client.sock.session_reused


def test_cleartext_is_told(secured):
    with Client("127.0.0.1", secured.admin_port) as client:
        answer = client.exchange(get(STATUS, "localhost", RIGHT))
        assert answer.status == 400 and b"HTTPS" in answer.body


def test_handshakes_end(secured):
    beginnings = [b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00" + b"\x00" * 512]
    clients = [Client("127.0.0.1", secured.admin_port).send(data) for data in beginnings]
    for client in clients:
        client.rest(8)
        client.close()


def test_certificates_are_replaced(secured, authority):
    second = authority.issue("second", "localhost", "127.0.0.1")
    (secured.workdir / "tls.key").write_bytes(second.key.read_bytes())
    (secured.workdir / "tls.crt").write_bytes(second.certificate.read_bytes())
    wanted = ssl.PEM_cert_to_DER_cert(second.certificate.read_text())

    def shown():
        with SecureClient("127.0.0.1", secured.admin_port, trusting(authority)) as client:
            return client.sock.getpeercert(binary_form=True)

    wait_until(lambda: shown() == wanted, 15, "the new certificate is shown")
    assert secure(secured, authority, get(STATUS, "localhost", RIGHT)).status == 200


def test_other_machines_need_both(gateways, tmp_path):
    """The configuration's rule, and that of sockets whose address is seen only when they are there."""
    hash_ = htpasswd("-s", "ann", "simple").split(":", 1)[1]
    for keys, missing in ((f'basicAuth: {{ users: {{ ann: "{hash_}" }} }}', "'tls'"), ("readOnly: true", "'tls' and 'basicAuth'")):
        path = tmp_path / "open.yaml"
        path.write_text(f"listeners: [{{ address: 127.0.0.1:1 }}]\nadmin: {{ address: '[::]:9901', {keys} }}\n"
                        "routes: [{ name: a, respond: { status: 200 } }]\n")
        done = subprocess.run([binary(), "check", "-c", str(path)], capture_output=True, text=True)
        assert done.returncode != 0
        assert f"other machines could reach 'admin' on [::]:9901, add {missing}" in done.stdout + done.stderr
