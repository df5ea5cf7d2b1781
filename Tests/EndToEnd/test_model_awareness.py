"""Requests go to endpoints that have their model ready; where none has, they wait for it or hear that it is unknown."""

import re
import threading
from contextlib import contextmanager
from urllib.parse import quote

import numpy as np
import pytest
import requests
import tritonclient.grpc
from support import fleet_of_models
from support.fleet_of_models import INFERENCE
from support.gateway import Gateway, wait_until
from support.grpc_mock import OPTIONS
from tritonclient.utils import InferenceServerException

CONFIG = """
backends:
  pair: { endpoints: [<left>, <right>], limits: { queueTimeout: 20s } }
  impatient: { endpoints: [<left>, <right>], limits: { queueTimeout: 300ms } }
  left: { endpoints: [<left>] }
  right: { endpoints: [<right>] }
  hashed: { endpoints: [<left>, <right>], balance: { hash: { header: x-user } } }
  queues: { endpoints: [<left>, <right>], balance: leastQueue }
routes:
  - { name: impatient, hosts: [impatient], backends: [{ name: impatient }] }
  - { name: split, hosts: [split], backends: [{ name: left, weight: 50 }, { name: right, weight: 50 }] }
  - name: strict
    hosts: [strict]
    whenDown: fail
    backends: [{ name: left, weight: 50 }, { name: right, weight: 50 }]
  - { name: hashed, hosts: [hashed], backends: [{ name: hashed }] }
  - { name: queues, hosts: [queues], backends: [{ name: queues }] }
  - { name: renamed, hosts: [renamed], backends: [{ name: pair, model: right }] }
  - { name: all, backends: [{ name: pair }] }
"""


@pytest.fixture(scope="module")
def fleet():
    return fleet_of_models.shared()


@pytest.fixture(scope="module")
def gateway(fleet, tmp_path_factory):
    text = CONFIG
    for server in fleet:
        text = text.replace(f"<{server.name}>", server.yaml)
    with Gateway(text, tmp_path_factory.mktemp("gateway")) as running:
        # Each backend asks its endpoints itself. Until one has said what it has, it may have everything.
        for host in ("test", "impatient", "split", "hashed", "queues"):
            for model in ("left", "right"):
                wait_until(lambda: {infer(running, model, host=host).status_code for _ in range(20)} == {200}, 30)
        yield running


@pytest.fixture
def call(gateway):
    """Has a model run by gRPC, and says where and which version it was."""
    client = tritonclient.grpc.InferenceServerClient(f"{gateway.host}:{gateway.port}", channel_args=OPTIONS)
    tensor = tritonclient.grpc.InferInput("INPUT", [1], "FP32")
    tensor.set_data_from_numpy(np.ones(1, dtype=np.float32))
    yield lambda model, version="": client.infer(
        model, [tensor], model_version=version, client_timeout=60).as_numpy("WHO")[0].decode()
    client.close()


def infer(gateway, model: str, version: str = "", host: str = "test", **fields) -> requests.Response:
    path = f"/v2/models/{quote(model, safe='')}" + (f"/versions/{version}" if version else "") + "/infer"
    headers = {"host": host} | {name.replace("_", "-"): value for name, value in fields.items()}
    return requests.post(gateway.url + path, json=INFERENCE, headers=headers, timeout=60)


def who(answer: requests.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.json()["outputs"][0]["data"][0]


def where(gateway, count: int, model: str, version: str = "", **options) -> set:
    return {who(infer(gateway, model, version, **options)).split("/")[0] for _ in range(count)}


def test_goes_where_the_model_is(gateway, call):
    assert where(gateway, 20, "left") == {"left"} and where(gateway, 20, "right") == {"right"}
    wait_until(lambda: where(gateway, 20, "both") == {"left", "right"}, 30)
    assert {call("left") for _ in range(10)} == {"left/left/1"}
    assert {call("right", "1") for _ in range(10)} == {"right/right/1"}


def test_versions(gateway, call):
    assert where(gateway, 10, "versions", "2") == {"right"}
    assert {call("versions", "2") for _ in range(10)} == {"right/versions/2"}
    wait_until(lambda: where(gateway, 20, "versions", "1") == {"left", "right"}, 30)
    # A version that names no row of a list is the endpoint's to read.
    assert who(infer(gateway, "versions", "1")).endswith("/1")


def test_with_other_policies(gateway):
    for user in range(8):
        assert where(gateway, 3, "left", host="hashed", x_user=f"u{user}") == {"left"}
    # So many that all of them at one endpoint would be no chance, wherever the ports have put these.
    owners = {str(where(gateway, 2, "both", host="hashed", x_user=f"u{user}")) for user in range(40)}
    assert owners == {"{'left'}", "{'right'}"}
    for _ in range(3):
        assert where(gateway, 10, "left", host="queues") == {"left"}
        assert where(gateway, 10, "right", host="queues") == {"right"}
    assert where(gateway, 10, "left", host="renamed") == {"right"}


def test_a_split_spills_to_the_entry_that_has_it(gateway):
    assert where(gateway, 20, "left", host="split") == {"left"}
    assert where(gateway, 20, "right", host="split") == {"right"}
    assert where(gateway, 20, "both", host="split") == {"left", "right"}
    # An entry that keeps its share keeps it.
    answers = [infer(gateway, "left", host="strict") for _ in range(4)]
    assert sorted(answer.status_code for answer in answers) == [200, 200, 404, 404]


@pytest.mark.parametrize("name", ["nonesuch", 'a"b', "ünïcode name", "x" * 300, "'", "odd%2Bname"])
def test_unknown_models(gateway, fleet, name):
    """Triton reads no escapes in names: they are part of what is not found."""
    direct = requests.post(f"{fleet[0].url}/v2/models/{quote(name, safe='')}/infer", json=INFERENCE, timeout=60)
    assert direct.status_code == 404
    for host in ("test", "queues", "split"):
        answer = infer(gateway, name, host=host)
        assert answer.status_code == 404 and answer.headers["x-sluice-cause"] == "model_not_found"
        assert answer.json() == direct.json() and "is not found" in answer.json()["error"]
        assert answer.headers["content-type"] == "application/json"


def test_unknown_versions_and_questions(gateway, fleet, call):
    answer = infer(gateway, "both", "9")
    assert (answer.status_code, answer.headers["x-sluice-cause"]) == (404, "model_not_found")
    assert answer.json() == {"error": "Request for unknown model: 'both' version 9 is not found"}
    # Questions are answered by any of the servers, which know as well that they do not have it.
    for rest in ("", "/config", "/ready", "/stats", "/versions/1/ready"):
        answer = requests.get(f"{gateway.url}/v2/models/nonesuch{rest}", timeout=60)
        direct = requests.get(f"{fleet[0].url}/v2/models/nonesuch{rest}", timeout=60)
        assert (answer.status_code, answer.content) == (direct.status_code, direct.content), rest
        assert "x-sluice-cause" not in answer.headers
    for _ in range(10):
        assert requests.get(f"{gateway.url}/v2/models/right/ready", timeout=60).status_code == 200
    assert requests.get(f"{gateway.url}/v2/models/stats", timeout=60).status_code == 200
    for name, version, text in (
        ("nonesuch", "", "'nonesuch' is not found"), ("both", "9", "'both' version 9 is not found"),
        ("nöne", "3", "'nöne' is not found"), ('a"b\\c', "", "'a\"b\\c' is not found"),
    ):
        with pytest.raises(InferenceServerException, match=re.escape(f"Request for unknown model: {text}")) as raised:
            call(name, version)
        assert raised.value.status() == "StatusCode.NOT_FOUND"


def test_an_odd_name(gateway, call, fleet):
    name = "odd%2Bname"
    assert {call(name) for _ in range(5)} == {f"right/{name}/1"}
    assert fleet[1].post(f"/v2/models/{name}/infer", INFERENCE) == 200
    path = f"{gateway.url}/v2/models/{name}/infer"
    assert {who(requests.post(path, json=INFERENCE, timeout=60)) for _ in range(10)} == {f"right/{name}/1"}


def test_a_model_that_is_loaded_meanwhile(gateway, fleet):
    left, _ = fleet
    assert infer(gateway, "new").status_code == 404
    assert left.control("new", "load") == 200
    wait_until(lambda: [infer(gateway, "new").status_code for _ in range(8)] == [200] * 8, 30)
    assert where(gateway, 20, "new") == {"left"}
    assert left.control("new", "unload") == 200
    wait_until(lambda: infer(gateway, "new").status_code != 200, 30)


def test_a_model_that_is_unloaded_meanwhile(gateway, fleet):
    """The first that hears of it has its requests go elsewhere, long before the list is read again by itself."""
    left, right = fleet
    wait_until(lambda: where(gateway, 20, "moving") == {"left", "right"}, 30)
    assert left.control("moving", "unload") == 200

    def is_only_there() -> bool:
        # Until the list is read again the other one is tried now and then, a second later at first.
        answers = [infer(gateway, "moving") for _ in range(20)]
        return all(answer.status_code == 200 and who(answer) == "right/moving/1" for answer in answers)

    wait_until(is_only_there, 30)
    assert left.control("moving", "load") == 200
    wait_until(lambda: where(gateway, 20, "moving") == {"left", "right"}, 30)


@contextmanager
def loading_late(server):
    """The thread that has a server load a model for two seconds, which are not over yet."""
    for _ in range(5):
        loading = threading.Thread(target=server.control, args=("late", "load"))
        loading.start()
        try:
            wait_until(lambda: '"LOADING"' in index(server) or not loading.is_alive(), 30)
            if loading.is_alive():
                yield loading
                return
        finally:
            loading.join(60)
            server.control("late", "unload")
    raise AssertionError("it is never seen loading")


def test_a_model_that_is_loading_is_waited_for(gateway, fleet, call):
    left, _ = fleet
    answers = []

    def ask() -> None:
        answers.append(who(infer(gateway, "late")))

    # Not before it is on its way: nobody waits for what is merely unknown.
    with loading_late(left):
        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        assert call("late") == "left/late/1"
        answer = infer(gateway, "late", host="impatient")
        assert answer.status_code in (200, 503)
        for client in clients:
            client.join(60)
        assert answers == ["left/late/1"] * 4


def test_who_waits_too_long(gateway, fleet):
    """A question about a model that is loading is answered by its endpoint, at once."""
    left, _ = fleet
    with loading_late(left) as loading:
        seen = []

        def refused() -> bool:
            answer = infer(gateway, "late", host="impatient")
            seen.append((answer.status_code, answer.headers.get("x-sluice-cause")))
            return seen[-1] == (503, "queue_timeout") or not loading.is_alive()

        wait_until(refused, 30)
        # The model takes two seconds; a machine on which nothing is seen of that is too slow to say more.
        if loading.is_alive():
            ready = requests.get(f"{gateway.url}/v2/models/late/ready", timeout=60)
            assert "x-sluice-cause" not in ready.headers


def index(server) -> str:
    request = fleet_of_models.urllib.request.Request(f"{server.url}/v2/repository/index", b"{}", method="POST")
    with fleet_of_models.servers.direct.open(request, timeout=10) as answer:
        return answer.read().decode()


def test_what_cannot_be_loaded_says_so_itself(gateway, fleet):
    left, _ = fleet
    assert left.control("broken", "load") >= 400
    assert "no weights" in index(left)
    direct = left.post("/v2/models/broken/infer", INFERENCE)
    wait_until(lambda: infer(gateway, "broken", host="test").status_code == direct, 30)
    answer = infer(gateway, "broken")
    assert "x-sluice-cause" not in answer.headers and "broken" in answer.json()["error"]


def test_control_calls_reach_endpoints_without_the_model(gateway, fleet):
    answer = requests.post(f"{gateway.url}/v2/repository/models/new/load", json={}, timeout=60)
    assert answer.status_code == 200
    assert any(server.has("new") for server in fleet)
    for server in fleet:
        server.control("new", "unload")


def test_counted_by_cause(gateway):
    before = gateway.metrics().sum("sluice_requests_total", cause="model_not_found")
    infer(gateway, "nonesuch")
    assert gateway.metrics().sum("sluice_requests_total", cause="model_not_found") == before + 1
