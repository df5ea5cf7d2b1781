"""custom.metrics.k8s.io and /api/v1/scale: who is let in, what discovery says, and that real kubectl reads it."""

import base64
import json
import shutil
import subprocess
import threading

import pytest
import requests

from support import triton as real
from support.certificates import Authority
from support.dcgm import DCGMExporter
from support.gateway import Gateway, free_port, wait_until
from support.kubernetes_api import PODS, SLICES, KubernetesAPI, endpoint, endpoint_slice, pod
from test_auth import basic, htpasswd

TOKEN = "5f1c9a4e0d7b2c63-of-the-tests"
GROUP = "/apis/custom.metrics.k8s.io"
METRICS = {"avg_time_queue_us", "pending_requests", "requests_per_second", "queue_to_compute_ratio", "gpu_utilization"}
KUBECTL = shutil.which("kubectl")
CONFIG = """
loops: 1
customMetrics:
  address: 127.0.0.1:{port}
  tls: {{ certificates: [{certificate}] }}
  namespace: models
  requestHeaderCA: {front}
  requestHeaderNames: [front-proxy-client, other]
  tokenFile: token
  dcgmExporters: ["{dcgm}"]
admin: {{ address: "127.0.0.1:${{admin_port}}", basicAuth: {{ usersFile: users.htpasswd }} }}
backends:
  pods:
    endpoints: [{{ kubernetes: {{ namespace: ml, service: triton, port: http }} }}]
  named: {{ endpoints: [{{ address: "{shadow}", pod: shadow-0 }}] }}
  silent: {{ endpoints: [{{ address: "{nowhere}", pod: silent-0 }}], health: {{ interval: 1s }} }}
  empty: {{ endpoints: [{{ kubernetes: {{ namespace: ml, service: nothing, port: http }} }}] }}
routes:
  - {{ name: named, match: [{{ path: {{ prefix: /named }} }}], rewrite: {{ prefix: / }}, backends: [{{ name: named }}] }}
  - {{ name: silent, match: [{{ path: {{ prefix: /silent }} }}], backends: [{{ name: silent }}] }}
  - {{ name: empty, match: [{{ path: {{ prefix: /empty }} }}], backends: [{{ name: empty }}] }}
  - {{ name: pods, backends: [{{ name: pods }}] }}
"""


class Site:
    """A gateway in a cluster, in front of real Tritons: two are pods of a Service, one is a pod by its file."""

    def __init__(self, directory):
        self.directory = directory
        tritons = real.shared()
        self.stable, self.canary, self.shadow = tritons.stable, tritons.canary, tritons.shadow
        self.api = KubernetesAPI(directory / "account")
        for name, each in (("triton-0", self.stable), ("triton-1", self.canary)):
            self.api.put(SLICES, endpoint_slice(name, [endpoint("127.0.0.1", name)], each.ports.http))
            self.api.put(PODS, pod(name, app="triton", release=name[-1]))
        self.api.put(PODS, pod("shadow-0", namespace="models", app="shadow"))
        self.dcgm = DCGMExporter({("ml", "triton-0"): [80, 60]})
        self.authority = Authority(directory, "serving-ca")
        serving = self.authority.issue("serving", "127.0.0.1", "localhost")
        self.front = Authority(directory, "front-proxy-ca")
        self.aggregator = self.front.issue("front-proxy-client")
        self.other = self.front.issue("somebody-else")
        self.stranger = self.authority.issue("stranger")
        (directory / "gateway").mkdir()
        (directory / "gateway" / "token").write_text(TOKEN + "\n")
        (directory / "gateway" / "users.htpasswd").write_text(htpasswd("-s", "ann", "secret") + "\n")
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.gateway = Gateway(
            CONFIG.format(port=self.port, certificate=serving.yaml, front=self.front.certificate,
                          dcgm=self.dcgm.address, shadow=self.shadow.address, nowhere=f"127.0.0.1:{free_port()}"),
            directory / "gateway", environment=self.api.environment)

    def ask(self, path: str, token: str | None = TOKEN, certificate=None, method: str = "GET", **headers):
        if token:
            headers["Authorization"] = f"Bearer {token}"
        pair = (str(certificate.certificate), str(certificate.key)) if certificate else None
        return requests.request(method, self.url + path, headers={k.replace("_", "-"): v for k, v in headers.items()},
                                verify=str(self.authority.certificate), cert=pair, timeout=20)

    def kubectl(self, *arguments: str, token: str = TOKEN) -> subprocess.CompletedProcess:
        return subprocess.run(
            [KUBECTL, "--server", self.url, "--token", token, "--certificate-authority",
             str(self.authority.certificate), "--cache-dir", str(self.directory / "cache"), *arguments],
            capture_output=True, text=True, timeout=60, env={"HOME": str(self.directory), "PATH": "/usr/bin:/bin"})

    def values(self, metric: str, path: str = "/namespaces/ml/pods/*/", **query) -> dict:
        found = self.ask(f"{GROUP}/v1beta2{path}{metric}" + "".join(
            f"{'&' if index else '?'}{key}={value}" for index, (key, value) in enumerate(query.items())))
        assert found.status_code == 200, found.text
        return {item["describedObject"]["name"]: number(item["value"]) for item in found.json()["items"]}

    def scale(self, query: str) -> dict:
        found = self.ask(f"/api/v1/scale?{query}")
        assert found.status_code == 200, found.text
        return found.json()


def number(quantity: str) -> float:
    scale = {"m": 1e-3, "u": 1e-6, "n": 1e-9}.get(quantity[-1], 1)
    return float(quantity if scale == 1 else quantity[:-1]) * scale


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"))
    with site.gateway as gateway:
        wait_until(lambda: set(site.values("pending_requests")) == {"triton-0", "triton-1"}, 30, "both pods are read")
        # A request that every Triton has had.
        for _ in range(36):
            requests.get(f"{gateway.url}/v2/health/ready", timeout=10)
        yield site
    site.api.stop()
    site.dcgm.stop()


def is_status(answer, code: int, reason: str) -> bool:
    found = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert (found["kind"], found["apiVersion"], found["status"]) == ("Status", "v1", "Failure"), found
    assert found["message"]
    return (answer.status_code, found["code"], found["reason"]) == (code, code, reason)


# --- who is let in


def test_probes_are_open(site):
    for path in ("/healthz", "/livez", "/readyz"):
        found = site.ask(path, token=None)
        assert (found.status_code, found.text) == (200, "ok\n")


def test_the_aggregator_is_let_in_by_its_certificate(site):
    user = {"X_Remote_User": "system:serviceaccount:kube-system:horizontal-pod-autoscaler", "X_Remote_Group": "system:all"}
    path = f"{GROUP}/v1beta1"
    assert site.ask(path, None, site.aggregator, **user).status_code == 200
    # Its word for a user, and its certificate: neither counts without the other, or under another name.
    assert is_status(site.ask(path, None, None, **user), 401, "Unauthorized")
    assert is_status(site.ask(path, None, site.aggregator), 401, "Unauthorized")
    assert is_status(site.ask(path, None, site.aggregator, X_Remote_User=""), 401, "Unauthorized")
    assert is_status(site.ask(path, None, site.other, **user), 401, "Unauthorized")
    with pytest.raises(requests.exceptions.ConnectionError):
        site.ask(path, None, site.stranger, **user)


def test_tokens(site):
    path = f"{GROUP}/v1beta1"
    assert site.ask(path).status_code == 200
    assert site.ask(path, None, Authorization=f"bearer {TOKEN}").status_code == 200
    for wrong in (TOKEN[:-1], TOKEN + "x", " ", "x" * 4000, TOKEN.upper()):
        assert is_status(site.ask(path, wrong), 401, "Unauthorized")
    for wrong in ("Bearer", f"Basic {TOKEN}", f"Bearer{TOKEN}", TOKEN, f"Bearer {TOKEN}, Bearer {TOKEN}"):
        assert is_status(site.ask(path, None, Authorization=wrong), 401, "Unauthorized")
    # Whoever is not let in learns nothing of what there is.
    for path in ("/", "/apis", "/version", "/openapi/v2", "/nothing", "/metrics", "/api/v1/status", "/api/v1/scale"):
        assert is_status(site.ask(path, None), 401, "Unauthorized"), path


def test_nothing_else_is_served(site):
    for path in ("/", "/metrics", "/api/v1/status", "/api", "/apis/apps/v1", f"{GROUP}/v1", f"{GROUP}/v1beta1/x",
                 "/apis/custom.metrics.k8s.io/v1beta1/namespaces/%ff/pods/*/m", "/%00"):
        assert is_status(site.ask(path), 404, "NotFound"), path
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        found = site.ask(f"{GROUP}/v1beta1", method=method)
        assert is_status(found, 405, "MethodNotAllowed") and found.headers["allow"] == "GET, HEAD", method
    assert is_status(site.ask(f"{GROUP}/v1beta1", Accept="application/yaml"), 406, "NotAcceptable")
    protobuf = "application/vnd.kubernetes.protobuf,application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    assert site.ask(f"{GROUP}/v1beta1", Accept=protobuf).headers["content-type"] == "application/json"
    assert is_status(site.ask(f"{GROUP}/v1beta1", X_Long="x" * 20_000), 431, "BadRequest")


# --- what kubectl makes of it


@pytest.mark.skipif(not KUBECTL, reason="there is no kubectl")
def test_kubectl(site):
    versions = site.kubectl("api-versions")
    assert versions.returncode == 0, versions.stderr
    assert versions.stdout.split() == ["custom.metrics.k8s.io/v1beta1", "custom.metrics.k8s.io/v1beta2"]
    resources = site.kubectl("api-resources", "--api-group=custom.metrics.k8s.io", "-o", "name", "--verbs=get")
    assert resources.returncode == 0, resources.stderr
    # A name with a slash is a subresource to it: it shows what it can list, and reads the rest without a complaint.
    raw = site.kubectl("get", "--raw", f"{GROUP}/v1beta1")
    assert {each["name"].split("/")[1] for each in json.loads(raw.stdout)["resources"]} == METRICS
    raw = site.kubectl("get", "--raw", f"{GROUP}/v1beta1/namespaces/ml/pods/*/avg_time_queue_us?labelSelector=app%3Dtriton")
    assert raw.returncode == 0, raw.stderr
    found = json.loads(raw.stdout)
    assert found["kind"] == "MetricValueList" and found["apiVersion"] == "custom.metrics.k8s.io/v1beta1"
    assert [item["describedObject"]["name"] for item in found["items"]] == ["triton-0", "triton-1"]
    wrong = site.kubectl("get", "--raw", f"{GROUP}/v1beta1/namespaces/ml/pods/*/nothing")
    assert wrong.returncode == 1
    assert "the server could not find the metric nothing for pods" in wrong.stderr
    refused = site.kubectl("get", "--raw", f"{GROUP}/v1beta1", token="wrong")
    assert refused.returncode == 1 and "must be logged in" in refused.stderr


# --- numbers


def test_shapes_of_both_versions(site):
    path = "/namespaces/ml/pods/*/avg_time_queue_us"
    # Of a first reading there is no time that it is about.
    wait_until(lambda: "window" in site.ask(f"{GROUP}/v1beta1{path}").json()["items"][0], 20, "two readings")
    first = site.ask(f"{GROUP}/v1beta1{path}").json()["items"][0]
    second = site.ask(f"{GROUP}/v1beta2{path}").json()["items"][0]
    assert set(first) == {"describedObject", "metricName", "timestamp", "window", "value", "selector"}
    assert set(second) == {"describedObject", "metric", "timestamp", "windowSeconds", "value"}
    assert first["describedObject"] == {"kind": "Pod", "namespace": "ml", "name": "triton-0", "apiVersion": "/v1"}
    assert first["metricName"] == "avg_time_queue_us" and second["metric"] == {"name": "avg_time_queue_us",
                                                                               "selector": None}
    assert 0 < second["windowSeconds"] <= 31


def infer(url: str, model: str = "echo", count: int = 1) -> None:
    body = {"inputs": [{"name": "INPUT", "shape": [4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
    for _ in range(count):
        found = requests.post(f"{url}/v2/models/{model}/infer", json=body, timeout=20)
        assert found.status_code == 200, found.text


def test_rates_are_those_of_triton(site):
    infer(site.gateway.url, count=12)
    wait_until(lambda: sum(site.values("requests_per_second").values()) > 0, 20, "the requests are counted")
    assert sum(site.values("requests_per_second", metricLabelSelector="model%3Decho").values()) > 0
    assert set(site.values("requests_per_second", metricLabelSelector="model%3Dnothing").values()) == {0}
    service = site.values("requests_per_second", "/namespaces/ml/services/triton/")
    assert service["triton"] > 0
    assert site.values("queue_to_compute_ratio").keys() == {"triton-0", "triton-1"}
    infer(site.gateway.url + "/named", count=3)
    named = wait_until(lambda: site.values("requests_per_second", "/namespaces/models/services/named/")["named"], 20, "")
    assert named > 0


def test_selectors(site):
    assert set(site.values("pending_requests", labelSelector="app%3Dtriton,release%3D1")) == {"triton-1"}
    assert set(site.values("pending_requests", labelSelector="release%20notin%20(1)")) == {"triton-0"}
    assert site.values("pending_requests", labelSelector="app%3Dshadow") == {}
    # What is written in the file has the labels that its pod has; and who does not answer is left out.
    assert set(site.values("pending_requests", "/namespaces/models/pods/*/", labelSelector="app%3Dshadow")) == {"shadow-0"}
    assert site.values("pending_requests", "/namespaces/default/pods/*/") == {}
    site.api.put(PODS, pod("triton-1", app="triton", release="2"))
    wait_until(lambda: set(site.values("pending_requests", labelSelector="release%3D2")) == {"triton-1"}, 20, "labels change")
    site.api.put(PODS, pod("triton-1", app="triton", release="1"))
    for wrong in ("labelSelector=a+b", "labelSelector=%3D%3D", "metricLabelSelector=zone%3Da", "labelSelector=a&labelSelector=b",
                  "labelSelector"):
        found = site.ask(f"{GROUP}/v1beta1/namespaces/ml/pods/*/pending_requests?{wrong}")
        assert is_status(found, 400, "BadRequest"), wrong


def test_only_metadata_of_pods_is_asked_for(site):
    with site.api.lock:
        accepted = {call.headers["Accept"].split(",")[0] for call in site.api.calls if call.kind == PODS}
    assert accepted == {"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
                        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}


def test_processors(site):
    wait_until(lambda: site.dcgm.asked >= 1, 20, "the exporter is asked")
    found = wait_until(lambda: site.values("gpu_utilization"), 20, "the exporter's numbers are served")
    assert found["triton-0"] == pytest.approx(0.7)
    # Triton has none here.
    assert "triton-1" not in found


def test_objects_are_one_or_none(site):
    for path in ("ml/services/other", "ml/pods/silent-0", "models/pods/silent-0", "ml/pods/triton-9",
                 "ml/deployments.apps/triton", "default/services/named"):
        found = site.ask(f"{GROUP}/v1beta1/namespaces/{path}/pending_requests")
        assert is_status(found, 404, "NotFound"), found.text
    # A Service that nothing runs of has nothing that waits.
    assert site.values("pending_requests", "/namespaces/ml/services/nothing/") == {"nothing": 0}
    # A backend is one in the namespace of the configuration.
    assert set(site.values("pending_requests", "/namespaces/models/services/pods/")) == {"pods"}


# --- /api/v1/scale


def test_scale(site):
    infer(site.gateway.url, count=4)
    found = wait_until(lambda: (each := site.scale("backend=pods"))["requestsPerSecond"] and each, 20, "numbers")
    assert found["endpoints"] == found["readyEndpoints"] == found["freshEndpoints"] == 2
    assert found["queued"] == found["held"] == 0 and found["pendingRequests"] >= 0
    assert isinstance(found["queueMicroseconds"], (int, float)) and "model" not in found
    one = site.scale("backend=pods&model=echo&version=1")
    assert one["modelKnown"] and one["requestsPerSecond"] > 0 and one["model"] == "echo" and one["version"] == "1"
    # A model that is not there yet is one that nobody waits for.
    absent = site.scale("backend=pods&model=absent")
    assert (absent["modelKnown"], absent["pendingRequests"], absent["queueMicroseconds"]) == (False, 0, 0)
    empty = site.scale("backend=empty")
    assert (empty["endpoints"], empty["pendingRequests"], empty["requestsPerSecond"]) == (0, 0, 0)
    # One that is silent is neither ready nor nothing: what waits there nobody can say.
    silent = wait_until(
        lambda: not (each := site.scale("backend=silent"))["readyEndpoints"] and each, 20, "it counts as down")
    assert (silent["endpoints"], silent["freshEndpoints"]) == (1, 0) and silent.get("pendingRequests") is None
    for query, code in (("backend=nothing", 404), ("", 400), ("backend=", 404), ("backend=pods&x=1", 400),
                        ("backend=pods&version=1", 400), ("backend=pods&backend=pods", 400)):
        assert site.ask(f"/api/v1/scale?{query}").status_code == code, query


def test_scale_on_the_operators_side(site):
    path = "/api/v1/scale?backend=pods"
    assert site.gateway.admin(path)[0] == 401
    line = basic("ann", "secret")
    code, _, text = site.gateway.admin(path, headers=dict([line.split(": ", 1)]))
    assert code == 200 and json.loads(text)["endpoints"] == 2
    assert f"Basic {base64.b64encode(b'ann:secret').decode()}" in line


# --- reloads


def test_what_is_taken_away_counts_no_more(site):
    """On connections that are open as well."""
    gateway, text = site.gateway, site.gateway.config_path.read_text()
    user = {"X-Remote-User": "hpa"}
    with requests.Session() as session:
        # The environment may name other authorities.
        session.trust_env = False
        session.verify = str(site.authority.certificate)
        session.cert = str(site.aggregator.certificate), str(site.aggregator.key)
        assert session.get(f"{site.url}{GROUP}/v1beta1", headers=user).status_code == 200
        try:
            stranger = Authority(site.directory, "another-front-proxy")
            gateway.replace_config(text.replace(str(site.front.certificate), str(stranger.certificate)))
            token = {"Authorization": f"Bearer {TOKEN}"}
            path = f"{site.url}{GROUP}/v1beta1"
            wait_until(lambda: session.get(path, headers=user).status_code == 401, 20, "the authority is gone")
            assert session.get(path, headers=token).status_code == 200
            (gateway.workdir / "token").write_text("another-token-of-the-tests")
            wait_until(lambda: session.get(path, headers=token).status_code == 401, 20, "the token is another")
        finally:
            (gateway.workdir / "token").write_text(TOKEN)
            gateway.replace_config(text)
            wait_until(lambda: site.ask(f"{GROUP}/v1beta1").status_code == 200, 20, "all is as before")


def test_no_secret_is_told(site):
    text = site.gateway.stderr_text() + site.gateway.stdout_text()
    assert TOKEN not in text and "another-token" not in text


def test_many_ask_at_once(site):
    wrong = []

    def ask():
        for _ in range(10):
            found = site.ask(f"{GROUP}/v1beta2/namespaces/ml/pods/*/pending_requests")
            if found.status_code != 200 or len(found.json()["items"]) != 2:
                wrong.append(found.text)

    askers = [threading.Thread(target=ask) for _ in range(8)]
    for each in askers:
        each.start()
    for each in askers:
        each.join()
    assert not wrong
