"""A real Prometheus scrapes the gateway and answers what an operator would ask."""

import json
import math

import pytest
import requests
from support import triton as real
from support.gateway import Gateway, wait_until
from support.prometheus import Prometheus, promtool

import traffic

BODY = json.dumps(traffic.INFER)
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


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
    config = f"""
global: {{ scrape_interval: 500ms }}
scrape_configs:
  - job_name: sluice
    static_configs: [{{ targets: ['127.0.0.1:{gateway.admin_port}'] }}]
"""
    with Prometheus(config, tmp_path_factory.mktemp("prometheus")) as running:
        running.wait_scraped()
        yield running.query


def test_queue_latency_p99(gateway, prometheus):
    """20 requests at once through one place of 30 ms: the last ones wait for hundreds of milliseconds."""
    def rises() -> dict:
        traffic.burst(f"{gateway.host}:{gateway.port}", 20, 30)
        found = prometheus(
            "histogram_quantile(0.99, sum by (backend, le) (rate(sluice_queue_duration_seconds_bucket[10s])))")
        return {dict(labels)["backend"]: value for labels, value in found.items() if not math.isnan(value)}

    def as_it_should_be() -> bool:
        found = rises()
        # A fifth of the requests waits less.
        return 0.1 < found.get("stable", 0) < 5 and found.get("canary", math.inf) < found["stable"]

    wait_until(as_it_should_be, 60, "a p99 above 100 ms, and a lower one of the canary")


def test_canary_share(gateway, prometheus):
    share = ('sum(rate(sluice_requests_total{backend="canary"}[10s]))'
             ' / sum(rate(sluice_requests_total{backend!=""}[10s]))')

    def measured() -> float:
        with requests.Session() as session:
            for _ in range(200):
                assert session.post(gateway.url + "/v2/models/classify/infer", data=BODY, timeout=10).ok
        return prometheus(share).get((), math.nan)

    wait_until(lambda: abs(measured() - 0.2) < 0.02, 60, "a canary share of 20 %")


def test_counters_survive_a_reload(gateway, prometheus):
    before = gateway.metrics().sum("sluice_requests_total")
    assert gateway.reload()[0] == 200
    assert gateway.metrics().sum("sluice_requests_total") == before
    assert prometheus('resets(sluice_requests_total[1m]) > 0') == {}


def test_scrapes_lose_nothing(gateway, prometheus):
    """Prometheus holds the very number that /metrics shows once traffic has stopped."""
    shown = gateway.metrics().sum("sluice_requests_total")
    wait_until(lambda: sum(prometheus("sluice_requests_total").values()) == shown, 30, f"{shown} requests scraped")
    # Nothing Prometheus could not take: it counts samples it had to drop.
    # Both of one scrape.
    assert set(prometheus("scrape_samples_scraped - scrape_samples_post_metric_relabeling").values()) == {0}


def test_promtool_finds_no_fault(gateway):
    _, headers, text = gateway.admin("/metrics")
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert promtool("check", "metrics", text=text) == (0, "")


def test_openmetrics_on_request(gateway):
    _, headers, text = gateway.admin("/metrics", headers={"Accept": OPENMETRICS})
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert text.endswith("\n# EOF\n")
    assert "# TYPE sluice_requests counter\n" in text, "a counter's family goes without _total in OpenMetrics"
