"""Basic authentication (RFC 7617) against htpasswd files."""

import base64
import statistics
import subprocess
import threading
import time

import pytest

from support.gateway import wait_until
from support.rawhttp import Incomplete, build, get, post

CONFIG = """
backends:
  main: { endpoints: [{address}] }
routes:
  - name: locked
    match: [{ path: { prefix: /v2 } }]
    basicAuth: { realm: Inference, usersFile: users.htpasswd }
    backends: [{ name: main }]
  - name: kept
    match: [{ path: { prefix: /kept } }]
    basicAuth: { realm: 'Quo"ted', users: { inline: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" }, forwardAuthorization: true }
    backends: [{ name: main }]
  - name: open
    backends: [{ name: main }]
"""


def htpasswd(*options: str) -> str:
    return subprocess.run(["htpasswd", "-nb", *options], check=True, capture_output=True, text=True).stdout.strip()


def crypt(kind: str, user: str, password: str) -> str:
    return (
        user
        + ":"
        + subprocess.run(
            ["openssl", "passwd", kind, password], check=True, capture_output=True, text=True
        ).stdout.strip()
    )


def basic(user: str, password: str, scheme: str = "Basic") -> str:
    return f"Authorization: {scheme} " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def locked(proxies, tmp_path):
    """Starts a gateway with these lines in its users file."""

    def make(*lines: str, top: str = ""):
        users = tmp_path / "gateway0" / "users.htpasswd"
        users.parent.mkdir(exist_ok=True)
        users.write_text("\n".join(lines) + "\n")
        proxy = proxies(top + CONFIG)
        proxy.users = users
        return proxy

    return make


@pytest.fixture
def simple(locked):
    return locked(htpasswd("-s", "ann", "secret"))


def ask(proxy, *fields: str, path: str = "/v2/x"):
    return proxy.send(get(path, "test", *fields))


KINDS = {
    "bcrypt": lambda: htpasswd("-B", "-C", "5", "ann", "s3cret: pä"),
    "apr1": lambda: htpasswd("-m", "ann", "s3cret: pä"),
    "SHA-1": lambda: htpasswd("-s", "ann", "s3cret: pä"),
    "SHA-512-crypt": lambda: crypt("-6", "ann", "s3cret: pä"),
    "SHA-256-crypt": lambda: crypt("-5", "ann", "s3cret: pä"),
}


@pytest.mark.parametrize("line", KINDS.values(), ids=KINDS.keys())
def test_every_kind_of_hash(locked, line):
    proxy = locked("# comment", "", line(), htpasswd("-s", "bob", "other"))
    for _ in range(2):
        assert ask(proxy, basic("ann", "s3cret: pä")).status == 200
        for wrong in ("", "s3cret: p", "s3cret: pä ", "S3cret: pä", "other"):
            assert ask(proxy, basic("ann", wrong)).status == 401
        assert ask(proxy, basic("bob", "s3cret: pä")).status == 401
        assert ask(proxy, basic("bob", "other")).status == 200


def test_refusal(simple):
    response = ask(simple)
    assert (response.status, response.cause) == (401, "unauthorized")
    assert response.get("www-authenticate").startswith('Basic realm="Inference"')
    assert response.body.startswith(b'{"error":')
    assert simple.upstream.accepted == 0
    assert simple.send(get("/other")).status == 200


def test_realm_is_quoted(simple):
    assert r'realm="Quo\"ted"' in ask(simple, path="/kept").get("www-authenticate")


def test_unknown_users_look_like_wrong_passwords(locked):
    """Same bytes, and about the same time."""
    proxy = locked(htpasswd("-B", "-C", "9", "ann", "secret"))

    def picture(*fields):
        with proxy.connect() as client:
            response = client.exchange(get("/v2/x", "test", *fields))
            changing = ("date", "x-request-id", "traceparent")
            return (
                response.start,
                response.body,
                [(k.lower(), v) for k, v in response.headers if k.lower().decode() not in changing],
            )

    wrong, unknown, none = picture(basic("ann", "wrong")), picture(basic("eve", "wrong")), picture()
    assert wrong == unknown == none

    times = {"ann": [], "nobody": []}
    for index in range(15):
        for user, taken in times.items():
            started = time.monotonic()
            assert ask(proxy, basic(user, f"wrong-{index}")).status == 401
            taken.append(time.monotonic() - started)
    known, other = min(times["ann"]), min(times["nobody"])
    assert 0.5 < known / other < 2, f"{known * 1000:.1f} ms and {other * 1000:.1f} ms"


@pytest.mark.parametrize(
    "field",
    [
        "Authorization:",
        "Authorization: Basic",
        "Authorization: Basic ",
        "Authorization: Bearer YW5uOnNlY3JldA==",
        "Authorization: Basic !!!!",
        "Authorization: Basic YW5u",
        "Authorization: BasicYW5uOnNlY3JldA==",
        "Authorization: Basic YW5uOnNlY3JldA==x",
        "Authorization: Basic YW5uOnNlY3JldA== ,",
        "Authorization: Basic YW5u OnNlY3JldA==",
        "Authorization: Basic " + "A" * 40_000,
        "Authorization: Digest username=ann",
        "Proxy-Authorization: Basic YW5uOnNlY3JldA==",
        "X-Authorization: Basic YW5uOnNlY3JldA==",
    ],
)
def test_malformed_credentials(simple, field):
    assert ask(simple, field).status == 401
    assert simple.upstream.accepted == 0


@pytest.mark.parametrize(
    "credentials", [b"ann:secret\x00", b"ann\x00:secret", b":secret", b"ann:", b":", b"ann", b"", b"\xff\xfe:\xff"]
)
def test_odd_credentials(simple, credentials):
    assert ask(simple, "Authorization: Basic " + base64.b64encode(credentials).decode()).status == 401


def test_two_credentials_are_none(simple):
    response = ask(simple, basic("ann", "secret"), basic("eve", "x"))
    assert response.status in (400, 401)
    response = ask(simple, basic("eve", "x"), basic("ann", "secret"))
    assert response.status in (400, 401)


@pytest.mark.parametrize("scheme", ["basic", "BASIC", "Basic "])
def test_scheme_has_no_case(simple, scheme):
    assert ask(simple, basic("ann", "secret", scheme)).status == 200


def test_authorization_is_not_forwarded_unless_asked(simple):
    assert ask(simple, basic("ann", "secret")).status == 200
    assert not simple.upstream.requests[-1].has("authorization")
    assert ask(simple, basic("inline", "test"), path="/kept").status == 200
    assert simple.upstream.requests[-1].get("authorization") == basic("inline", "test").partition(": ")[2]
    assert ask(simple, "Authorization: Bearer x", path="/other").status == 200
    assert simple.upstream.requests[-1].get("authorization") == "Bearer x"


def test_refusal_does_not_wait_for_the_body(simple):
    with simple.connect() as client:
        assert client.exchange(build("POST", "/v2/x", "test", "Content-Length: 100000000")).status == 401


def test_metrics(simple):
    assert ask(simple).status == 401
    assert ask(simple, basic("ann", "wrong")).status == 401
    for _ in range(3):
        assert ask(simple, basic("ann", "secret")).status == 200
    # Counted when the answer has gone.
    simple.gateway.wait_metric("sluice_requests_total", 5, route="locked")
    metrics = simple.gateway.metrics()
    assert metrics.sum("sluice_requests_total", route="locked", code="401", cause="unauthorized") == 2
    assert metrics.sum("sluice_auth_total", route="locked") == 5
    assert 3 in [value for _, value in metrics.select("sluice_auth_total", route="locked")]


def test_bcrypt_is_paid_once(locked):
    """A cost of 12 is a quarter of a second; a thousand requests of one user must not pay it a thousand times."""
    proxy = locked(htpasswd("-B", "-C", "12", "ann", "secret"))
    assert ask(proxy, basic("ann", "secret")).status == 200
    busy = proxy.gateway.cpu_seconds()
    with proxy.connect() as client:
        for _ in range(1000):
            assert client.exchange(get("/v2/x", "test", basic("ann", "secret"))).status == 200
    # The other loop may have to learn it too.
    for _ in range(20):
        assert ask(proxy, basic("ann", "secret")).status == 200
    assert proxy.gateway.cpu_seconds() - busy < 3


def test_a_slow_hash_holds_nobody_else(locked):
    """Verification is not done on a loop: requests that need none are served meanwhile."""
    proxy = locked(htpasswd("-B", "-C", "14", "ann", "secret"), top="loops: 1\n")

    def served_meanwhile(password: str, status: int) -> bool:
        with proxy.connect() as checking, proxy.connect() as client:
            checking.send(get("/v2/x", "test", basic("ann", password)))
            for _ in range(20):
                assert client.exchange(get("/other")).status == 200
            is_checked = checking.readable()
            assert checking.response().status == status
            return not is_checked

    # A process that stands still for a second does not show it.
    assert served_meanwhile("secret", 200) or any(served_meanwhile(f"wrong {number}", 401) for number in range(4))


@pytest.mark.slow
def test_wrong_passwords_at_a_hundred_a_second(locked):
    """Known users keep their pace, and a right password seen for the first time is let in within two seconds."""
    others = ["bob", "carol", "dave"]
    proxy = locked(*[htpasswd("-B", "-C", "10", user, "secret") for user in ("ann", *others)])
    with proxy.connect() as client:
        known = get("/v2/x", "test", basic("ann", "secret"))
        assert client.exchange(known).status == 200

        def typical_time(seconds):
            times, deadline = [], time.monotonic() + seconds
            while time.monotonic() < deadline:
                started = time.monotonic()
                assert client.exchange(known).status == 200
                times.append(time.monotonic() - started)
                time.sleep(0.002)
            return statistics.median(times)

        calm = typical_time(1)
        stop, statuses = threading.Event(), []

        def guess_once():
            try:
                statuses.append(proxy.send(get("/v2/x", "test", basic("ann", f"guess{time.monotonic_ns()}"))).status)
            except (OSError, AssertionError, Incomplete):
                # Guesses that still wait when the gateway stops.
                pass

        def pace():
            while not stop.wait(0.01):
                threading.Thread(target=guess_once, daemon=True).start()

        pacer = threading.Thread(target=pace)
        pacer.start()
        try:
            wait_until(lambda: len(statuses) > 20, 10, "the attack runs")
            under_attack = typical_time(3)
            taken = []
            for user in others:
                started = time.monotonic()
                assert ask(proxy, basic(user, "secret")).status == 200
                taken.append(time.monotonic() - started)
            # The machine may stand still in the middle of one.
            assert min(taken) < 2, taken
        finally:
            stop.set()
            pacer.join()
    assert set(statuses) <= {401, 503, 429}
    # Python's own noise is larger than a tenth, so this is only the order of magnitude: one guess takes longer.
    assert under_attack < calm * 3 + 0.03, f"{calm * 1000:.2f} ms became {under_attack * 1000:.2f} ms"


def test_users_file_is_reloaded(simple):
    assert ask(simple, basic("ann", "secret")).status == 200
    simple.users.write_text(htpasswd("-s", "ann", "changed") + "\n" + htpasswd("-s", "new", "new") + "\n")
    wait_until(lambda: ask(simple, basic("new", "new")).status == 200, 10, "the new user is known")
    assert ask(simple, basic("ann", "secret")).status == 401, "a password that was remembered is still good"
    assert ask(simple, basic("ann", "changed")).status == 200
    simple.users.write_text(htpasswd("-s", "new", "new") + "\n")
    wait_until(lambda: ask(simple, basic("ann", "changed")).status == 401, 10, "a removed user is out")


def test_remembered_bcrypt_is_forgotten_with_the_file(locked):
    proxy = locked(htpasswd("-B", "-C", "5", "ann", "secret"))
    assert ask(proxy, basic("ann", "secret")).status == 200
    proxy.users.write_text(htpasswd("-B", "-C", "5", "ann", "changed") + "\n")
    wait_until(lambda: ask(proxy, basic("ann", "changed")).status == 200, 10, "the new password is known")
    assert ask(proxy, basic("ann", "secret")).status == 401


def test_broken_users_file_keeps_the_old_users(simple):
    # In one step: an empty file in between would be one without ann.
    changed = simple.users.with_suffix(".new")
    changed.write_text("ann:plaintext\n")
    changed.rename(simple.users)
    simple.gateway.wait_metric("sluice_config_reloads_total", 1, outcome="rejected")
    assert ask(simple, basic("ann", "secret")).status == 200
    assert "plaintext" not in simple.gateway.stderr_text(), "a password or hash in the log"


def test_passwords_are_nowhere_in_log_or_status(locked):
    line = htpasswd("-B", "-C", "5", "ann", "hunter2hunter2")
    proxy = locked(line)
    assert ask(proxy, basic("ann", "hunter2hunter2")).status == 200
    assert ask(proxy, basic("ann", "hunter2wrong")).status == 401
    everything = (
        proxy.gateway.stderr_text() + proxy.gateway.admin("/api/v1/status")[2] + proxy.gateway.admin("/metrics")[2]
    )
    assert "hunter2" not in everything
    assert line.partition(":")[2] not in everything


def test_keep_alive_connections_are_authenticated_per_request(simple):
    with simple.connect() as client:
        assert client.exchange(get("/v2/x", "test", basic("ann", "secret"))).status == 200
        assert client.exchange(get("/v2/x")).status == 401
        assert client.exchange(post(b"x", "/v2/x", "test", basic("ann", "secret"))).status == 200


def test_users_file_of_a_secret(proxies, tmp_path):
    """Kubernetes swaps the directory behind `..data`."""
    volume = tmp_path / "secret"
    volume.mkdir()

    def publish(name, line):
        (volume / name).mkdir()
        (volume / name / "users").write_text(line + "\n")
        (volume / "..data_tmp").symlink_to(name)
        (volume / "..data_tmp").rename(volume / "..data")

    publish("..1", htpasswd("-s", "ann", "one"))
    (volume / "users").symlink_to("..data/users")
    proxy = proxies(CONFIG.replace("users.htpasswd", str(volume / "users")))
    assert ask(proxy, basic("ann", "one")).status == 200
    for name, password in (("..2", "two"), ("..3", "three")):
        publish(name, htpasswd("-s", "ann", password))
        wait_until(lambda: ask(proxy, basic("ann", password)).status == 200, 10, f"the password {password} is known")


def test_users_file_broken_and_mended(simple):
    simple.users.write_text("broken\n")
    simple.gateway.wait_metric("sluice_config_reloads_total", 1, outcome="rejected")
    simple.users.write_text(htpasswd("-s", "new", "new") + "\n")
    wait_until(lambda: ask(simple, basic("new", "new")).status == 200, 10, "the mended file is read")


def test_body_that_comes_while_the_password_is_checked(locked):
    proxy = locked(htpasswd("-B", "-C", "12", "ann", "secret"))
    body = bytes(range(256)) * 16384
    before = proxy.gateway.rss()
    with proxy.connect() as client:
        client.send(
            post(body, "/v2/x", "test", basic("ann", "secret")) + get("/v2/next", "test", basic("ann", "secret"))
        )
        assert [client.response().status for _ in range(2)] == [200, 200]
    assert proxy.upstream.requests[0].body == body
    assert proxy.gateway.rss() - before < 16 << 20


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_client_that_leaves_while_its_password_is_checked(locked, leave):
    proxy = locked(htpasswd("-B", "-C", "12", "ann", "secret"))
    for index in range(5):
        client = proxy.connect().send(get("/v2/x", "test", basic("ann", f"guess{index}")))
        getattr(client, leave)()
    assert ask(proxy, basic("ann", "secret")).status == 200
    # A reset may overtake the request it follows, which then never was one.
    proxy.gateway.wait_metric("sluice_requests_total", 6 if leave == "close" else 1, route="locked")


def test_checks_that_wait_are_bounded(locked):
    """Hundreds of guesses at once: some are checked, the others are told so instead of piling up."""
    proxy = locked(htpasswd("-B", "-C", "12", "ann", "secret"))
    clients = [
        proxy.connect(timeout=60).send(get("/v2/x", "test", basic("ann", f"guess{index}"))) for index in range(400)
    ]
    overloaded = 0
    for client in clients:
        if client.readable(1):
            response = client.response()
            assert (response.status, response.cause) in [(401, "unauthorized"), (503, "auth_overloaded")]
            overloaded += response.status == 503
        if overloaded > 10:
            break
    assert overloaded > 10
    for client in clients:
        client.reset()
    assert proxy.send(get("/other")).status == 200
