"""`sluice explain`: what it says is what a running gateway does."""

import itertools
import json
import re
import shlex
import shutil
import subprocess

import pytest

from support.gateway import REPOSITORY, binary
from support.ways import CALL, HTTP1, HTTP2, serving

# Passwords: ann "test", bob "test".
HASH = "'{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M='"
CONFIG = (
    r"""
backends:
  stable: { endpoints: [<stable>] }
  canary: { endpoints: [<canary>] }
  shadow: { endpoints: [<shadow>] }
routes:
  - name: first
    match: [{ path: { prefix: /v2 }, headers: { x-tenant: gold, x-beta: { present: true } } }]
    backends: [{ name: canary }]
  - name: preview
    match: [{ path: { prefix: /v2 }, query: { preview: "1" }, withoutHeaders: { x-stable: { present: true } } }]
    backends: [{ name: canary }]
    requestHeaders: { set: { x-route: "%{route} of %{backend}" } }
  - name: hosts
    hosts: ["*.example.com"]
    match: [{ path: { startsWith: /Api, ignoreCase: true } }, { path: { prefix: /api2 }, method: PUT }]
    rewrite: { prefix: /v2, host: triton.internal }
    backends: [{ name: stable }]
    mirrors: [{ backend: shadow, requestHeaders: { set: { x-copy: "of %{backend}" }, remove: [x-debug] } }]
  - name: versions
    match: [{ path: { prefix: /v2/models/densenet } }]
    backends:
      - { name: stable, weight: 1, version: "1", requestHeaders: { add: { x-side: one } } }
      - { name: canary, weight: 1, as: v2, model: dense net, version: "2", responseHeaders: { set: { x-side: two } } }
    sticky: { header: x-user-id }
  - name: users
    match: [{ path: { prefix: /users } }]
    cors: { allowOrigins: ["https://*.example.com"], allowMethods: [GET, POST], allowHeaders: ["*"], allowCredentials: true, maxAge: 10m }
    basicAuth: { realm: R, users: { ann: HASH, bob: HASH }, allow: [ann], forwardUser: x-user }
    requestHeaders: { set: { x-who: "%{user} at %{client.address}" } }
    responseHeaders: { set: { x-answer: "%{route}" } }
    maxBodySize: 10
    backends: [{ name: stable }]
  - name: inside
    match: [{ path: { prefix: /inside } }]
    denyFrom: [127.0.0.0/8]
    redirect: { host: elsewhere.example.com }
  - name: near
    match: [{ path: { prefix: /near } }]
    allowFrom: [127.0.0.1]
    redirect: { scheme: https, prefix: /far, code: 307 }
    responseHeaders: { add: { x-more: "1" } }
  - { name: full, match: [{ path: { prefix: /full } }], redirect: { path: /there, code: 301 } }
  - name: teapot
    match: [{ path: { regex: "/tea(pot)?" } }]
    respond: { status: 418, headers: { content-type: text/plain, x-tea: green }, body: short and stout }
  - name: regex
    match: [{ path: { prefix: /models } }]
    rewrite: { regex: { match: "^/models/([^/]+)", replace: '/v2/models/\1/.' } }
    backends: [{ name: stable }]
  - name: fault
    match: [{ path: { prefix: /fault } }]
    fault: { abort: { percent: 100, status: 503 } }
    backends: [{ name: stable }]
  - name: call fault
    match: [{ path: { prefix: /callfault } }]
    fault: { abort: { percent: 100, grpcStatus: 8 } }
    backends: [{ name: stable }]
  - name: by address
    match: [{ path: { prefix: /address } }]
    sticky: { clientAddress: true }
    backends: [{ name: stable }, { name: canary }, { name: shadow, as: third }]
  - name: by cookie
    match: [{ path: { prefix: /cookie } }]
    sticky: { cookie: side }
    backends: [{ name: stable }, { name: canary }, { name: shadow, weight: 0 }]
  - name: new calls
    match: [{ path: { prefix: /inference.GRPCInferenceService }, model: new }]
    backends: [{ name: canary, version: "7" }]
  - name: calls
    match: [{ path: { prefix: /inference.GRPCInferenceService } }]
    backends: [{ name: stable }]
  - { name: get, match: [{ method: GET, port: ${port}, scheme: http }], backends: [{ name: stable }], requestHeaders: { set: { x-get: "1" } } }
""".replace("HASH", HASH)
)

# Method, path, headers, and what goes to `explain` beside them.
REQUESTS = [
    ("POST", "/v2/x", {"x-tenant": "gold", "x-beta": ""}),
    ("POST", "/v2/x", {"x-tenant": "gold"}),
    ("GET", "/v2/x", {"X-Tenant": "golden", "x-beta": "1"}),
    ("GET", "/v2/x?preview=1", {}),
    ("GET", "/v2/x?a&preview=%31&preview=2", {"x-tenant": "a"}),
    ("GET", "/v2/x?preview=1", {"x-stable": "1"}),
    ("GET", "/v2x?preview=1", {}),
    ("POST", "/API/models", {"host": "a.b.example.com:81", "x-debug": "1"}),
    ("POST", "/apidoc", {"host": "A.EXAMPLE.COM"}),
    ("POST", "/api", {"host": "example.com"}),
    ("GET", "/api?", {"host": "example.com"}),
    ("PUT", "/api2/x", {"host": "x.example.com", "x-debug": "1"}),
    ("POST", "/v2/models/densenet/infer?x=%2f", {"x-user-id": "1"}),
    *[("POST", "/v2/models/densenet/versions/9/infer", {"x-user-id": str(user)}) for user in range(2, 8)],
    ("GET", "/v2/models/densenet", {}),
    ("GET", "/v2/models/densenet/%63onfig", {}),
    ("GET", "/users", {}),
    ("GET", "/users", {"authorization": "Basic YW5uOnRlc3Q=", "X-User": "root"}),
    ("GET", "/users", {"authorization": "Basic YW5uOndyb25n"}),
    ("GET", "/users", {"authorization": "Basic Ym9iOnRlc3Q="}),
    ("GET", "/users", {"authorization": "Basic ZXZlOnRlc3Q="}),
    ("GET", "/users", {"authorization": "Basic !"}),
    ("POST", "/users", {"authorization": "Basic YW5uOnRlc3Q=", "content-length": "11"}),
    ("OPTIONS", "/users", {"origin": "https://a.example.com", "access-control-request-method": "POST",
                           "access-control-request-headers": "x-a, x-b"}),
    ("OPTIONS", "/users", {"origin": "https://evil.com", "access-control-request-method": "POST"}),
    ("OPTIONS", "/users", {"origin": "https://a.example.com"}),
    ("GET", "/inside/x", {}),
    ("GET", "/near/x?y=1", {"host": "near.example.com:8080"}),
    ("GET", "/near", {"host": "[::1]:8080"}),
    ("GET", "/full/x?y=1", {}),
    ("GET", "/tea", {}),
    ("GET", "/teapot", {}),
    ("GET", "/teapots", {}),
    ("POST", "/teapots", {}),
    ("GET", "/models/a", {}),
    ("GET", "/models/", {}),
    ("GET", "/fault", {}),
    ("GET", "/callfault", {}),
    ("GET", "/address", {}),
    *[("GET", "/cookie", {"cookie": f"a=b; side={side}"}) for side in "abcdef"],
    ("GET", "/cookie", {"cookie": "sides=a"}),
    ("GET", "/a/../b", {}),
    ("GET", "/a%2fb", {}),
    ("GET", "/a/%2e%2E/b", {}),
    ("GET", "/a%zz", {}),
    ("GET", "/", {"host": "a b"}),
    ("GET", "/", {"host": "user@a"}),
    ("TRACE", "/", {}),
    ("DELETE", "/nowhere", {}),
    ("GET", "/hop", {"connection": "x-hop", "x-hop": "1", "x-sluice-mirror": "1", "x-request-id": "mine", "via": "1.1 a",
                     "forwarded": "for=1.2.3.4", "x-forwarded-for": "1.2.3.4", "te": "trailers", "x-empty": ""}),
    ("GET", "/hop", {"connection": "x-get", "x-get": "9"}),
    ("GET", "/ids", {"x-request-id": "a b", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}),
]
CALLS = [
    ("/inference.GRPCInferenceService/ServerLive", None),
    ("/inference.GRPCInferenceService/ModelInfer", "new:1"),
    ("/inference.GRPCInferenceService/ModelInfer", "old"),
    ("/inference.GRPCInferenceService/ModelReady", "new"),
    ("/other.Service/Method", None),
]


def run(*arguments: str):
    return subprocess.run(
        [binary(), "explain", *arguments], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with serving(CONFIG, tmp_path_factory.mktemp("explain"), "stable", "canary", "shadow") as site:
        yield site


def explained(site, method: str, path: str, fields: dict, *more: str) -> dict:
    """What is said about a request of 127.0.0.1 on the gateway's listener."""
    headers = itertools.chain.from_iterable(("-H", f"{name}: {value}") for name, value in fields.items())
    host = [] if "host" in fields else ["-H", "host: test"]
    done = run("-c", str(site.gateway.config_path), "--json", "--client", "127.0.0.1", *host, *headers, *more, method, path)
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert (done.returncode == 0) == told["answered"], done
    return told


def arrived(seen) -> list:
    """The header an endpoint got, in an order that does not matter and without what says how long the body is."""
    return sorted((name, value) for name, value in seen.fields if name not in ("host", "content-length", "transfer-encoding"))


def expected(sends: dict, seen) -> list:
    """The header that was foretold. What is made for each request is taken from what arrived."""
    fields = []
    for name, value in sends["headers"]:
        name = name.lower()
        if name in ("content-length", "transfer-encoding"):
            continue
        if value is None or value == "…" or value.endswith(" …"):
            value = seen.get(name)
            assert value, f"{name} is missing"
        fields.append((name, value))
    return sorted(fields)


def check(site, told: dict, reply) -> None:
    """Holds what came back, and what arrived, against what was foretold."""
    if told["outcome"] in ("refused", "noRoute"):
        assert reply.is_refused(told["answer"]["status"], told["answer"]["cause"]), reply
        return
    assert told["outcome"] == "route", told
    decision = told["decision"]
    for policy in decision["policies"]:
        if policy["effect"] == "refuses":
            assert reply.is_refused(policy["answer"]["status"], policy["answer"]["cause"]), (policy, reply)
            return
        if policy["effect"] == "answers":
            check_answer(policy["answer"], reply)
            return
    if "backends" not in decision:
        check_answer(decision.get("redirect") or decision["respond"], reply)
        return
    taking = [entry for entry in decision["backends"] if entry["weight"] > 0]
    if any(entry["chosen"] for entry in taking):
        taking = [entry for entry in taking if entry["chosen"]]
    if taking[0]["refusal"]:
        assert reply.is_refused(taking[0]["refusal"]["status"], taking[0]["refusal"]["cause"]), reply
        return
    assert reply.is_good, reply
    entry = next(entry for entry in taking if entry["backend"] == reply.served_by)
    arrives(site[entry["backend"]].the_request(), entry["sends"])
    for mirror in decision["mirrors"]:
        assert mirror["percent"] == 100
        arrives(site[mirror["backend"]].wait_requests(1)[0], mirror["sends"])


def check_answer(answer: dict, reply) -> None:
    assert reply.status == answer["status"] and reply.cause is None, reply
    own = ("date", "x-request-id", "content-length", "connection")
    got = sorted((name, value) for name, value in reply.fields if name not in own)
    assert got == sorted((name.lower(), value) for name, value in answer["headers"])


def arrives(seen, sends: dict) -> None:
    assert (seen.method, seen.path, seen.host) == (sends["method"], sends["target"], sends["host"])
    assert arrived(seen) == expected(sends, seen)


@pytest.mark.parametrize("method, path, fields", REQUESTS, ids=lambda value: str(value)[:60])
def test_a_running_gateway_does_it(site, method, path, fields):
    site.clear()
    told = explained(site, method, path, fields)
    length = int(fields.get("content-length", 0))
    body = b"x" * length if length else None
    others = [(name, value) for name, value in fields.items() if name not in ("host", "content-length")]
    with HTTP1.connect(site.gateway) as client:
        reply = client.ask(path, *others, method=method, host=fields.get("host", "test"), body=body or b"")
    check(site, {**told}, reply)


@pytest.mark.parametrize("path, model", CALLS)
def test_what_calls_get(site, path, model):
    site.clear()
    if model and path.startswith("/inference"):
        unknown = explained(site, "POST", path, {"content-type": "application/grpc"})
        assert unknown["outcome"] == "depends" and unknown["candidates"] == ["new calls", "calls"]
    told = explained(
        site, "POST", path, {"content-type": "application/grpc", "te": "trailers"},
        *(["--grpc-model", model] if model else []))
    name, _, version = (model or "").partition(":")
    message = (bytes([0x0A, len(name)]) + name.encode() if name else b"") + (
        bytes([0x12, len(version)]) + version.encode() if version else b"")
    with CALL.connect(site.gateway) as client:
        check(site, told, client.ask(path, body=message))
    backends = told.get("decision", {}).get("backends", [])
    if backends and "messages name version 7" in backends[0]["sends"]["changes"]:
        assert site["canary"].the_request().message.endswith(b"\x12\x017")


def test_the_same_over_http2(site):
    """Fields of HTTP/2 are read by another parser, and come to the same."""
    for method, path, fields in REQUESTS[:12]:
        site.clear()
        told = explained(site, method, path, fields)
        others = [(name.lower(), value) for name, value in fields.items() if name != "host"]
        with HTTP2.connect(site.gateway) as client:
            reply = client.ask(path, *others, method=method, host=fields.get("host", "test"), body=b"")
        decision = told.get("decision")
        assert reply.is_good == told["answered"]
        if decision:
            entry = next(entry for entry in decision["backends"] if entry["backend"] == reply.served_by)
            assert site[entry["backend"]].the_request().path == entry["sends"]["target"]


# --- the command


MINIMAL = """
listeners: [{ name: in, address: 127.0.0.1:8080 }]
backends: { a: { endpoints: [127.0.0.1:8000] } }
routes:
  - { name: v2, match: [{ path: { prefix: /v2 } }], backends: [{ name: a }] }
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "sluice.yaml"
    path.write_text(MINIMAL)
    return str(path)


def test_the_text(config):
    done = run("-c", config, "POST", "http://127.0.0.1:8080/v2/models/m/infer")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == """\
POST http://127.0.0.1:8080/v2/models/m/infer
  over http by listener in (127.0.0.1:8080), for model m

  v2  takes it: path prefix /v2

→ v2: a
  backends  100 %  a  127.0.0.1:8000
"""


def test_the_exit_status(config):
    assert run("-c", config, "/v2").returncode == 0, "the method may be left out"
    assert run("-c", config, "/v3").returncode == 1
    assert run("-c", config, "/v2/../v3").returncode == 1


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["ftp://a/"], "'ftp://a/' is not a URL for a gateway, write it with http:// or https://"),
        (["a b"], "'a b' has a blank or a control character"),
        (["http:///x"], "has no host"),
        (["http://ann:pw@h/x"], "write -u user:password"),
        (["GET", "/", "more"], "write one request"),
        (["G T", "/"], "'G T' is not a method"),
        (["/", "-H", "nocolon"], "'nocolon' is not a header, write 'name: value'"),
        (["/", "-H", "a: b\r\nc: d"], "has a line break"),
        (["/", "--client", "here"], "'here' is no address"),
        (["/", "--listener", "out"], "--listener 'out' is no listener, there is 'in'"),
        (["/", "--grpc-model", ":1"], "':1' names no model, write NAME or NAME:VERSION"),
    ],
)
def test_what_cannot_be_asked(config, arguments, words):
    done = run("-c", config, *arguments)
    assert done.returncode == 64 and words in done.stderr and not done.stdout, done


def test_an_invalid_configuration(tmp_path):
    path = tmp_path / "sluice.yaml"
    path.write_text(MINIMAL.replace("name: a }", "name: b }"))
    done = run("-c", str(path), "/v2")
    assert done.returncode == 1 and not done.stdout
    assert f"{path}:5:72: error: there is no backend 'b'" in done.stderr


def test_hostile_requests_are_explained(config):
    """Whatever is asked, there is an answer, and soon."""
    for url in ["/" + "a" * 100_000, "/%", "/%ff%00", "/é", "//", "/?" + "&" * 10_000, "*", "/a;b=c", "http://[::1/x",
                "http://[::1]:99999/x", "HTTP://H:/x"]:
        done = run("-c", config, url)
        assert done.returncode in (0, 1), (url[:50], done)
    headers = list(itertools.chain.from_iterable(("-H", f"x-{n}: {n}") for n in range(200)))
    done = run("-c", config, "/v2", *headers)
    assert done.returncode == 1 and "431 headers_too_large" in done.stdout


def test_every_example_is_explained():
    """Each configuration of the repository has an answer to a request for a model."""
    for path in sorted((REPOSITORY / "config").glob("*.yaml")):
        done = run("-c", str(path), "POST", "http://127.0.0.1/v2/models/m/infer", "-u", "demo")
        assert done.returncode in (0, 1) and done.stdout, (path, done.stderr)
        assert json.loads(run("-c", str(path), "--json", "/v2").stdout)["routes"], path


def shown_commands(path):
    """The commands a document shows, and what it says they print."""
    return re.findall(r"^\$ sluice (explain .*)\n((?:(?!```).*\n)*)```", (REPOSITORY / path).read_text(), re.MULTILINE)


def test_the_documents_show_what_is_printed(tmp_path):
    text = (REPOSITORY / "docs/explain.md").read_text()
    (tmp_path / "gateway.yaml").write_text(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])
    shutil.copy(REPOSITORY / "config/users.htpasswd", tmp_path)
    for path, directory, count in [("docs/explain.md", tmp_path, 2), ("README.md", REPOSITORY, 1)]:
        commands = shown_commands(path)
        assert len(commands) >= count
        for command, printed in commands:
            done = subprocess.run(
                [binary(), *shlex.split(command)], capture_output=True, text=True, timeout=30, cwd=directory,
                stdin=subprocess.DEVNULL)
            assert done.stdout == printed, f"{path}: {command}"
