"""`fanOut` with real Tritons that load models when they are told: from NVIDIA's clients, by HTTP and gRPC."""

import json

import pytest
import requests
import tritonclient.grpc
import tritonclient.http
from support.gateway import Gateway, wait_until
from support.grpc_mock import OPTIONS
from support.repository import Repository
from tritonclient.utils import InferenceServerException

CONFIG_PBTXT = '''
backend: "python"
max_batch_size: 0
input [ { name: "X" data_type: TYPE_INT32 dims: [ 1 ] } ]
output [ { name: "Y" data_type: TYPE_INT32 dims: [ 1 ] } ]
instance_group [ { kind: KIND_CPU count: 1 } ]
'''
GOOD = '''
class TritonPythonModel:
    def execute(self, requests):
        return []
'''
BROKEN = '''
class TritonPythonModel:
    def initialize(self, args):
        raise RuntimeError("the weights are gone")
'''
CONFIG = """
loops: 1
backends:
  both: { endpoints: [<first>, <second>] }
  halves: { endpoints: [<first>] }
  others: { endpoints: [<second>] }
  gone: { endpoints: [<first>, <second>, "127.0.0.1:9"] }
routes:
  - { name: down, match: [{ headers: { x-route: down } }], fanOut: true, backends: [{ name: gone }] }
  - name: entries
    match: [{ headers: { x-route: entries } }]
    fanOut: true
    backends: [{ name: halves, weight: 1 }, { name: others, weight: 3 }]
  - { name: control, fanOut: true, timeout: 2m, backends: [{ name: both }] }
"""


@pytest.fixture(scope="module")
def tritons():
    explicit = ["--model-control-mode=explicit"]
    first = Repository({"m": (CONFIG_PBTXT, GOOD), "odd": (CONFIG_PBTXT, GOOD), "here": (CONFIG_PBTXT, GOOD)}, explicit, "first")
    second = Repository({"m": (CONFIG_PBTXT, GOOD), "odd": (CONFIG_PBTXT, BROKEN)}, explicit, "second")
    try:
        first.wait_ready()
        second.wait_ready()
        yield first, second
    finally:
        first.stop()
        second.stop()


@pytest.fixture(scope="module")
def gateway(tritons, tmp_path_factory):
    text = CONFIG.replace("<first>", tritons[0].yaml).replace("<second>", tritons[1].yaml)
    with Gateway(text, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(params=["http", "grpc"])
def client(request, gateway):
    address = f"{gateway.host}:{gateway.port}"
    if request.param == "grpc":
        return tritonclient.grpc.InferenceServerClient(address, channel_args=OPTIONS)
    return tritonclient.http.InferenceServerClient(address, network_timeout=60)


def ready(tritons, model: str) -> list:
    """Of each Triton, asked itself."""
    return [requests.get(f"http://127.0.0.1:{each.ports.http}/v2/models/{model}/ready", timeout=10).ok for each in tritons]


def index(client, **options) -> list:
    found = client.get_model_repository_index(**options)
    if not isinstance(found, list):
        found = [{"name": one.name, "version": one.version, "state": one.state} for one in found.models]
    return [(one["name"], one.get("state") or "") for one in found]


def test_models_are_loaded_and_unloaded_everywhere(tritons, client):
    client.load_model("m")
    assert ready(tritons, "m") == [True, True]
    listed = index(client)
    assert listed.count(("m", "READY")) == 1
    # Of the one and of the other.
    assert {name for name, _ in listed} == {"m", "odd", "here"}
    client.unload_model("m")
    wait_until(lambda: ready(tritons, "m") == [False, False], 20, "the model is gone")


def test_the_gateway_knows_at_once(tritons, gateway):
    """Which models there are, for those who look and for those who choose an endpoint."""
    def states() -> set:
        listed = json.loads(gateway.admin("/api/v1/models?refresh=1")[2])["models"]
        return {each["state"] for one in listed if (one["name"], one["backend"]) == ("m", "both") for each in one["endpoints"]}

    requests.post(f"{gateway.url}/v2/repository/models/m/load", timeout=60).raise_for_status()
    wait_until(lambda: states() == {"READY"}, 20, "the model is ready")
    requests.post(f"{gateway.url}/v2/repository/models/m/unload", timeout=60).raise_for_status()
    wait_until(lambda: states() == {"UNAVAILABLE"}, 20, "the model is gone")


def test_what_the_client_says_arrives(tritons, client):
    config = json.dumps({"backend": "python", "max_batch_size": 5, "input": [{"name": "X", "data_type": "TYPE_INT32", "dims": [1]}],
                         "output": [{"name": "Y", "data_type": "TYPE_INT32", "dims": [1]}]})
    client.load_model("m", config=config)
    for each in tritons:
        said = requests.get(f"http://127.0.0.1:{each.ports.http}/v2/models/m/config", timeout=10).json()
        assert said["max_batch_size"] == 5
    client.unload_model("m")


def test_a_model_that_fails_at_one(tritons, client):
    with pytest.raises(InferenceServerException) as failure:
        client.load_model("odd")
    said = str(failure.value)
    assert "1 of 2 endpoints" in said and f"127.0.0.1:{tritons[1].ports.http}" in said
    assert "the weights are gone" in said or "failed to load" in said
    assert f"127.0.0.1:{tritons[0].ports.http}:" not in said
    # It is what the operator wanted, as far as that was possible.
    assert ready(tritons, "odd") == [True, False]


def test_a_model_that_only_one_has(tritons, client):
    with pytest.raises(InferenceServerException, match="1 of 2 endpoints"):
        client.load_model("here")
    assert ready(tritons, "here") == [True, False]


def test_an_endpoint_that_is_down(tritons, client, gateway):
    with pytest.raises(InferenceServerException) as failure:
        client.load_model("m", headers={"x-route": "down"})
    assert "1 of 3 endpoints: 127.0.0.1:9" in str(failure.value)
    assert ready(tritons, "m") == [True, True]
    client.unload_model("m")
    reply = requests.post(f"{gateway.url}/v2/repository/index", headers={"x-route": "down"}, timeout=60)
    assert reply.status_code == 502 and reply.headers["x-sluice-cause"] == "connect_failed"
    said = {one["endpoint"]: one for one in reply.json()["endpoints"]}
    assert len(said) == 3 and "does not accept" in said["127.0.0.1:9"]["error"]
    assert isinstance(said[f"127.0.0.1:{tritons[0].ports.http}"]["answer"], list)


def test_all_entries_of_the_route(tritons, client):
    client.load_model("m", headers={"x-route": "entries"})
    assert ready(tritons, "m") == [True, True]
    client.unload_model("m", headers={"x-route": "entries"})


def test_settings_of_the_log(tritons, client, gateway):
    client.update_log_settings({"log_verbose_level": 1})
    for each in tritons:
        assert requests.get(f"http://127.0.0.1:{each.ports.http}/v2/logging", timeout=10).json()["log_verbose_level"] == 1
    requests.post(f"http://127.0.0.1:{tritons[0].ports.http}/v2/logging", json={"log_verbose_level": 0}, timeout=10)
    said = requests.get(f"{gateway.url}/v2/logging", timeout=60).json()["endpoints"]
    assert [one["answer"]["log_verbose_level"] for one in said] == [0, 1]
    client.update_log_settings({"log_verbose_level": 0})
