"""Manifests as people have them run unchanged, in front of real HTTP servers; so does what `convert` makes of them.

What stands in `manifests/` is loaded as it is, beside a native file with the listener and with `resolve`, which pins the
names of a cluster to servers that run here.
"""

import http.server
import json
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from support.gateway import Gateway, binary, wait_until
from support.rawhttp import Client, build, get

MANIFESTS = Path(__file__).resolve().parent / "manifests"
MIB = 1 << 20
FORMS = ["as it is", "converted"]


class Server:
    """Python's own HTTP server, which says its name and remembers what it was asked."""

    def __init__(self, name: str):
        self.name, self.asked, self.pause = name, [], 0.0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # It sends head and body apart; without this the body waits for the head's acknowledgement.
            disable_nagle_algorithm = True

            def answer(self):
                left, size = int(self.headers.get("content-length", 0)), 0
                while left and (part := self.rfile.read(min(left, MIB))):
                    left, size = left - len(part), size + len(part)
                outer.asked.append((self.command, self.path, dict(self.headers.items()), size))
                time.sleep(outer.pause)
                body = outer.name.encode()
                self.send_response(200)
                self.send_header("X-Served-By", outer.name)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_OPTIONS = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.address = f"127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()


def run(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [binary(), *map(str, arguments)], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)


class Running:
    """A gateway that has read a manifest."""

    def __init__(self, gateway: Gateway, directory: Path, servers: dict, host: str):
        self.gateway, self.directory, self.servers, self.host = gateway, directory, servers, host

    def ask(self, method: str = "GET", path: str = "/", *fields: str, body: bytes = b"", host: str | None = None):
        with Client(self.gateway.host, self.gateway.port) as client:
            length = [f"Content-Length: {len(body)}"] if body else []
            return client.exchange(build(method, path, host or self.host, *length, *fields) + body, method)

    def explain(self, url: str, *arguments: str) -> tuple[int, str, dict]:
        """(exit status, text, JSON) of one request."""
        text = run("explain", "-c", self.directory, *arguments, url)
        as_json = run("explain", "-c", self.directory, "--json", *arguments, url)
        assert text.returncode == as_json.returncode, (text.stderr, as_json.stderr)
        return text.returncode, text.stdout, json.loads(as_json.stdout)


@pytest.fixture
def running(tmp_path):
    """Starts a gateway with a manifest, or with what `convert` makes of it; `names` are services and their servers."""
    with ExitStack() as stack:
        def start(form: str, manifest: str, host: str, **names: str) -> Running:
            servers = {name: stack.enter_context(Server(name)) for name in names}
            pins = ", ".join(f"{service}: '{servers[name].address}'" for name, service in names.items())
            gateway = Gateway(f"resolve: {{ {pins} }}\n", tmp_path)
            directory = tmp_path / "config"
            directory.mkdir()
            gateway.config_path.rename(directory / "0-gateway.yaml")
            gateway.config_path = directory
            source = MANIFESTS / manifest
            if form == "converted":
                done = run("convert", source)
                assert done.returncode == 0, done.stderr
                assert "apiVersion" not in done.stdout
                (directory / "1-converted.yaml").write_text(done.stdout)
            else:
                (directory / manifest).write_bytes(source.read_bytes())
            checked = run("check", "-c", directory)
            assert checked.returncode == 0, checked.stdout + checked.stderr
            return Running(stack.enter_context(gateway), directory, servers, host)

        yield start


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


# --- (a)

KAFKA = "kafka-ui-dev.example.com"
ADMIN = "Authorization: Basic YWRtaW46MTIzNDU2"


def test_a_password_by_a_match(running, form):
    site = running(form, "a-basic-auth-by-match.yaml", KAFKA, ui="kafka-ui.kafka-dev.svc.cluster.local")
    for path in ("/", "/ui/clusters?x=1"):
        answer = site.ask("GET", path, ADMIN)
        assert (answer.status, answer.body) == (200, b"ui")
    # Istio's first rule leaves the header alone.
    method, path, fields, _ = site.servers["ui"].asked[-1]
    assert (method, path, fields["Host"]) == ("GET", "/ui/clusters?x=1", KAFKA)
    assert fields["Authorization"] == "Basic YWRtaW46MTIzNDU2"
    count = len(site.servers["ui"].asked)
    for fields in ([], ["Authorization: Basic YWRtaW46MTIzNDU3"], ["Authorization: basic YWRtaW46MTIzNDU2"]):
        answer = site.ask("GET", "/", *fields)
        assert (answer.status, answer.body, answer.cause) == (401, b"", None)
        assert answer.get("www-authenticate") == 'Basic realm="Authentication Required"'
    assert site.ask("GET", "/", ADMIN, host="other.example.com").cause == "no_route"
    assert site.ask("GET", "/", ADMIN, host=f"{KAFKA}:8443").status == 200
    assert len(site.servers["ui"].asked) == count + 1
    requests_by_route = site.gateway.metrics().select("sluice_requests_total", code="200")
    assert {labels["route"] for labels, _ in requests_by_route} == {"kafka-dev/kafka-ui/0"}


def test_a_its_timeout(running, form):
    site = running(form, "a-basic-auth-by-match.yaml", KAFKA, ui="kafka-ui")
    site.servers["ui"].pause = 8
    begin = time.monotonic()
    answer = site.ask("GET", "/", ADMIN)
    assert (answer.status, answer.cause) == (504, "exchange_timeout")
    assert 3 <= time.monotonic() - begin < 8


def test_a_explained(running, form):
    site = running(form, "a-basic-auth-by-match.yaml", KAFKA, ui="kafka-ui")
    status, text, data = site.explain(f"http://{KAFKA}/ui", "-H", ADMIN)
    assert status == 0 and "kafka-dev/kafka-ui/0" in text and "kafka-ui" in text and "3s" in text
    assert "kafka-dev/kafka-ui/0" in json.dumps(data)
    assert "YWRtaW46MTIzNDU2" not in text + json.dumps(data), "a password is not repeated on a screen"
    status, text, data = site.explain(f"http://{KAFKA}/ui")
    assert status == 0 and "kafka-dev/kafka-ui/1" in text and "401" in text
    assert "authorization" in text.lower(), "why it was not the first"
    status, text, _ = site.explain("http://other.example.com/")
    assert status == 1 and KAFKA in text


# --- (b) and (c)

SERVICE = "service1.example.com"
VERSIONS = {f"v{number}": f"service1-version{number}.kfserving.svc.cluster.local" for number in (1, 2)}


def test_b_mirror(running, form):
    site = running(form, "b-mirror.yaml", SERVICE, **VERSIONS)
    body = b'{"instances": [1]}' * 1000
    for _ in range(20):
        answer = site.ask("POST", "/v1/models/m:predict", "Content-Type: application/json", body=body)
        assert (answer.status, answer.body) == (200, b"v2")
    wait_until(lambda: len(site.servers["v1"].asked) == 20, what="every request is copied")
    for method, path, fields, size in site.servers["v1"].asked:
        assert (method, path, size) == ("POST", "/v1/models/m:predict", len(body))
        assert fields["Host"] == f"{SERVICE}-shadow"
    assert {fields["Host"] for _, _, fields, _ in site.servers["v2"].asked} == {SERVICE}


def test_b_explained(running, form):
    site = running(form, "b-mirror.yaml", SERVICE, **VERSIONS)
    status, text, data = site.explain(f"http://{SERVICE}/v1/models/m:predict", "POST")
    assert status == 0 and "kfserving/service1/0" in text
    assert "service1-version2" in text and "service1-version1" in text and "100" in text
    assert "service1-version1" in json.dumps(data)


def test_c_weights(running, form):
    site = running(form, "c-canary.yaml", SERVICE, **VERSIONS)
    with Client(site.gateway.host, site.gateway.port) as client:
        counts = Counter(client.exchange(get("/v1/models/m", SERVICE)).body for _ in range(100))
    assert abs(counts[b"v1"] - 20) <= 1 and counts[b"v1"] + counts[b"v2"] == 100, counts


def test_c_explained(running, form):
    site = running(form, "c-canary.yaml", SERVICE, **VERSIONS)
    status, text, _ = site.explain(f"http://{SERVICE}/v1/models/m")
    assert status == 0 and "20" in text and "80" in text and "300s" in text.replace("5m", "300s")


# --- (d)

MODELS = "models.example.com"


def test_d_ingress(running, form):
    site = running(form, "d-ingress.yaml", MODELS, triton="triton.ml.svc.cluster.local")
    answer = site.ask("GET", "/v2", "Origin: https://app.test")
    assert (answer.status, answer.body) == (200, b"triton")
    assert answer.get("access-control-allow-origin") == "*"
    assert not answer.has("access-control-allow-credentials"), "never with a star"
    assert "x-served-by" in answer.tokens("access-control-expose-headers")
    asked = len(site.servers["triton"].asked)
    answer = site.ask("OPTIONS", "/v2", "Origin: https://app.test", "Access-Control-Request-Method: PUT",
                      "Access-Control-Request-Headers: authorization, x-customheader")
    assert 200 <= answer.status < 300 and answer.get("access-control-allow-origin") == "*"
    assert "put" in answer.tokens("access-control-allow-methods")
    assert {"authorization", "x-customheader"} <= answer.tokens("access-control-allow-headers")
    assert not answer.has("access-control-allow-credentials")
    assert len(site.servers["triton"].asked) == asked, "answered by the gateway"


def test_d_the_size_of_bodies(running, form):
    site = running(form, "d-ingress.yaml", MODELS, triton="triton.ml.svc.cluster.local")
    url, headers = f"{site.gateway.url}/v2", {"Host": MODELS}
    assert requests.post(url, data=bytes(50 * MIB), headers=headers, timeout=60).text == "triton"
    assert site.servers["triton"].asked[-1][3] == 50 * MIB
    with Client(site.gateway.host, site.gateway.port) as client:
        answer = client.exchange(build("POST", "/v2", MODELS, f"Content-Length: {50 * MIB + 1}"))
        assert (answer.status, answer.cause) == (413, "body_too_large")


def test_d_says_what_it_does_not_do(tmp_path):
    """Credentials with a star: browsers would refuse it, so it is left out, and said."""
    checked = run("check", "-c", MANIFESTS / "d-ingress.yaml")
    assert checked.returncode == 0
    warnings = [line for line in (checked.stdout + checked.stderr).splitlines() if "warning" in line]
    assert any("cors-allow-credentials" in line or "redentials" in line for line in warnings), checked.stdout


@pytest.mark.parametrize("command", [["check", "-c"], ["convert"], ["explain", "-c"]])
def test_d_a_snippet_is_refused(command):
    arguments = ["http://models.example.com/"] if command[0] == "explain" else []
    done = run(*command, MANIFESTS / "d-ingress-with-snippet.yaml", *arguments)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    errors = [line for line in said.splitlines() if ": error: " in line]
    assert len(errors) == 1 and "d-ingress-with-snippet.yaml:7:" in errors[0], said
    assert "configuration-snippet" in errors[0]
    # What to use instead of what is in it.
    assert "responseHeaders" in errors[0] and "requestHeaders" in errors[0]


def test_d_explained(running, form):
    site = running(form, "d-ingress.yaml", MODELS, triton="triton.ml.svc.cluster.local")
    status, text, _ = site.explain(f"http://{MODELS}/v2", "OPTIONS", "-H", "Origin: https://app.test", "-H",
                                   "Access-Control-Request-Method: PUT")
    assert status == 0 and "ml/models/" in text and "cors" in text.lower()


# --- (e)


def test_e_canary_by_header_and_weight(running, form):
    names = {"stable": "triton-stable.ml.svc.cluster.local", "canary": "triton-canary.ml.svc.cluster.local"}
    site = running(form, "e-ingress-canary.yaml", MODELS, **names)

    def count(*fields: str) -> Counter:
        with Client(site.gateway.host, site.gateway.port) as client:
            return Counter(client.exchange(get("/v2/models", MODELS, *fields)).body for _ in range(100))

    assert count("X-Canary: always") == {b"canary": 100}
    assert count("X-Canary: never") == {b"stable": 100}
    for fields in ([], ["X-Canary: perhaps"]):
        counts = count(*fields)
        assert abs(counts[b"canary"] - 20) <= 1 and sum(counts.values()) == 100, counts
    assert site.ask("GET", "/v3").cause == "no_route"


def test_e_explained(running, form):
    names = {"stable": "triton-stable.ml.svc.cluster.local", "canary": "triton-canary.ml.svc.cluster.local"}
    site = running(form, "e-ingress-canary.yaml", MODELS, **names)
    url = f"http://{MODELS}/v2/models"
    status, text, _ = site.explain(url)
    assert status == 0 and "20" in text and "80" in text
    assert "triton-canary" in text and "triton-stable" in text
    status, text, _ = site.explain(url, "-H", "X-Canary: always")
    assert status == 0 and "triton-canary" in text


def test_all_of_them_in_one_directory(running, tmp_path):
    """Their hosts keep them apart, except (b) and (c), which are about the same one: the first in file order has it."""
    site = running("as it is", "a-basic-auth-by-match.yaml", KAFKA, ui="kafka-ui", v1=VERSIONS["v1"], v2=VERSIONS["v2"],
                   triton="triton.ml.svc.cluster.local", stable="triton-stable.ml.svc.cluster.local",
                   canary="triton-canary.ml.svc.cluster.local")
    for name in ("b-mirror.yaml", "e-ingress-canary.yaml"):
        (site.directory / name).write_bytes((MANIFESTS / name).read_bytes())
    assert site.gateway.reload()[0] == 200
    assert site.ask("GET", "/", ADMIN).body == b"ui"
    assert site.ask("GET", "/", host=SERVICE).body == b"v2"
    assert site.ask("GET", "/v2", "X-Canary: always", host=MODELS).body == b"canary"
