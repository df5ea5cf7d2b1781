"""A real Triton that the gateway starts and stops itself."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import requests
import tritonclient.grpc as calls
import tritonclient.http as triton
from support import triton as real
from support.gateway import Gateway, wait_until
from support.woken import alive

# A Triton with a Python model starts in seconds; this machine may be busy.
LONG = 90
CONFIG = """
backends:
  main:
    endpoints: ["127.0.0.1:{http}"]
    triton: { grpcPort: {grpc} }
    health: { interval: 500ms }
    activate:
      exec: [{words}]
      idleAfter: 4s
      hold: { timeout: 90s }
  broken:
    endpoints: ["127.0.0.1:{broken}"]
    activate: { exec: [{broken_words}], hold: { timeout: 90s } }
routes:
  - { name: broken, match: [{ host: broken }], backends: [{ name: broken }] }
  - { name: all, backends: [{ name: main }] }
shutdown: { drain: 10s }
"""
BAD_MODEL = """
class TritonPythonModel:
    def initialize(self, args):
        raise RuntimeError("the weights are nowhere to be found")
"""


def command(ports, *repositories: Path) -> list:
    words = [str(real.servers.TRITONSERVER), "--disable-auto-complete-config", "--allow-gpu-metrics=false",
             f"--exit-timeout-secs={real.servers.TRITON_EXIT_SECONDS}"]
    words += [f"--model-repository={repository}" for repository in repositories]
    for listener in ("http", "grpc", "metrics"):
        words += [f"--{listener}-address=127.0.0.1", f"--{listener}-port={getattr(ports, listener)}"]
    return words


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    if not real.servers.TRITONSERVER.exists():
        raise FileNotFoundError("no Triton in .build-tools: run config/demo/setup tests")
    directory = tmp_path_factory.mktemp("broken")
    bad = directory / "bad" / "1"
    bad.mkdir(parents=True)
    (bad / "model.py").write_text(BAD_MODEL)
    echo = real.servers.DEMO / "models" / "common" / "echo" / "config.pbtxt"
    (directory / "bad" / "config.pbtxt").write_text(echo.read_text())
    ports, broken = real.free_ports(), real.free_ports()
    values = {
        "http": ports.http, "grpc": ports.grpc, "broken": broken.http,
        "words": ", ".join(f'"{word}"' for word in command(ports, real.servers.DEMO / "models" / "common")),
        "broken_words": ", ".join(f'"{word}"' for word in command(broken, directory))}
    text = CONFIG
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    with Gateway(text, tmp_path_factory.mktemp("gateway")) as running:
        yield running
        last = [backend["activation"].get("processID") for backend in running.status()["backends"]]
    assert not [process for process in last if process and alive(process)]
    for region in Path("/dev/shm").glob("sluice-demo-*"):
        if not Path(f"/proc/{region.name.split('-')[2]}").exists():
            region.unlink(missing_ok=True)


def activation(gateway) -> dict:
    return next(each for each in gateway.status()["backends"] if each["name"] == "main")["activation"]


def outcomes(gateway, outcome: str) -> float:
    return gateway.metrics().sum("sluice_activations_total", backend="main", outcome=outcome)


def ask(gateway, number: int) -> bool:
    """One inference, by NVIDIA's own clients, over HTTP or gRPC in turn."""
    library = calls if number % 2 else triton
    client = library.InferenceServerClient(f"{gateway.host}:{gateway.port}", **(
        {} if number % 2 else {"network_timeout": LONG, "connection_timeout": LONG}))
    try:
        given = np.full(100, number, dtype=np.float32)
        tensor = library.InferInput("INPUT", [100], "FP32")
        tensor.set_data_from_numpy(given)
        return (client.infer("echo", [tensor]).as_numpy("OUTPUT") == given).all()
    finally:
        client.close()


def test_fifty_cold_requests_and_a_crash(gateway):
    assert activation(gateway)["state"] == "asleep"
    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(lambda number: ask(gateway, number), range(50)))
    first = activation(gateway)
    assert first["state"] == "running" and first["restarts"] == 0 and outcomes(gateway, "started") == 1
    os.kill(first["processID"], signal.SIGKILL)
    # Whoever comes now waits for the next one.
    wait_until(lambda: outcomes(gateway, "crashed") == 1, what="the crash is noticed")
    assert ask(gateway, 0) and ask(gateway, 1)
    assert activation(gateway)["processID"] != first["processID"]
    assert outcomes(gateway, "started") == 2


def test_idle_it_is_stopped(gateway):
    assert ask(gateway, 0)
    before = outcomes(gateway, "stopped")
    process = activation(gateway)["processID"]
    wait_until(lambda: activation(gateway)["state"] == "asleep", LONG, "it is stopped")
    assert not alive(process) and outcomes(gateway, "stopped") == before + 1
    assert "is killed" not in gateway.stderr_text() and "Exit timeout" not in gateway.stderr_text()


def test_a_model_that_fails_to_load(gateway):
    answer = requests.post(gateway.url + "/v2/models/bad/infer", json={}, headers={"Host": "broken"}, timeout=LONG)
    assert answer.status_code == 503 and answer.headers["x-sluice-cause"] == "activation_failed"
    assert "the weights are nowhere to be found" in answer.json()["error"]
