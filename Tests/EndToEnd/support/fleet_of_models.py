"""Real Tritons that have different models, of a repository each, and load what they are told to."""

import atexit
import functools
import json
import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from support.triton import free_ports, servers

CODE = '''
import time

import numpy as np
import triton_python_backend_utils as pb


class TritonPythonModel:
    def initialize(self, args):
        {initialize}
        server = args["model_repository"].rstrip("/").split("/")[-2]
        self.name = f"{{server}}/{{args['model_name']}}/{{args['model_version']}}".encode()

    def execute(self, requests):
        return [pb.InferenceResponse([pb.Tensor("WHO", np.array([self.name], dtype=np.object_))]) for _ in requests]
'''
INITIALIZE = {"plain": "pass", "late": "time.sleep(2)", "broken": 'raise RuntimeError("no weights")'}
CONFIG = (
    'backend: "python"\nmax_batch_size: 0\nversion_policy: { all {} }\ninstance_group [ { kind: KIND_CPU count: 1 } ]\n'
    'input [ { name: "INPUT" data_type: TYPE_FP32 dims: [ 1 ] } ]\n'
    'output [ { name: "WHO" data_type: TYPE_STRING dims: [ 1 ] } ]\n')
INFERENCE = {"inputs": [{"name": "INPUT", "shape": [1], "datatype": "FP32", "data": [1.0]}]}


class Server(servers.Server):
    """`models` by name: its versions, and how it starts. `loaded` are there from the beginning."""

    def __init__(self, name: str, models: dict, loaded: tuple):
        self.directory = Path(tempfile.mkdtemp(prefix="sluice-models-"))
        repository = self.directory / name
        for model, (versions, how) in models.items():
            for version in versions:
                (repository / model / version).mkdir(parents=True)
                code = CODE.format(initialize=INITIALIZE[how])
                (repository / model / version / "model.py").write_text(code)
            (repository / model / "config.pbtxt").write_text(CONFIG)
        self.ports = free_ports()
        command = [str(servers.TRITONSERVER), f"--model-repository={repository}", "--disable-auto-complete-config",
                   "--model-control-mode=explicit", "--allow-gpu-metrics=false",
                   f"--exit-timeout-secs={servers.TRITON_EXIT_SECONDS}"]
        command += [f"--load-model={model}" for model in loaded]
        for listener in ("http", "grpc", "metrics"):
            command += [f"--{listener}-address=127.0.0.1", f"--{listener}-port={getattr(self.ports, listener)}"]
        self.url = f"http://127.0.0.1:{self.ports.http}"
        super().__init__(name, command, f"{self.url}/v2/health/ready", self.directory / "triton.log")

    def stop(self):
        status = super().stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        return status

    def control(self, model: str, what: str) -> int:
        """Has it load or unload a model, without the gateway; returns the status when that is done."""
        return self.post(f"/v2/repository/models/{model}/{what}")

    def post(self, path: str, body: dict | None = None) -> int:
        request = urllib.request.Request(self.url + path, json.dumps(body or {}).encode(), method="POST")
        try:
            with servers.direct.open(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def has(self, model: str) -> bool:
        try:
            with servers.direct.open(f"{self.url}/v2/models/{model}/ready", timeout=10) as answer:
                return answer.status == 200
        except urllib.error.HTTPError:
            return False

    @property
    def yaml(self) -> str:
        return (f"{{ address: '127.0.0.1:{self.ports.http}', "
                f"triton: {{ grpcPort: {self.ports.grpc}, metricsPort: {self.ports.metrics} }} }}")


@functools.cache
def shared() -> tuple:
    """Two of them, `left` and `right`, started once for the tests of a run."""
    models = {
        "both": ("1", "plain"), "left": ("1", "plain"), "right": ("1", "plain"), "moving": ("1", "plain"),
        "new": ("1", "plain"), "late": ("1", "late"), "broken": ("1", "broken"),
        # What the Python backend, which has a shell start it, bears at most.
        "odd%2Bname": ("1", "plain"),
    }
    fleet = (
        Server("left", models | {"versions": ("1", "plain")}, ("both", "left", "moving", "versions")),
        Server("right", models | {"versions": ("12", "plain")},
               ("both", "right", "moving", "versions", "odd%2Bname")),
    )
    for server in fleet:
        atexit.register(server.stop)
    for server in fleet:
        server.wait_ready()
    return fleet
