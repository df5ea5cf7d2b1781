"""`tritonParameters`: what a real Triton makes of them, from NVIDIA's clients."""

import json
import queue
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import requests
import tritonclient.grpc
import tritonclient.http
from support.gateway import Gateway, wait_until
from support.grpc_mock import OPTIONS
from support.repository import Repository
from tritonclient.utils import InferenceServerException

# Says what it was told, and in whose turn; waits for a file if it is asked to, so that a queue builds up.
CODE = '''
import os
import time

import numpy as np
import triton_python_backend_utils as pb


class TritonPythonModel:
    def initialize(self, args):
        self.number = 0
        self.gate = os.path.join(args["model_repository"], "gate")

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        self.number += 1
        if pb.get_input_tensor_by_name(request, "WAIT").as_numpy().flat[0]:
            open(self.gate + ".waits", "w").close()
            while not os.path.exists(self.gate):
                time.sleep(0.01)
        said = [request.parameters().encode()]
        return pb.InferenceResponse([
            pb.Tensor("TIMEOUT", np.array([[request.timeout()]], dtype=np.int64)),
            pb.Tensor("NUMBER", np.array([[self.number]], dtype=np.int64)),
            pb.Tensor("SAID", np.array([said], dtype=np.object_))])
'''
CONFIG_PBTXT = '''
backend: "python"
max_batch_size: 1
input [ { name: "WAIT" data_type: TYPE_INT32 dims: [ 1 ] }, { name: "BULK" data_type: TYPE_UINT8 dims: [ -1 ] optional: true } ]
output [
  { name: "TIMEOUT" data_type: TYPE_INT64 dims: [ 1 ] }, { name: "NUMBER" data_type: TYPE_INT64 dims: [ 1 ] },
  { name: "SAID" data_type: TYPE_STRING dims: [ 1 ] }
]
instance_group [ { kind: KIND_CPU count: 1 } ]
dynamic_batching {
  priority_levels: 2
  default_priority_level: 2
  default_queue_policy { timeout_action: REJECT default_timeout_microseconds: 600000000 allow_timeout_override: true }
}
'''
CONFIG = """
loops: 1
backends:
  triton: { endpoints: [<triton>] }
routes:
  - name: urgent
    match: [{ headers: { x-route: urgent } }]
    timeout: 100s
    priority: high
    tritonParameters: { priority: route, timeout: route }
    backends: [{ name: triton }]
  - name: patient
    match: [{ headers: { x-route: patient } }]
    tritonParameters: { priority: 2, timeout: 90s }
    backends: [{ name: triton }]
  - name: hurried
    match: [{ headers: { x-route: hurried } }]
    tritonParameters: { timeout: 20ms }
    backends: [{ name: triton }]
  - { name: plain, backends: [{ name: triton }] }
"""


@pytest.fixture(scope="module")
def triton():
    server = Repository({"told": (CONFIG_PBTXT, CODE)}, name="parameters")
    try:
        server.wait_ready()
        yield server
    finally:
        (server.directory / "told" / "gate").touch()
        server.stop()


@pytest.fixture(scope="module")
def gateway(triton, tmp_path_factory):
    with Gateway(CONFIG.replace("<triton>", triton.yaml), tmp_path_factory.mktemp("gateway")) as running:
        yield running


class Client:
    """NVIDIA's client for one protocol; `binary` says how tensors travel over HTTP."""

    def __init__(self, gateway, module, binary: bool = True):
        self.module = module
        self.binary = {} if module is tritonclient.grpc else {"binary_data": binary}
        self.is_grpc = module is tritonclient.grpc
        if self.is_grpc:
            self.client = module.InferenceServerClient(f"{gateway.host}:{gateway.port}", channel_args=OPTIONS)
        else:
            self.client = module.InferenceServerClient(f"{gateway.host}:{gateway.port}", network_timeout=60)

    def inputs(self, wait: bool = False, bulk: int = 0) -> list:
        tensors = [("WAIT", "INT32", np.array([[int(wait)]], dtype=np.int32))]
        if bulk:
            tensors.append(("BULK", "UINT8", np.zeros((1, bulk), dtype=np.uint8)))
        made = []
        for name, kind, value in tensors:
            tensor = self.module.InferInput(name, list(value.shape), kind)
            tensor.set_data_from_numpy(value, **self.binary)
            made.append(tensor)
        return made

    def ask(self, route: str, wait: bool = False, bulk: int = 0, **options) -> tuple:
        result = self.client.infer("told", self.inputs(wait, bulk), headers={"x-route": route}, **options)
        said = json.loads(result.as_numpy("SAID").flat[0])
        return int(result.as_numpy("TIMEOUT").flat[0]), said, int(result.as_numpy("NUMBER").flat[0])


CLIENTS = {
    "binary": lambda gateway: Client(gateway, tritonclient.http),
    "json": lambda gateway: Client(gateway, tritonclient.http, binary=False),
    "grpc": lambda gateway: Client(gateway, tritonclient.grpc),
}


@pytest.fixture(params=CLIENTS)
def client(request, gateway):
    return CLIENTS[request.param](gateway)


@pytest.mark.parametrize("bulk", [0, 300_000])
def test_triton_is_told_what_the_operator_says(client, bulk):
    """And not what the client says of the same; what else it says arrives."""
    own = {"priority": 2, "timeout": 7, "parameters": {"a": "b\\\"", "c": 5}}
    timeout, said, _ = client.ask("urgent", bulk=bulk, **own)
    assert 1_000_000 < timeout <= 100_000_000
    assert said["a"] == "b\\\"" and said["c"] == 5
    assert client.ask("patient", bulk=bulk, **own)[0] == 90_000_000
    assert client.ask("patient", bulk=bulk)[0] == 90_000_000
    # The client's own, where no route says anything.
    assert client.ask("plain", bulk=bulk, timeout=50_000_000)[0] == 50_000_000


def test_a_call_that_the_client_gives_less_time(gateway):
    timeout, *_ = CLIENTS["grpc"](gateway).ask("urgent", client_timeout=30)
    # gRPC rounds it up a little.
    assert 1_000_000 < timeout <= 31_000_000


def test_each_message_of_a_stream(gateway):
    client = CLIENTS["grpc"](gateway)
    results = queue.Queue()
    client.client.start_stream(lambda result, error: results.put((result, error)), headers={"x-route": "urgent"})
    timeouts = []
    for _ in range(3):
        client.client.async_stream_infer("told", client.inputs(), timeout=7)
        result, error = results.get(timeout=60)
        assert error is None, error
        timeouts.append(int(result.as_numpy("TIMEOUT").flat[0]))
    client.client.stop_stream()
    # What is left, each time.
    assert 100_000_000 >= timeouts[0] > timeouts[1] > timeouts[2] > 1_000_000


@pytest.mark.parametrize("chunked", [False, True])
def test_parameters_that_the_body_has_none_of(gateway, chunked):
    body = json.dumps({"inputs": [{"name": "WAIT", "shape": [1, 1], "datatype": "INT32", "data": [0]}]}).encode()
    reply = requests.post(f"{gateway.url}/v2/models/told/infer", data=iter([body]) if chunked else body,
                          headers={"x-route": "patient"}, timeout=60)
    assert reply.status_code == 200, reply.text
    outputs = {one["name"]: one["data"] for one in reply.json()["outputs"]}
    assert outputs["TIMEOUT"] == [90_000_000]


class Queue:
    """The model at work on a request that waits, with others behind it."""

    def __init__(self, triton, gateway):
        self.gate = triton.directory / "told" / "gate"
        at_work = self.gate.with_name("gate.waits")
        for file in (self.gate, at_work):
            file.unlink(missing_ok=True)
        self.triton = triton
        self.pool = ThreadPoolExecutor(8)
        self.first = self.pool.submit(CLIENTS["grpc"](gateway).ask, "plain", wait=True)
        self.length = 0
        self.gateway = gateway
        # And no longer in Triton's queue, by whose length those behind it are told.
        wait_until(lambda: at_work.exists() and not triton.metric("nv_inference_pending_request_count", "told"), 60,
                   "the first request runs")

    def add(self, kind: str, route: str, **options):
        self.length += 1
        future = self.pool.submit(CLIENTS[kind](self.gateway).ask, route, **options)
        wait_until(lambda: self.triton.metric("nv_inference_pending_request_count", "told") >= self.length, 60, "it waits")
        return future

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gate.touch()
        self.pool.shutdown()


@pytest.mark.parametrize("kind", CLIENTS)
def test_urgent_requests_go_first(triton, gateway, kind):
    """Whatever clients say of their priority."""
    with Queue(triton, gateway) as waiting:
        patient = [waiting.add(kind, "patient", priority=1) for _ in range(2)]
        urgent = waiting.add(kind, "urgent", priority=2)
        waiting.gate.touch()
        waiting.first.result(60)
        numbers = [future.result(60)[2] for future in patient]
        assert urgent.result(60)[2] < min(numbers)


@pytest.mark.parametrize("kind", CLIENTS)
def test_who_waits_too_long_in_tritons_queue_is_refused_by_triton(triton, gateway, kind):
    with Queue(triton, gateway) as waiting:
        with pytest.raises(InferenceServerException, match="[Rr]equest timeout expired"):
            CLIENTS[kind](gateway).ask("hurried", timeout=500_000_000)
        assert not waiting.first.done()


def test_many_at_once(gateway):
    """Each request keeps its own body."""
    def work(number: int):
        client = CLIENTS[list(CLIENTS)[number % 3]](gateway)
        for step in range(10):
            timeout, said, _ = client.ask("patient", parameters={"mark": f"{number}/{step}"}, timeout=number + 1)
            assert (timeout, said["mark"]) == (90_000_000, f"{number}/{step}")

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(work, number) for number in range(6)]:
            future.result(120)
