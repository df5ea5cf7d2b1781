"""Every example of config/ does what it says: loaded as it stands, but for its ports, and tried by a client."""

import base64
import json
import re
import shutil
import time
import warnings
from collections import Counter

import pytest
import requests

from support.collector import Collector
from support.gateway import REPOSITORY, Gateway, free_port, wait_until
from support.grpc_mock import INFERENCE
from support.http2 import H2Client, request, trusting
from support.rawhttp import Client, answer, build, get
from support.triton_messages import field
from support.ways import CALL, HTTP1, HTTP2, WAYS, Endpoint, Site
from test_proxy_protocol import header as proxy_header

CONFIG = REPOSITORY / "config"
EXAMPLES = sorted(
    path.relative_to(CONFIG / "examples").as_posix() for path in (CONFIG / "examples").iterdir()
    if path.suffix == ".yaml" or path.is_dir())
# Where the examples expect endpoints.
STANDARD = {"stable": (8000, 8001), "canary": (8100, 8101), "shadow": (8200, 8201)}
# Where they listen.
LISTENERS = (8080, 8081, 8443, 9901, 9902, 4318, 6443)
# Where they expect Triton's metrics, and nobody is.
METRICS = 8002
HOST = "models.example.com"


class Example(Site):
    """A running example. `ports` has, by the one in the file, the port that took its place."""

    def __init__(self, gateway, endpoints, ports):
        super().__init__(gateway, endpoints)
        self.ports = ports

    def get(self, path: str = "/", *fields: tuple, **options):
        return self.ask(HTTP1, path, *fields, method="GET", **options)


def moved(text: str, ports: dict) -> str:
    """The text with other ports."""
    return re.sub(r"(127\.0\.0\.1:|grpcPort: |metricsPort: |port: )(\d+)\b",
                  lambda found: found[1] + str(ports.get(int(found[2]), found[2])), text)


@pytest.fixture
def example(request, tmp_path):
    name = request.param
    directory = tmp_path / "config"
    shutil.copytree(CONFIG, directory, ignore=shutil.ignore_patterns("models", "__pycache__"))
    endpoints = {each: Endpoint(each) for each in STANDARD}
    ports = {port: free_port() for port in (*LISTENERS, METRICS)}
    for each, (http, grpc) in STANDARD.items():
        ports |= {http: endpoints[each].http.port, grpc: endpoints[each].grpc.port}
    path = directory / "examples" / name
    for file in path.iterdir() if path.is_dir() else [path]:
        # In manifests ports belong to the cluster.
        if "apiVersion:" not in file.read_text():
            file.write_text(moved(file.read_text(), ports).replace("/run/", f"{tmp_path}/"))
    gateway = Gateway("", tmp_path / "unused")
    gateway.config_path, gateway.port, gateway.admin_port = path, ports[8080], ports[9901]
    gateway.url, gateway.admin_url = f"http://127.0.0.1:{ports[8080]}", f"http://127.0.0.1:{ports[9901]}"
    try:
        with gateway:
            yield Example(gateway, endpoints, ports)
            assert ": warning:" not in gateway.stderr_text()
    finally:
        for each in endpoints.values():
            each.__exit__()


def tried(*names: str):
    """Marks the test of an example."""
    return pytest.mark.parametrize("example", names, indirect=True)


def split(example, count: int, path: str = "/", *fields: tuple, host: str = "test") -> Counter:
    """Who serves, over one connection."""
    with HTTP1.connect(example.gateway) as client:
        return Counter(client.ask(path, *fields, method="GET", host=host).served_by for _ in range(count))


def test_each_example_is_tried_and_listed():
    """By the name of its test; and every file is in the index."""
    index = (CONFIG / "README.md").read_text()
    for name in EXAMPLES:
        test = f"test_{name.removesuffix('.yaml').replace('-', '_')}"
        assert test in globals(), f"there is no {test} here"
        assert f"(examples/{name})" in index, f"config/README.md does not have {name}"
    listed = set(re.findall(r"\(examples/([^)]+)\)", index))
    assert listed == set(EXAMPLES)


@tried("activate.yaml")
def test_activate(example):
    """Somebody runs it already: then it is used as it is."""
    assert example.get("/v2/models/m").is_good
    activation = example.gateway.status()["backends"][0]["activation"]
    assert activation["state"] == "running" and "processID" not in activation


@tried("canary.yaml")
def test_canary(example):
    assert abs(split(example, 100)["canary"] - 10) <= 1
    assert split(example, 10, "/", ("x-canary", "always")) == {"canary": 10}


@tried("version-split.yaml")
def test_version_split(example):
    split(example, 100, "/v2/models/densenet")
    paths = Counter(example.was_asked())
    assert set(paths) == {"/v2/models/densenet/versions/1", "/v2/models/densenet/versions/2"}
    assert abs(paths["/v2/models/densenet/versions/2"] - 10) <= 1
    assert example.get("/v2/models/other").is_good and example.was_asked()[-1] == "/v2/models/other"
    assert example.ask(CALL, INFERENCE + "ServerLive").is_good


@tried("mirror.yaml")
def test_mirror(example):
    for way in (HTTP1, HTTP2):
        assert example.ask(way, "/v2/models/m/infer").served_by == "stable"
    assert {copy.get("x-shadow") for copy in example["shadow"].wait_requests(2)} == {"yes"}


@tried("sticky.yaml")
def test_sticky(example):
    for number in range(10):
        sides = {example.ask(way, "/v2", ("x-user-id", f"user {number}")).served_by for way in (HTTP1, HTTP2, HTTP1)}
        assert len(sides) == 1
    first = example.get("/app")
    cookie = first.get("set-cookie").split(";")[0]
    assert cookie.startswith("side=")
    assert {example.get("/app", ("cookie", cookie)).served_by for _ in range(5)} == {first.served_by}


@tried("rate-limit.yaml")
def test_rate_limit(example):
    statuses = [example.get("/", ("x-tenant", "gold")).status for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    assert example.get("/", ("x-tenant", "silver")).is_good


@tried("cors.yaml")
def test_cors(example):
    origin = ("origin", "https://app.example.com")
    reply = example.ask(HTTP1, "/", origin, ("access-control-request-method", "POST"), method="OPTIONS")
    assert reply.status < 300 and reply.get("access-control-allow-origin") == origin[1]
    assert example.was_asked() == []
    reply = example.get("/", origin)
    assert reply.is_good and reply.get("access-control-allow-credentials") == "true"


@tried("rewrite.yaml")
def test_rewrite(example):
    assert example.get("/api/models/m?x=1").is_good
    assert example.get("/m/densenet/2/infer").is_good
    assert example.was_asked() == ["/v2/models/m?x=1", "/v2/models/densenet/versions/2/infer"]
    assert [seen.host for seen in example.all_requests()] == ["triton.internal", "test"]


@tried("headers.yaml")
def test_headers(example):
    example["stable"].fields = [("server", "secret")]
    reply = example.get("/", ("x-debug", "1"), ("x-request-id", "id-1"))
    assert reply.get("x-served-by") == "infer/triton" and not reply.all("server")
    seen = example["stable"].the_request()
    assert (seen.get("x-from"), seen.get("x-request"), seen.get("x-tag")) == ("127.0.0.1", "id-1", "only this entry")
    assert not seen.all("x-debug")


@tried("redirect.yaml")
def test_redirect(example):
    reply = example.get("/old/models/m?x=1")
    assert (reply.status, reply.get("location")) == (301, "http://test/v2/models/m?x=1")
    reply = example.get("/x", host="secure.example.com:8080")
    assert (reply.status, reply.get("location")) == (308, "https://secure.example.com/x")
    assert example.get("/x").is_good


@tried("fault.yaml")
def test_fault(example):
    begin, ends = time.monotonic(), Counter()
    while len(ends) < 2:
        ends[example.get("/", ("x-chaos", "yes")).status] += 1
        assert sum(ends.values()) < 60
    assert set(ends) == {200, 503}
    assert time.monotonic() - begin >= 0.2 * sum(ends.values())
    assert split(example, 20) == {"stable": 20}


@tried("access.yaml")
def test_access(example):
    assert example.get("/admin").is_good
    assert example.get("/admin", connection={"source": "127.0.0.66"}).is_refused(403, "forbidden")
    assert example.get("/elsewhere").is_refused(403, "forbidden")


@tried("basic-auth.yaml")
def test_basic_auth(example):
    credentials = ("authorization", "Basic " + base64.b64encode(b"demo:demo").decode())
    for way in WAYS[:2]:
        assert example.ask(way, "/v2", credentials, ("x-user", "root")).is_good
        assert example.ask(way, "/v2").is_refused(401, "unauthorized")
    assert {seen.get("x-user") for seen in example["stable"].requests} == {"demo"}


@tried("retries.yaml")
def test_retries(example):
    example["canary"].http.stop()
    assert split(example, 20, "/v2") == {"stable": 20}


@tried("fan-out.yaml")
def test_fan_out(example):
    credentials = ("authorization", "Basic " + base64.b64encode(b"demo:demo").decode())
    load = "/v2/repository/models/densenet/load"
    assert example.ask(HTTP1, load).is_refused(401, "unauthorized")
    assert example.ask(HTTP1, load, credentials).status == 200
    assert example.was_asked() == [load, load]
    assert set(split(example, 40, "/v2")) == {"stable", "canary"}


@tried("triton-parameters.yaml")
def test_triton_parameters(example):
    for fields, priority, timeout in ([("x-tenant", "batch")], 2, 60_000_000), ([], 1, 5_000_000):
        assert example.ask(HTTP1, "/v2/models/densenet/infer", *fields, body=b"{}").is_good
        said = json.loads(example["stable"].requests[-1].body)["parameters"]
        assert said["priority"] == priority and 0 < said["timeout"] <= timeout


@tried("health.yaml")
def test_health(example):
    def up(endpoint):
        return example.gateway.metrics().sum("sluice_endpoint_up", endpoint=endpoint.http.address)

    wait_until(lambda: up(example["stable"]) and up(example["canary"]))
    example["canary"].http.reply = answer(b"", "400 Bad Request")
    wait_until(lambda: not up(example["canary"]), 30)
    assert split(example, 10) == {"stable": 10}


@tried("models.yaml")
def test_models(example):
    example.gateway.wait_metric("sluice_model_readings_total", 1, 30, backend="stable", outcome="unreachable")
    assert split(example, 20) == {"stable": 18, "canary": 2}


@tried("balancing.yaml")
def test_balancing(example):
    for user in range(5):
        assert len(split(example, 5, "/cached", ("x-user", f"u{user}"))) == 1
    assert set(split(example, 60)) == {"stable", "canary"}


@tried("least-queue.yaml")
def test_least_queue(example):
    """What answers here tells of no queues: then it is by requests, three to one."""
    assert 20 <= split(example, 60, "/v2/models/densenet")["stable"] <= 60


@tried("grpc.yaml")
def test_grpc(example):
    assert example.ask(CALL, INFERENCE + "ServerLive").served_by == "stable"
    assert example.ask(CALL, INFERENCE + "ModelInfer", body=field(1, b"densenet")).served_by == "canary"
    assert example.get("/v2/models/densenet").served_by == "canary"
    assert example.get("/v2").served_by == "stable"


@tried("respond.yaml")
def test_respond(example):
    reply = example.get("/hello")
    assert (reply.status, reply.body, reply.get("content-type")) == (200, b"Hello.\n", "text/plain")
    assert example.ask(HTTP1, "/v2/repository/models/m/unload").status == 403
    assert example.get("/v2").is_good and example.was_asked() == ["/v2"]


@tried("websocket.yaml")
def test_websocket(example):
    def tunnel(connection):
        head = connection.read_head()
        assert head.get("upgrade") == "websocket" and head.get("sec-websocket-version") == "13"
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        for _ in range(3):
            connection.send(connection.reader.exactly(5, "a message")[::-1])

    example["stable"].http.serve = tunnel
    with Client("127.0.0.1", example.gateway.port) as client:
        client.send(build("GET", "/lab/socket", "test", "Connection: Upgrade", "Upgrade: websocket",
                          "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
        head = client.reader.line("status line")
        assert head == b"HTTP/1.1 101 Switching Protocols"
        client.reader.fields("header")
        for word in (b"hello", b"world", b"again"):
            client.send(word)
            assert client.reader.exactly(5, "a message") == word[::-1]


@tried("tls.yaml")
def test_tls(example):
    context = trusting(CONFIG / "tls" / "example.crt", "h2")
    context.check_hostname = False
    with H2Client("127.0.0.1", example.ports[8443], context=context) as client:
        assert client.answer(client.open(
            [(name, "https" if name == ":scheme" else value) for name, value in request("GET", "/v2")])).status == 200
    reply = example.get("/v2?x=1", host=HOST)
    assert (reply.status, reply.get("location")) == (308, f"https://{HOST}:{example.ports[8443]}/v2?x=1")


@tried("proxy-protocol.yaml")
def test_proxy_protocol(example):
    assert example.get("/", connection={"first": proxy_header("192.0.2.7")}).is_good
    with HTTP1.connect(example.gateway, example.ports[8081]) as client:
        assert client.ask("/", ("x-forwarded-for", "192.0.2.8"), method="GET").is_good
    assert [seen.get("x-forwarded-for").split(",")[0] for seen in example["stable"].requests] == [
        "192.0.2.7", "192.0.2.8"]


@tried("access-log.yaml")
def test_access_log(example):
    assert example.get("/v2").is_good
    wait_until(lambda: example.gateway.stdout_text().count("\n"), what="a line in the log")
    assert json.loads(example.gateway.stdout_text().splitlines()[0])["status"] == 200
    with Client("127.0.0.1", example.ports[9902]) as client:
        assert b"sluice_requests_total" in client.exchange(get("/metrics")).body


@tried("tracing.yaml")
def test_tracing(example):
    """What fails is exported, whatever the percentage."""
    with Collector(example.ports[4318]) as collector:
        example["stable"].http.reply = answer(b"", "500 Oops")
        example.get("/v2/models/m", ("traceparent", f"00-{'a' * 32}-{'b' * 16}-00"))
        spans = collector.wait_trace("a" * 32, 2)
    assert spans.server.name == "GET infer" and spans.server.resource["service.name"] == "inference-gateway"


@tried("custom-metrics.yaml")
def test_custom_metrics(example):
    address = f"https://127.0.0.1:{example.ports[6443]}"
    token = {"Authorization": "Bearer " + (CONFIG / "example.token").read_text().strip()}
    path = f"{address}/apis/custom.metrics.k8s.io/v1beta2/namespaces/ml/pods/*/avg_time_queue_us"
    with warnings.catch_warnings():
        # The certificate is one that everybody has.
        warnings.simplefilter("ignore")
        assert requests.get(path, verify=False, timeout=10).status_code == 401
        assert requests.get(path, headers=token, verify=False, timeout=10).json()["kind"] == "MetricValueList"
        found = requests.get(f"{address}/api/v1/scale?backend=triton", headers=token, verify=False, timeout=10).json()
    assert found["backend"] == "triton" and found["endpoints"] == 2


@tried("takeover.yaml")
def test_takeover(example):
    """The old process ends by itself once the new one has its sockets."""
    assert example.get("/").is_good
    old = example.gateway.process
    example.gateway.start(wait=False)
    assert old.wait(20) == 0
    example.gateway.wait_ready()
    assert example.get("/").is_good


@tried("istio")
def test_istio(example):
    assert abs(split(example, 100, host=HOST)["canary"] - 10) <= 1
    assert len(example["shadow"].wait_requests(100)) == 100
    assert split(example, 5, "/", ("x-canary", "always"), host=HOST) == {"canary": 5}


@tried("gateway-api")
def test_gateway_api(example):
    assert abs(split(example, 100, host=HOST)["canary"] - 10) <= 1
    reply = example.get("/canary/models", host=HOST)
    assert reply.served_by == "canary" and example.was_asked()[-1] == "/v2/models"
    assert example.get("/", host=HOST).get("x-gateway") == "sluice"


@tried("ingress-nginx")
def test_ingress_nginx(example):
    assert abs(split(example, 100, host=HOST)["canary"] - 10) <= 1
    assert split(example, 5, "/", ("x-canary", "always"), host=HOST) == {"canary": 5}
    assert split(example, 5, "/", ("x-canary", "never"), host=HOST) == {"stable": 5}


def test_files_are_small_and_say_what_they_are():
    for path in [path for path in (CONFIG / "examples").rglob("*") if path.is_file()]:
        lines = path.read_text().splitlines()
        assert lines[0].startswith("# ") and len(lines) <= 45, path
        assert all(len(line) <= 120 for line in lines), path


def test_ports_can_be_told_apart():
    """What `moved` does not know would listen where something else may run."""
    for path in (CONFIG / "examples").rglob("*.yaml"):
        if "apiVersion:" in path.read_text():
            continue
        known = {*LISTENERS, METRICS, *(port for pair in STANDARD.values() for port in pair)}
        assert {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", path.read_text())} <= known, path
