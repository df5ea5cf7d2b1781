"""A real Prometheus scrapes the gateway and answers what an operator would ask."""

import json
import math
import shutil
import subprocess

import pytest
import requests
from support import triton as real
from support.gateway import Gateway, free_port, wait_until

import traffic

BODY = json.dumps(traffic.INFER)
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"no {name} on PATH: run config/demo/setup tests"
    return found


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """A gateway with every kind of sample: split, mirror, refusals, and a queue in front of a slow model."""
    tritons = real.shared()
    config = tritons.config(80, 20, mirror=100, backend="limits: { perEndpointInFlight: 1 }")
    with Gateway(config, tmp_path_factory.mktemp("gateway")) as running:
        address = f"{running.host}:{running.port}"
        traffic.burst(address, 20, 30)
        assert requests.get(running.url + "/elsewhere", timeout=10).status_code == 404
        yield running


@pytest.fixture(scope="module")
def prometheus(gateway, tmp_path_factory):
    """Asks Prometheus an instant query; returns {labels: value}."""
    directory, port = tmp_path_factory.mktemp("prometheus"), free_port()
    config = directory / "prometheus.yml"
    config.write_text(f"""
global: {{ scrape_interval: 500ms }}
scrape_configs:
  - job_name: sluice
    static_configs: [{{ targets: ['127.0.0.1:{gateway.admin_port}'] }}]
""")
    with open(directory / "log", "wb") as log:
        process = subprocess.Popen(
            [program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={directory / 'tsdb'}",
             f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)

    def query(text: str) -> dict:
        answer = requests.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": text}, timeout=10)
        answer.raise_for_status()
        result = answer.json()["data"]["result"]
        return {tuple(sorted(each["metric"].items())): float(each["value"][1]) for each in result}

    def up() -> bool:
        assert process.poll() is None, (directory / "log").read_text()
        try:
            return query("up") != {} and all(query("up").values())
        except requests.RequestException:
            return False

    try:
        wait_until(up, 30, "Prometheus has scraped the gateway")
        yield query
    finally:
        process.terminate()
        process.wait(20)


def test_queue_latency_p99(gateway, prometheus):
    """20 requests at once through one place of 30 ms: the last ones wait for hundreds of milliseconds."""
    def rises() -> dict:
        traffic.burst(f"{gateway.host}:{gateway.port}", 20, 30)
        found = prometheus(
            "histogram_quantile(0.99, sum by (backend, le) (rate(sluice_queue_duration_seconds_bucket[10s])))")
        return {dict(labels)["backend"]: value for labels, value in found.items() if not math.isnan(value)}

    quantiles = wait_until(lambda: (found := rises()).get("stable", 0) > 0.1 and found, 30, "a p99 above 100 ms")
    assert quantiles["stable"] < 5
    assert quantiles["canary"] < quantiles["stable"], "a fifth of the requests waits less"


def test_canary_share(gateway, prometheus):
    share = ('sum(rate(sluice_requests_total{backend="canary"}[10s]))'
             ' / sum(rate(sluice_requests_total{backend!=""}[10s]))')

    def measured() -> float:
        with requests.Session() as session:
            for _ in range(200):
                assert session.post(gateway.url + "/v2/models/classify/infer", data=BODY, timeout=10).ok
        return prometheus(share).get((), math.nan)

    wait_until(lambda: abs(measured() - 0.2) < 0.02, 30, "a canary share of 20 %")


def test_counters_survive_a_reload(gateway, prometheus):
    before = gateway.metrics().sum("sluice_requests_total")
    assert gateway.reload()[0] == 200
    assert gateway.metrics().sum("sluice_requests_total") == before
    assert prometheus('resets(sluice_requests_total[1m]) > 0') == {}


def test_scrapes_lose_nothing(gateway, prometheus):
    """Prometheus holds the very number that /metrics shows once traffic has stopped."""
    shown = gateway.metrics().sum("sluice_requests_total")
    wait_until(lambda: sum(prometheus("sluice_requests_total").values()) == shown, 10, f"{shown} requests scraped")
    # Nothing Prometheus could not take: it counts samples it had to drop.
    assert sum(prometheus("scrape_samples_scraped").values()) == sum(
        prometheus("scrape_samples_post_metric_relabeling").values())


def test_promtool_finds_no_fault(gateway):
    _, headers, text = gateway.admin("/metrics")
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    done = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_openmetrics_on_request(gateway):
    _, headers, text = gateway.admin("/metrics", headers={"Accept": OPENMETRICS})
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert text.endswith("\n# EOF\n")
    assert "# TYPE sluice_requests counter\n" in text, "a counter's family goes without _total in OpenMetrics"
