"""One real Triton with two versions of a model: entries of a route lead to one or the other, over HTTP and gRPC."""

import json
import queue
from collections import Counter

import numpy as np
import pytest
import requests
import tritonclient.grpc
import tritonclient.http
from support import versions
from support.gateway import Gateway
from support.grpc_mock import OPTIONS
from tritonclient.utils import InferenceServerException

MIB = 1 << 20
CONFIG = """
loops: 1
backends:
  triton: { endpoints: [<triton>] }
routes:
  - name: densenet
    match: [{ model: densenet }]
    backends:
      - { name: triton, as: first, weight: 90, version: "1", responseHeaders: { set: { x-side: "%{backend}" } } }
      - { name: triton, as: second, weight: 10, version: "2", responseHeaders: { set: { x-side: "%{backend}" } } }
  - name: next
    match: [{ model: densenet_next }]
    backends: [{ name: triton, as: next, model: densenet_of_next_year }]
  - name: back
    match: [{ model: d }]
    backends: [{ name: triton, as: back, model: densenet, version: "2" }]
  - name: missing
    match: [{ model: missing }]
    backends: [{ name: triton, as: missing, model: densenet, version: "7" }]
  - name: tokens
    match: [{ model: tokens }]
    backends:
      - { name: triton, as: one, weight: 50, version: "1" }
      - { name: triton, as: two, weight: 50, version: "2" }
  - { name: rest, backends: [{ name: triton }] }
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    text = CONFIG.replace("<triton>", versions.shared().yaml)
    with Gateway(text, tmp_path_factory.mktemp("gateway")) as running:
        yield running


class Http:
    """NVIDIA's client by HTTP."""

    name = "http"

    def __init__(self, gateway):
        self.module = tritonclient.http
        self.client = tritonclient.http.InferenceServerClient(f"{gateway.host}:{gateway.port}")

    def metadata(self, *of) -> dict:
        return self.client.get_model_metadata(*of)

    def config(self, *of) -> dict:
        return self.client.get_model_config(*of)

    def statistics(self, *of) -> list:
        return self.client.get_inference_statistics(*of)["model_stats"]


class Grpc:
    """NVIDIA's client by gRPC."""

    name = "grpc"

    def __init__(self, gateway):
        self.module = tritonclient.grpc
        self.client = tritonclient.grpc.InferenceServerClient(
            f"{gateway.host}:{gateway.port}", channel_args=OPTIONS)

    def metadata(self, *of) -> dict:
        return self.client.get_model_metadata(*of, as_json=True)

    def config(self, *of) -> dict:
        return self.client.get_model_config(*of, as_json=True)["config"]

    def statistics(self, *of) -> list:
        return self.client.get_inference_statistics(*of, as_json=True)["model_stats"]


@pytest.fixture(params=[Http, Grpc], ids=lambda kind: kind.name)
def through(request, gateway):
    made = request.param(gateway)
    yield made
    made.client.close()


def infer(through, model: str = "densenet", version: str = "", size: int = 4) -> tuple[str, str, str]:
    """One request: the model and version that say so in a tensor, and those that Triton says in the answer."""
    values = np.ones(size, dtype=np.float32)
    tensor = through.module.InferInput("INPUT", [size], "FP32")
    tensor.set_data_from_numpy(values)
    answer = through.client.infer(model, [tensor], model_version=version, request_id="r1")
    head = answer.get_response()
    said = (head["model_name"], head["model_version"]) if isinstance(head, dict) else (
        head.model_name, head.model_version)
    assert answer.as_numpy("SUM")[0] == size, "the tensor arrived whole"
    who = answer.as_numpy("WHO")[0]
    return (who.decode() if isinstance(who, bytes) else who), *said


def test_split_of_two_versions(through):
    counts = Counter(infer(through) for _ in range(100))
    assert set(counts) == {("densenet/1", "densenet", "1"), ("densenet/2", "densenet", "2")}
    assert abs(counts["densenet/1", "densenet", "1"] - 90) <= 1, counts


def test_the_entry_decides_whatever_version_is_asked_for(through):
    counts = Counter(infer(through, version="2")[0] for _ in range(100))
    assert abs(counts["densenet/1"] - 90) <= 1, counts


def test_another_model(through):
    assert infer(through, "densenet_next") == ("densenet_of_next_year/1", "densenet_of_next_year", "1")
    assert infer(through, "d") == ("densenet/2", "densenet", "2")
    # Which is served under its own name as before.
    assert infer(through, "densenet_of_next_year")[0] == "densenet_of_next_year/1"


@pytest.mark.parametrize("size", [1, 1000, MIB, 3 * MIB])
def test_tensors_of_any_size(through, size):
    """Up to 12 MiB in one message, whose length has to grow by what is put in."""
    assert infer(through, "d", size=size)[0] == "densenet/2"


def test_what_is_known_of_a_model(through):
    assert through.metadata("d")["name"] == "densenet"
    assert through.metadata("densenet_next")["name"] == "densenet_of_next_year"
    assert through.config("d")["name"] == "densenet"
    assert {each["version"] for each in through.statistics("d")} == {"2"}
    assert through.client.is_model_ready("d") and through.client.is_model_ready("densenet_next")
    assert not through.client.is_model_ready("missing")


def test_a_version_that_is_not_there(through):
    with pytest.raises(InferenceServerException, match="densenet.*7|version 7"):
        infer(through, "missing")


def test_statistics_of_all_models_name_none(through):
    names = {each["name"] for each in through.statistics()}
    assert {"densenet", "densenet_of_next_year", "tokens"} <= names


@pytest.mark.parametrize("path, arrives", [
    ("/v2/models/d", "densenet"),
    ("/v2/models/d/versions/1", "densenet"),
    ("/v2/models/d/config", "densenet"),
    ("/v2/models/d/versions/9/config", "densenet"),
])
def test_paths_with_and_without_a_version(gateway, path, arrives):
    answer = requests.get(gateway.url + path, timeout=10)
    assert answer.status_code == 200 and answer.json()["name"] == arrives


def test_escaped_names(gateway):
    """`%64` is d: a client's spelling does not lead around the rewriting."""
    assert requests.get(gateway.url + "/v2/models/%64", timeout=10).json()["name"] == "densenet"


def test_server_sent_events(gateway):
    """Each request is one version's from its first token to its last."""
    found = Counter()
    with requests.Session() as session:
        for _ in range(10):
            with session.post(gateway.url + "/v2/models/tokens/generate_stream", json={"COUNT": 5}, stream=True,
                              timeout=10) as answer:
                events = [json.loads(line[5:]) for line in answer.iter_lines() if line.startswith(b"data:")]
            who = {each["WHO"].split()[0] for each in events}
            assert len(events) == 5 and len(who) == 1 and {each["model_version"] for each in events} == {
                who.copy().pop()[-1]}
            found[who.pop()] += 1
    assert found == {"tokens/1": 5, "tokens/2": 5}


def test_streams_of_grpc(gateway):
    """Every message of a stream is for one version, whatever the client writes into it."""
    found = Counter()
    for _ in range(10):
        client = tritonclient.grpc.InferenceServerClient(f"{gateway.host}:{gateway.port}", channel_args=OPTIONS)
        answers: queue.Queue = queue.Queue()
        client.start_stream(lambda result, error: answers.put(error or result))
        count = tritonclient.grpc.InferInput("COUNT", [1], "INT32")
        count.set_data_from_numpy(np.array([3], dtype=np.int32))
        for _ in range(4):
            client.async_stream_infer("tokens", [count])
        who = set()
        for _ in range(12):
            answer = answers.get(timeout=10)
            assert not isinstance(answer, Exception), answer
            who.add((answer.as_numpy("WHO")[0].split()[0].decode(), answer.get_response().model_version))
        client.stop_stream()
        client.close()
        assert len(who) == 1
        found[who.pop()] += 1
    assert found == {("tokens/1", "1"): 5, ("tokens/2", "2"): 5}


def test_sides_in_metrics_and_headers(gateway):
    def counted() -> dict:
        metrics = gateway.metrics()
        return {side: metrics.sum("sluice_requests_total", route="densenet", backend=side) for side in ("first", "second")}

    before, sides = counted(), Counter()
    body = {"inputs": [{"name": "INPUT", "datatype": "FP32", "shape": [1], "data": [1]}]}
    with requests.Session() as session:
        for _ in range(20):
            answer = session.post(gateway.url + "/v2/models/densenet/infer", json=body, timeout=10)
            sides[answer.headers["x-side"]] += 1
            assert answer.json()["model_version"] == {"first": "1", "second": "2"}[answer.headers["x-side"]]
    assert sides == {"first": 18, "second": 2}
    for side, count in sides.items():
        gateway.wait_metric("sluice_requests_total", before[side] + count, route="densenet", backend=side)
