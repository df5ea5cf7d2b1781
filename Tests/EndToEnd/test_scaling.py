"""What a HorizontalPodAutoscaler would do with what it is served, while real load on a real Triton comes and goes."""

import math
import subprocess
import time

import pytest
import requests

from support import triton as real
from support.certificates import Authority
from support.gateway import Gateway, free_port, wait_until
from test_custom_metrics import GROUP, TOKEN, number
from test_triton_perf import PERF_ANALYZER

TARGET = 50
REPLICAS = range(1, 9)
# Of the controller, below which it changes nothing (--horizontal-pod-autoscaler-tolerance).
TOLERANCE = 0.1
CONFIG = """
customMetrics:
  address: 127.0.0.1:{port}
  tls: {{ certificates: [{certificate}] }}
  tokenFile: token
backends:
  triton:
    triton: {{ metricsPort: {metrics}, interval: 250ms }}
    endpoints: [{{ address: "{address}", pod: triton-0 }}]
routes: [{{ name: all, backends: [{{ name: triton }}] }}]
"""


def wanted(values: list, replicas: int) -> int:
    """R = ceil(CR × CV / DV), within bounds, for a metric of pods with a target of AverageValue."""
    ratio = sum(values) / len(values) / TARGET
    if abs(ratio - 1) <= TOLERANCE:
        return replicas
    return min(max(math.ceil(ratio * len(values)), REPLICAS[0]), REPLICAS[-1])


def test_the_formula():
    assert wanted([399.3], 1) == 8 and wanted([75], 1) == 2 and wanted([54], 1) == 1 and wanted([0], 3) == 1
    assert wanted([60, 80, 100], 3) == 5


@pytest.mark.slow
@pytest.mark.skipif(not PERF_ANALYZER.exists(), reason="this platform's client wheel carries no perf_analyzer")
def test_replicas_rise_under_load_and_fall_after(tmp_path):
    triton = real.shared().stable
    authority = Authority(tmp_path)
    serving = authority.issue("serving", "127.0.0.1")
    port = free_port()
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway" / "token").write_text(TOKEN)
    config = CONFIG.format(port=port, certificate=serving.yaml, address=triton.address, metrics=triton.ports.metrics)
    with Gateway(config, tmp_path / "gateway") as gateway, requests.Session() as session:
        # The environment may name other authorities.
        session.trust_env = False
        session.verify = str(authority.certificate)
        session.headers["Authorization"] = f"Bearer {TOKEN}"
        path = f"https://127.0.0.1:{port}{GROUP}/v1beta2/namespaces/default/pods/*/avg_time_queue_us"

        def values() -> list:
            found = session.get(path, timeout=20)
            assert found.status_code == 200, found.text
            return [number(item["value"]) for item in found.json()["items"]]

        wait_until(lambda: len(values()) == 1, 20, "the pod is known")
        # What other tests have left to be counted.
        wait_until(lambda: wanted(values(), 1) == 1, 60, "it is quiet")
        command = [str(PERF_ANALYZER), "-i", "http", "-u", f"{gateway.host}:{gateway.port}", "-m", "echo", "--shape",
                   "INPUT:1024", "--concurrency-range", "60:100:40", "--measurement-mode", "count_windows",
                   "--measurement-request-count", "400", "--stability-percentage", "999"]
        load = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: wanted(values(), 1) > 1, 30, "more replicas are wanted under load")
            # Sixty wait for one instance.
            wait_until(lambda: (found := values())[0] > 10 * TARGET and wanted(found, 1) == REPLICAS[-1], 30,
                       "as many as there may be")
            assert load.wait(90) == 0
        finally:
            load.kill()
            load.wait()
        ended = time.monotonic()
        wait_until(lambda: wanted(values(), REPLICAS[-1]) == REPLICAS[0], 60, "one replica is enough after the load")
        assert time.monotonic() - ended > 1, "half a minute counts, and not a moment"
