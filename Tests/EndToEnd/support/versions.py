"""A real Triton that serves two versions of each of its models, which say who they are."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from support.triton import free_ports, servers

UNARY = '''
import numpy as np
import triton_python_backend_utils as pb


class TritonPythonModel:
    def initialize(self, args):
        self.name = f"{args['model_name']}/{args['model_version']}".encode()

    def execute(self, requests):
        return [self.answer(pb.get_input_tensor_by_name(request, "INPUT")) for request in requests]

    def answer(self, tensor):
        total = np.array([tensor.as_numpy().sum()], dtype=np.float32)
        name = np.array([self.name], dtype=np.object_)
        return pb.InferenceResponse([pb.Tensor("WHO", name), pb.Tensor("SUM", total)])
'''
STREAMING = '''
import numpy as np
import triton_python_backend_utils as pb


class TritonPythonModel:
    def initialize(self, args):
        self.name = f"{args['model_name']}/{args['model_version']}"

    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            for number in range(int(pb.get_input_tensor_by_name(request, "COUNT").as_numpy()[0])):
                word = np.array([f"{self.name} {number}".encode()], dtype=np.object_)
                sender.send(pb.InferenceResponse([pb.Tensor("WHO", word)]))
            sender.send(flags=pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
'''
COMMON = 'backend: "python"\nmax_batch_size: 0\nversion_policy: { all {} }\ninstance_group [ { kind: KIND_CPU count: 1 } ]\n'
CONFIGS = {
    UNARY: COMMON + 'input [ { name: "INPUT" data_type: TYPE_FP32 dims: [ -1 ] } ]\n'
    'output [ { name: "WHO" data_type: TYPE_STRING dims: [ 1 ] }, { name: "SUM" data_type: TYPE_FP32 dims: [ 1 ] } ]\n',
    STREAMING: COMMON + 'model_transaction_policy { decoupled: true }\n'
    'input [ { name: "COUNT" data_type: TYPE_INT32 dims: [ 1 ] } ]\n'
    'output [ { name: "WHO" data_type: TYPE_STRING dims: [ 1 ] } ]\n',
}
# Names that differ in length, so that whoever rewrites one has to move what stands behind it.
MODELS = {"densenet": (UNARY, "12"), "densenet_of_next_year": (UNARY, "1"), "tokens": (STREAMING, "12")}


class Versions(servers.Server):
    def __init__(self):
        directory = Path(tempfile.mkdtemp(prefix="sluice-versions-"))
        for name, (code, versions) in MODELS.items():
            for version in versions:
                (directory / name / version).mkdir(parents=True)
                (directory / name / version / "model.py").write_text(code)
            (directory / name / "config.pbtxt").write_text(CONFIGS[code])
        self.directory = directory
        self.ports = free_ports()
        command = [str(servers.TRITONSERVER), f"--model-repository={directory}", "--disable-auto-complete-config",
                   "--allow-gpu-metrics=false", f"--exit-timeout-secs={servers.TRITON_EXIT_SECONDS}"]
        for listener in ("http", "grpc", "metrics"):
            command += [f"--{listener}-address=127.0.0.1", f"--{listener}-port={getattr(self.ports, listener)}"]
        ready = f"http://127.0.0.1:{self.ports.http}/v2/health/ready"
        super().__init__("versions", command, ready, directory / "triton.log")

    def stop(self):
        status = super().stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        return status

    @property
    def yaml(self) -> str:
        return f"{{ address: '127.0.0.1:{self.ports.http}', triton: {{ grpcPort: {self.ports.grpc} }} }}"


@functools.cache
def shared() -> Versions:
    """Started once for the tests of a run."""
    server = Versions()
    atexit.register(server.stop)
    server.wait_ready()
    return server
