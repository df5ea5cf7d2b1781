"""No secret comes out where it did not go in: hashes, keys, tokens and passwords are planted, and everything that the
gateway and its commands say is searched for them."""

import base64
import json
import subprocess
import time

import pytest

from support.certificates import Authority
from support.gateway import binary, wait_until
from support.admin_client import Operator, Stream
from support.ways import CALL, HTTP1, HTTP2, serving

# Of "wonder land", and of nothing that anybody knows.
HASH = "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="
PASSWORD = "test"
SECRETS = {
    "a hash in the file": "$2y$05$PLANTEDinlineQQQQQQQQOhash000000000000000000000000000",
    "a hash in a users file": "$2y$05$PLANTEDinfileXQQQQQQQOhash000000000000000000000000000",
    "the operator's hash": HASH,
    "another operator's hash": "$2y$05$PLANTEDadminXXQQQQQQQOhash000000000000000000000000000",
    "the collector's token": "planted-collector-token-5d41",
    "an endpoint's token": "planted-endpoint-token-7d79",
    "a mirror's token": "planted-mirror-token-3b2c",
    "an entry's token": "planted-entry-token-93af",
    "a token that is asked for": "planted-match-token-1f0e",
    "a token in a query": "planted-query-token-0c55",
    "a cookie that is asked for": "planted-cookie-match-77aa",
    "a client's password": "planted-client-password-aa11",
    "a client's wrong password": "planted-wrong-password-bb22",
    "a client's cookie": "planted-client-cookie-cc33",
    "a client's bearer": "planted-client-bearer-dd44",
    "an operator's wrong password": "planted-operator-wrong-ee55",
    "a user that nobody knows": "planted-unknown-user-ff66",
}
CONFIG = """
loops: 1
accessLog: { path: access.log, format: json }
tracing:
  endpoint: http://127.0.0.1:1
  samplePercent: 100
  headers: { authorization: "Bearer planted-collector-token-5d41" }
listeners:
  - { address: "127.0.0.1:${port}" }
  - { address: "127.0.0.1:0", name: secure, tls: { certificates: [CERTIFICATE] } }
admin:
  address: 127.0.0.1:${admin_port}
  basicAuth:
    users: { root: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", other: "$2y$05$PLANTEDadminXXQQQQQQQOhash000000000000000000000000000" }
backends:
  one: { endpoints: [<one>] }
  two: { endpoints: [<two>] }
routes:
  - name: locked
    match: [{ path: { prefix: /locked } }]
    basicAuth:
      usersFile: users.htpasswd
      users: { ann: "$2y$05$PLANTEDinlineQQQQQQQQOhash000000000000000000000000000" }
    backends: [{ name: one }]
  - name: asked
    match:
      - headers: { authorization: "Bearer planted-match-token-1f0e" }
      - headers: { cookie: { exact: "session=planted-cookie-match-77aa" } }
      - query: { access_token: planted-query-token-0c55 }
    backends: [{ name: one }]
  - name: given
    match: [{ path: { prefix: /v2 } }]
    requestHeaders: { set: { authorization: "Bearer planted-endpoint-token-7d79" } }
    backends:
      - { name: one, weight: 3, requestHeaders: { set: { x-api-key: planted-entry-token-93af } } }
      - { name: two, weight: 1 }
    mirrors: [{ backend: two, requestHeaders: { set: { authorization: planted-mirror-token-3b2c } } }]
  - { name: broken, match: [{ path: { prefix: /broken } }], backends: [{ name: one }], retries: { attempts: 1 } }
"""


def basic(user: str, password: str) -> tuple:
    return "authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def forms(secret: str) -> list[bytes]:
    """As it is, and as base64 would hold it at any of the three offsets."""
    raw = secret.encode()
    return [raw] + [base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)]


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("gateway")
    (directory / "users.htpasswd").write_text(f"bob:{SECRETS['a hash in a users file']}\n")
    return directory


@pytest.fixture(scope="module")
def key(directory):
    return Authority(directory).issue("server", "localhost")


@pytest.fixture(scope="module")
def secrets(key):
    """What must not be found, by what it is; the key line by line."""
    body = [line for line in key.key.read_text().splitlines() if not line.startswith("-")]
    return {what: forms(secret) for what, secret in SECRETS.items()} | {"the private key": [body[0].encode()]}


@pytest.fixture(scope="module")
def _site(directory, key):
    with serving(CONFIG.replace("CERTIFICATE", key.yaml), directory, "one", "two") as site:
        # Metrics ask for a password here, so nobody waits for copies by them.
        site.has_mirrors = False
        yield site


@pytest.fixture
def operator(site):
    return Operator(site.gateway, f"root:{PASSWORD}")


def assert_clean(secrets: dict, where: str, text: bytes, *allowed: str) -> None:
    found = {what for what, forms in secrets.items() if any(form in text for form in forms)} - set(allowed)
    assert not found, f"{where} tells {found}"


def use(site, operator) -> None:
    """Everything a client and an operator can do right and wrong, with secrets in it."""
    for way in (HTTP1, HTTP2, CALL):
        cookie = ("cookie", "session=planted-client-cookie-cc33")
        site.ask(way, "/locked", basic("ann", "planted-client-password-aa11"), cookie)
        site.ask(way, "/locked", basic("bob", "planted-wrong-password-bb22"), cookie)
        site.ask(way, "/locked", basic("planted-unknown-user-ff66", "planted-wrong-password-bb22"))
        site.ask(way, "/v2/models/m/infer", ("authorization", "Bearer planted-client-bearer-dd44"), cookie)
        site.ask(way, "/nowhere", ("authorization", "Bearer planted-client-bearer-dd44"), cookie)
        site.ask(way, "/x", ("authorization", "Bearer planted-match-token-1f0e"))
    site["one"].http.reply, reply = (lambda asked, connection: None), site["one"].http.reply
    site.ask(HTTP1, "/broken", ("authorization", "Bearer planted-client-bearer-dd44"))
    site["one"].http.reply = reply
    wrong = Operator(site.gateway, "root:planted-operator-wrong-ee55")
    unknown = Operator(site.gateway, "planted-unknown-user-ff66:planted-operator-wrong-ee55")
    for each in (wrong, unknown):
        for path in ("/api/v1/status", "/metrics", "/", "/api/v1/events"):
            assert each.get(path).status in (401, 429)
        assert each.put("given", {"one": 1}).status in (401, 429)
    wait_until(lambda: operator.get("/api/v1/status").status == 200, 20, "the address may log in again")
    operator.put("given", {"one": 2, "two": 2})
    operator.put("given", b'{"planted-endpoint": 1}')
    operator.ask("POST", operator.path("given") + "/undo")
    operator.ask("POST", "/api/v1/reload")


READ = ["/api/v1/status", "/api/v1/requests", "/api/v1/changes", "/api/v1/models", "/api/v1/models?refresh=1",
        "/api/v1/history?route=locked", "/api/v1/history?backend=one", "/api/v1/routes/given/weights",
        "/api/v1/routes/locked/weights", "/api/v1/routes/nothing/weights", "/api/v1/nothing", "/metrics", "/", "/readyz"]


def test_nothing_the_gateway_says_has_a_secret(site, operator, secrets):
    use(site, operator)
    with Stream(operator, timeout=20) as stream:
        for _ in range(3):
            assert_clean(secrets, "an event", stream.next().text.encode())
        use(site, operator)
        for _ in range(2):
            assert_clean(secrets, "an event", stream.next().text.encode())
    for path in READ:
        answer = operator.get(path)
        assert answer.status != 401
        assert_clean(secrets, path, answer.raw_head + answer.body)
    openmetrics = operator.get("/metrics", "Accept: application/openmetrics-text; version=1.0.0")
    assert_clean(secrets, "OpenMetrics", openmetrics.body)


def test_nothing_it_writes_has_a_secret(site, operator, secrets):
    use(site, operator)
    log = site.gateway.workdir / "access.log"
    wait_until(lambda: log.read_bytes().count(b"/broken") >= 1, 10, "the log is written")
    time.sleep(0.1)
    for what, data in (("the access log", log.read_bytes()), ("standard error", site.gateway.stderr_text().encode()),
                       ("standard output", site.gateway.stdout_text().encode())):
        assert_clean(secrets, what, data)


def test_nothing_but_its_own_goes_to_an_endpoint(site, operator, secrets):
    """What is for one endpoint is not for the other, and the password of a user not for any."""
    use(site, operator)
    for name, allowed in (("one", {"an endpoint's token", "an entry's token"}), ("two", {"a mirror's token",
                                                                                         "an endpoint's token"})):
        for seen in site[name].requests:
            text = "".join(f"{key}: {value}\n" for key, value in seen.fields if key not in ("cookie",)).encode()
            own = {"a token that is asked for", "a client's bearer"} if seen.path in ("/x", "/broken") else set()
            assert_clean(secrets, f"{seen.path} to {name}", text, *allowed, *own)


BROKEN = {
    "a hash that is none": ('users: { ann: "$2y', 'users: { ann: "PLANTED$2y'),
    "a user twice": ("users: { root:", "users: { other: \"{SHA}x\", root:"),
    "a hash that is a list": ('users: { ann: "$2y$05$PLANTEDinlineQQQQQQQQOhash000000000000000000000000000" }',
                              'users: [ "$2y$05$PLANTEDinlineQQQQQQQQOhash000000000000000000000000000" ]'),
    "a header with a line break": ('"Bearer planted-collector-token-5d41"', '"Bearer planted-collector-token-5d41\\nx: y"'),
    "a header that is a list": ('"Bearer planted-endpoint-token-7d79"', '[planted-endpoint-token-7d79]'),
    "a header with a NUL": ('"Bearer planted-endpoint-token-7d79"', '"planted-endpoint-token-7d79\\0"'),
    "a token as a name": ('x-api-key: planted-entry-token-93af', '"planted-entry-token-93af:": x'),
    "a variable that is none": ("planted-mirror-token-3b2c", '"planted-mirror-token-3b2c %{nothing}"'),
    "an expression that is none": ('authorization: "Bearer planted-match-token-1f0e"',
                                   'authorization: { regex: "planted-match-token-1f0e(" }'),
    "an unknown key": ("retries: { attempts: 1 }", "retry: planted-entry-token-93af"),
    "a place that is none": ("endpoint: http://127.0.0.1:1", "endpoint: http://user:planted-collector-token-5d41@h:1"),
}


@pytest.mark.parametrize("old, new", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_wrong_with_a_file_is_told_without_secrets(site, operator, secrets, old, new):
    """As `check` prints it, and as a running gateway does of a reload."""
    path = site.gateway.config_path
    good, said = path.read_text(), len(site.gateway.stderr_text())
    assert old in good
    try:
        path.write_text(good.replace(old, new, 1))
        done = subprocess.run([binary(), "check", "-c", str(path)], capture_output=True, timeout=20)
        assert done.returncode == 1, "it is refused"
        # A key that nobody knows is named; that somebody wrote a secret in its place cannot be known.
        allowed = ["an entry's token"] if "planted-entry-token-93af:" in new else []
        assert_clean(secrets, "check", done.stdout + done.stderr, *allowed)
        answer = operator.ask("POST", "/api/v1/reload")
        assert answer.status == 422
        assert_clean(secrets, "the answer", answer.body, *allowed)
        assert_clean(secrets, "status", operator.get("/api/v1/status").body, *allowed)
        assert_clean(secrets, "standard error", site.gateway.stderr_text()[said:].encode(), *allowed)
    finally:
        path.write_text(good)
        assert operator.ask("POST", "/api/v1/reload").status == 200


def test_commands_have_no_secrets(site, operator, secrets):
    """`check` and `explain`, with all that they show of a route's policies."""
    path = str(site.gateway.config_path)
    commands = [["check", "-c", path]]
    for target in ("/locked", "/v2/models/m/infer", "/x?access_token=1", "/nowhere"):
        commands += [["explain", "-c", path, "POST", f"http://h{target}", *more] for more in ([], ["--json"])]
    for command in commands:
        done = subprocess.run([binary(), *command], capture_output=True, timeout=20)
        assert_clean(secrets, " ".join(command), done.stdout + done.stderr)


def test_a_client_sees_no_more(site, secrets):
    for way in (HTTP1, HTTP2, CALL):
        for path in ("/locked", "/nowhere", "/v2/models/m", "/broken"):
            reply = site.ask(way, path)
            assert_clean(secrets, path, json.dumps([reply.fields, reply.trailers]).encode() + reply.body)


def test_hostile_words_stay_words(site, operator):
    """What clients call themselves and their paths are strings of JSON, one line each, wherever they are shown."""
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    escaped = evil.replace(" ", "%20")
    wanted = {f"/nowhere/1/{escaped}", f"/nowhere/2/{escaped}"}
    seen = set()
    with Stream(operator, timeout=20) as stream:
        deadline = time.monotonic() + 20
        # Of a flood some are shown, so what is missing is sent again.
        while not wanted <= seen and time.monotonic() < deadline:
            for way in (HTTP1, HTTP2):
                site.ask(way, f"/nowhere/{way.version}/{escaped}", ("user-agent", evil), ("x-request-id", escaped))
            for _ in range(2):
                event = stream.next()
                assert all(line.partition(":")[0] in ("retry", "id", "event", "data") for line in event.text.split("\n"))
                seen |= {each["path"] for each in event.data.get("errors", [])}
    assert wanted <= seen, seen
    assert wanted <= {each["path"] for each in operator.json("/api/v1/requests")["errors"]}
    assert operator.get("/api/v1/requests").get("content-type").startswith("application/json")
