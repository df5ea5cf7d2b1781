"""NVIDIA's load generator through the gateway, where its program is available."""

import re
import subprocess

import pytest
from support import triton as real
from support.gateway import Gateway
from support.together import together

# It subtracts one reading of the model's statistics from a later one, so both have to come from the same server.
ABOUT = "  - { name: about, match: [{ path: { prefix: /v2 }, method: GET }], backends: [{ name: stable }] }\n"
PERF_ANALYZER = real.servers.TOOLS / "triton" / "perf_analyzer"


def perf_analyzer(address: str, *arguments: str) -> str:
    """Its report on windows of 400 requests at each concurrency, steady or not: a shared machine never is."""
    done = subprocess.run(
        [str(PERF_ANALYZER), "-i", "http", "-u", address, "--measurement-mode", "count_windows",
         "--measurement-request-count", "400", "--stability-percentage", "999", *arguments],
        capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not PERF_ANALYZER.exists(), reason="this platform's client wheel carries no perf_analyzer")
def test_perf_analyzer(tmp_path):
    tritons = real.shared()
    # It spends most of its time on itself.
    together(lambda model: prove(tritons, tmp_path / model[0], *model), [("classify", "PIXELS:4"), ("echo", "INPUT:16384")])


def prove(tritons, directory, name: str, shape: str) -> None:
    users = real.servers.DEMO / "users.htpasswd"
    route = f"basicAuth: {{ realm: Inference, usersFile: {users} }}"
    config = tritons.config(80, 20, route=route).replace("routes:\n", "routes:\n" + ABOUT)
    with Gateway(config, directory) as gateway:
        report = perf_analyzer(
            f"{gateway.host}:{gateway.port}", "-m", name, "--shape", shape, "--concurrency-range", "1:9:8",
            "-H", "Authorization: Basic ZGVtbzpkZW1v")
        throughputs = [float(each) for each in re.findall(r"Throughput: ([0-9.]+) infer/sec", report)]
        assert len(throughputs) == 2 and min(throughputs) > 0, report
        metrics = gateway.metrics()
        assert metrics.sum("sluice_requests_total", code="200") > 100
        # It leaves requests behind when a measurement ends, and nothing else may go wrong.
        assert metrics.sum("sluice_requests_total") == (
            metrics.sum("sluice_requests_total", code="200") + metrics.sum("sluice_requests_total", code="499"))
