"""Every question that the Grafana dashboard, the rules and the alerts ask is asked, and has an answer.

A real Prometheus scrapes a gateway in front of real Tritons while everything happens that there are metrics for; pages
of GPUs are served as their exporters write them. The dashboard itself is held against what Grafana makes of it.
"""

import http.client
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import tritonclient.grpc
from ruamel.yaml import YAML
from support import triton as real
from support.certificates import Authority
from support.gateway import REPOSITORY, Gateway, free_port, wait_until
from support.prometheus import FILES, Exporter, Prometheus

import traffic

DASHBOARD = json.loads((REPOSITORY / "config" / "grafana" / "sluice.json").read_text())
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
VARIABLES = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
# The window of a rate, in place of Grafana's, for a page that is scraped each second.
WINDOW = "10s"
# From the first scrape on. Rules go by minutes; what they have to say is there after the second sample all the same.
PATIENCE = 45
# What is not there by then is asked for this long, so that a broken gateway does not cost a minute for each panel.
LAST_CHANCE = 5
PASSWORD = "test"

CONFIG = """
loops: 1
memoryLimit: 4GiB
# Nobody takes the traces.
tracing: { endpoint: 'http://127.0.0.1:{nobody}', samplePercent: 100 }
listeners:
  - { name: plain, address: 127.0.0.1:${port} }
  - { name: secure, address: 127.0.0.1:{secure}, tls: { certificates: [{certificate}] } }
backends:
  stable:
    endpoints: ['{stable}']
    triton: { grpcPort: {grpc}, metricsPort: {metrics} }
    limits: { perEndpointInFlight: 1, queue: 4, queueTimeout: 2s }
  canary: { endpoints: ['{canary}'], triton: { grpcPort: {canaryGRPC} } }
  shadow: { endpoints: ['{shadow}'], limits: { inFlight: 1, queue: 0 } }
  # One of two refuses connections, which its health check says too.
  half:
    endpoints: ['{canary}', '127.0.0.1:{nobody}']
    balance: roundRobin
    panicThreshold: 0
  named: { endpoints: ['localhost:{port}'], health: { path: /v2/health/ready, interval: 1s } }
routes:
  - name: locked
    match: [{ path: { prefix: /locked } }]
    basicAuth: { realm: Inference, users: { ann: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" } }
    rewrite: { prefix: /v2/models/classify }
    backends: [{ name: canary }]
  - name: seldom
    match: [{ path: { prefix: /seldom } }]
    rateLimit: { requests: 1, per: 1s, key: route }
    rewrite: { prefix: /v2/models/classify }
    backends: [{ name: canary }]
  - name: again
    match: [{ path: { prefix: /again } }]
    rewrite: { prefix: /v2/models/classify }
    retries: { attempts: 1, on: [connectFailure], budgetPercent: 100 }
    backends: [{ name: half }]
  - name: named
    match: [{ path: { prefix: /named } }]
    rewrite: { prefix: /v2 }
    backends: [{ name: named }]
  - name: infer
    backends:
      - { name: stable, weight: 80 }
      - { name: canary, weight: 20 }
    mirrors: [{ backend: shadow, percent: 100, maxInFlight: 1 }]
"""


def panels() -> list:
    """All but the rows, also those inside of folded rows."""
    rows = [panel for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    inside = [panel for row in rows for panel in row["panels"]]
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"] + inside


def titled(title: str) -> dict:
    return next(panel for panel in panels() if panel["title"] == title)


TARGETS = [pytest.param(panel, target, id=f"{panel['title']}-{target['refId']}")
           for panel in panels() for target in panel["targets"]]


def asked(expression: str, **chosen: str) -> str:
    """The query that Grafana sends for what stands in the dashboard; of a variable that is not chosen all."""
    for name, variable in VARIABLES.items():
        expression = re.sub(rf"\${name}\b", chosen.get(name, variable.get("allValue") or ".*"), expression)
    expression = expression.replace("$__rate_interval", WINDOW)
    assert "$" not in expression, expression
    return expression


class Load:
    """Asks for everything over and over, until the context ends."""

    def __init__(self, gateway, secure: int, authority):
        self.gateway, self.secure, self.authority = gateway, secure, str(authority.certificate)
        self.over = threading.Event()
        self.failures: list = []
        self.thread = threading.Thread(target=self.run)

    def __enter__(self) -> "Load":
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.thread.join(60)
        assert not self.failures, self.failures

    def run(self) -> None:
        with ThreadPoolExecutor(12) as pool:
            while not self.over.is_set():
                try:
                    self.once(pool)
                except Exception as error:  # noqa: BLE001, whatever it is, the test says so
                    self.failures.append(repr(error))
                    return
                self.over.wait(0.1)

    def once(self, pool) -> None:
        for _ in range(10):
            assert self.post("/v2/models/classify/infer") == 200
        # Two of these at once and four more in the queue are all there is room for at `stable`.
        statuses = list(pool.map(lambda _: self.post("/v2/models/slow/infer", slow(30)), range(12)))
        assert set(statuses) <= {200, 503}, statuses
        assert self.post("/v2/models/classify/infer", {"inputs": []}) == 400
        assert self.post("/locked/infer", auth=("ann", PASSWORD)) == 200
        assert self.post("/locked/infer", auth=("ann", "wrong")) == 401
        # Two are refused at once, but where the machine stands still for a second between them.
        assert {self.post("/seldom/infer") for _ in range(3)} & {429} or any(
            self.post("/seldom/infer") == 429 for _ in range(10))
        assert self.post("/again/infer") == 200
        assert requests.get(self.gateway.url + "/named/models/classify", timeout=10).status_code == 200
        assert requests.get(
            f"https://127.0.0.1:{self.secure}/v2/health/ready", verify=self.authority, timeout=10).ok
        self.plaintext()
        self.call()

    def post(self, path: str, body: dict = traffic.INFER, **options) -> int:
        return requests.post(self.gateway.url + path, json=body, timeout=20, **options).status_code

    def plaintext(self) -> None:
        """HTTP on the port for HTTPS: a handshake that fails."""
        connection = http.client.HTTPConnection("127.0.0.1", self.secure, timeout=10)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    def call(self) -> None:
        address = f"{self.gateway.host}:{self.gateway.port}"
        traffic.classify_grpc(address)
        client = tritonclient.grpc.InferenceServerClient(address, channel_args=[("grpc.enable_http_proxy", 0)])
        try:
            with pytest.raises(tritonclient.grpc.InferenceServerException):
                client.get_model_metadata("nobody", client_timeout=10)
        finally:
            client.close()


def slow(milliseconds: int) -> dict:
    return {"inputs": [{"name": "MILLISECONDS", "datatype": "INT32", "shape": [1], "data": [milliseconds]}]}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """A Prometheus that watches all of it, with the rules and alerts of config/prometheus."""
    tritons, directory = real.shared(), tmp_path_factory.mktemp("watched")
    secure = free_port()
    authority = Authority(directory)
    certificate = authority.issue("gateway", "127.0.0.1")
    settings = {
        "secure": secure, "certificate": certificate.yaml, "nobody": free_port(), "stable": tritons.stable.address,
        "canary": tritons.canary.address, "shadow": tritons.shadow.address, "grpc": tritons.stable.ports.grpc,
        "metrics": tritons.stable.ports.metrics,
        "canaryGRPC": tritons.canary.ports.grpc, "port": tritons.canary.ports.http,
    }
    config = CONFIG
    for name, value in settings.items():
        # `${port}` is the gateway's.
        config = re.sub(rf"(?<!\$)\{{{name}\}}", str(value), config)
    ports = ", ".join(f"'127.0.0.1:{each.ports.metrics}'" for each in tritons.all)
    gateway = Gateway(config, directory / "gateway")
    with gateway, Exporter("dcgm.prom") as dcgm, Exporter("nv_gpu.prom") as gpu:
        text = f"""
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: ['{FILES / "rules.yml"}', '{FILES / "alerts.yml"}']
scrape_configs:
  - {{ job_name: sluice, static_configs: [{{ targets: ['127.0.0.1:{gateway.admin_port}'] }}] }}
  - {{ job_name: triton, static_configs: [{{ targets: [{ports}, '{gpu.address}'] }}] }}
  - {{ job_name: dcgm, static_configs: [{{ targets: ['{dcgm.address}'] }}] }}
"""
        (directory / "prometheus").mkdir()
        with Load(gateway, secure, authority), Prometheus(text, directory / "prometheus") as running:
            running.wait_scraped()
            running.began = time.monotonic()
            yield running


def wait_for(prometheus, condition, what: str):
    left = prometheus.began + PATIENCE - time.monotonic()
    return wait_until(condition, max(left, LAST_CHANCE), what)


# --- the dashboard as a document


def test_panels_have_numbers_of_their_own_and_do_not_overlap():
    rows = [panel for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    numbers = [panel["id"] for panel in [*rows, *panels()]]
    assert len(numbers) == len(set(numbers))
    for group in [DASHBOARD["panels"], *(row["panels"] for row in rows)]:
        taken = set()
        for panel in group:
            place = panel["gridPos"]
            assert place["w"] > 0 and place["h"] > 0 and 0 <= place["x"] <= 24 - place["w"], panel["title"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            assert not cells & taken, f"{panel['title']} lies over another"
            taken |= cells
    # What is folded has its panels inside, what is not beside it.
    assert all(bool(row["panels"]) == row["collapsed"] for row in rows)


def test_titles_are_told_apart():
    titles = [panel["title"] for panel in panels()]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_in_which_unit_and_of_whom(panel):
    assert len(panel["description"]) > 60, "what it means and what to do when it goes up"
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == DATASOURCE
    references = [target["refId"] for target in panel["targets"]]
    assert references and len(references) == len(set(references))
    for target in panel["targets"]:
        assert target["datasource"] == DATASOURCE
        # A panel of one number needs no name, and a table has columns.
        assert target["legendFormat"] or panel["type"] in ("stat", "table"), target["refId"]


def test_nothing_asks_another_prometheus_than_the_chosen_one():
    def sources(value) -> list:
        if isinstance(value, list):
            return [source for each in value for source in sources(each)]
        if isinstance(value, dict):
            own = [value["datasource"]] if "datasource" in value else []
            return own + sources(list(value.values()))
        return []

    # Grafana's own annotations are its own.
    others = [source for source in sources(DASHBOARD) if source != DATASOURCE]
    assert others == [{"type": "grafana", "uid": "-- Grafana --"}]


def test_variables_ask_the_chosen_prometheus():
    assert VARIABLES["datasource"]["type"] == "datasource"
    assert {"route", "backend", "endpoint"} <= set(VARIABLES)
    for name, variable in VARIABLES.items():
        if name != "datasource":
            assert variable["datasource"] == DATASOURCE, name
            assert variable["allValue"] == ".*" and variable["includeAll"] and variable["multi"], name
    # Every variable narrows something down.
    text = json.dumps([panel["targets"] for panel in panels()])
    assert [name for name in VARIABLES if f"${name}" not in text and f"${{{name}}}" not in text] == []


def test_provisioning_goes_with_the_compose_file():
    provisioning = REPOSITORY / "config" / "grafana" / "provisioning"
    sources = YAML(typ="safe").load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    services = YAML(typ="safe").load((REPOSITORY / "docker" / "compose.yaml").read_text())["services"]
    for source in sources:
        assert re.fullmatch(r"http://(\w+):\d+", source["url"])[1] in services
    provider, = YAML(typ="safe").load((provisioning / "dashboards" / "sluice.yml").read_text())["providers"]
    assert any(mount.split(":")[1] == provider["options"]["path"] for mount in services["grafana"]["volumes"])


# --- the dashboard asked


@pytest.mark.parametrize("panel, target", TARGETS)
def test_a_panel_has_data(prometheus, panel, target):
    question = asked(target["expr"])
    wait_for(prometheus, lambda: prometheus.numbers(question), f"{panel['title']} has data: {question}")


@pytest.mark.parametrize("name", [name for name in VARIABLES if name != "datasource"])
def test_a_variable_has_values(prometheus, name):
    metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", VARIABLES[name]["query"]["query"]).groups()
    assert wait_for(prometheus, lambda: prometheus.get(f"label/{label}/values", **{"match[]": asked(metric)}), name)


@pytest.mark.parametrize("panel, target", [each for each in TARGETS if "$route" in each.values[1]["expr"]])
def test_a_chosen_route_is_all_there_is(prometheus, panel, target):
    """Several chosen values come as Grafana writes them."""
    found = prometheus.query(asked(target["expr"], route="(locked|infer)", entry="(stable|canary)"))
    for labels in map(dict, found):
        assert labels.get("route", "infer") in ("locked", "infer")
        assert labels.get("backend", "canary") in ("stable", "canary", "shadow")


def test_shares_are_of_the_route(prometheus):
    """What is wanted is what the weights say, and what all entries of a route get is all there is."""
    actual, wanted = (asked(each["expr"]) for each in titled("Share of the traffic")["targets"])
    found = {(dict(labels)["route"], dict(labels)["backend"]): share
             for labels, share in prometheus.query(wanted).items()}
    assert found["infer", "stable"] == pytest.approx(0.8)
    assert found["infer", "canary"] == pytest.approx(0.2)
    sums = wait_for(prometheus, lambda: prometheus.numbers(f"sum by (route) ({actual})"), "shares")
    assert sums and all(share == pytest.approx(1) for share in sums.values())


def test_configurations_are_marked(prometheus):
    for annotation in DASHBOARD["annotations"]["list"]:
        if "expr" in annotation:
            prometheus.query(asked(annotation["expr"]))


# --- rules and alerts


def test_every_rule_has_data(prometheus):
    rules = [rule for group in YAML(typ="safe").load((FILES / "rules.yml").read_text())["groups"]
             for rule in group["rules"]]
    for rule in rules:
        wait_for(prometheus, lambda: prometheus.query(rule["record"]), rule["record"])


def test_every_alert_is_evaluated(prometheus):
    def evaluated() -> list:
        groups = prometheus.get("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]
                if rule["lastEvaluation"] > "0002" and rule["type"] == "alerting"]

    names = [rule["alert"] for group in YAML(typ="safe").load((FILES / "alerts.yml").read_text())["groups"]
             for rule in group["rules"]]
    found = wait_for(prometheus, lambda: len(evaluated()) == len(names) and evaluated(), "all alerts evaluated")
    assert {rule["name"] for rule in found} == set(names)
    assert [rule for rule in found if rule["health"] != "ok"] == []
    # Prometheus warns of series that match in no way, or in too many.
    assert [rule["lastError"] for rule in found if rule.get("lastError")] == []


def test_an_endpoint_that_is_down_is_named_with_its_reason(prometheus):
    alerts = YAML(typ="safe").load((FILES / "alerts.yml").read_text())["groups"][0]["rules"]
    expression = next(rule["expr"] for rule in alerts if rule.get("alert") == "SluiceEndpointDown")
    down = wait_for(prometheus, lambda: prometheus.query(expression), "an endpoint is down")
    assert {(dict(labels)["backend"], dict(labels)["reason"]) for labels in down} == {("half", "connect_failed")}


def test_mig_slices_are_told_apart(prometheus):
    """Partitioned GPUs have no utilisation of their own; their slices have."""
    found = prometheus.query(asked(titled("Utilisation, DCGM")["targets"][0]["expr"]))
    assert sorted((dict(labels)["gpu"], dict(labels).get("GPU_I_ID", "")) for labels in found) == [
        ("0", ""), ("1", "1"), ("1", "3"), ("1", "9")]
    assert all(0 <= value <= 1 for value in found.values())
