"""What the gateway reads of real Tritons: the numbers of their own pages, whichever way they give them, also after a restart."""

import json
import re
import subprocess

import pytest

from support import nv_metrics
from support.browser import Browser
from support.gateway import Gateway, binary, wait_until
from support.prometheus import promtool
from support.triton import free_ports, servers, shared

CONFIG = """
backends:
  pair:
    triton: { interval: 100ms }
    endpoints: [ENDPOINTS]
  queues: { balance: leastQueue, triton: { interval: 100ms }, endpoints: [ENDPOINTS] }
  canary: { endpoints: ["CANARY"] }
  plain: { server: generic, endpoints: ["CANARY"] }
routes:
  - { name: canary, match: [{ headers: { x-to: canary } }], backends: [{ name: canary }] }
  - { name: queues, match: [{ headers: { x-to: queues } }], backends: [{ name: queues }] }
  - { name: plain, match: [{ headers: { x-to: plain } }], backends: [{ name: plain }] }
  - { name: all, backends: [{ name: pair }] }
"""
COUNTERS = {
    "sluice_model_requests_total": ("nv_inference_request_success", 1),
    "sluice_model_inferences_total": ("nv_inference_count", 1),
    "sluice_model_executions_total": ("nv_inference_exec_count", 1),
    "sluice_model_queue_seconds_total": ("nv_inference_queue_duration_us", 1e-6),
}
COMPUTE = [f"nv_inference_compute_{part}_duration_us" for part in ("input", "infer", "output")]


def wait_readings(gateway: Gateway, more: int = 2, outcome: str = "ok", **labels) -> None:
    """So many readings later, of each endpoint."""
    def counts() -> list:
        found = gateway.metrics()
        return [found.sum("sluice_model_readings_total", backend=backend, endpoint=address, outcome=outcome)
                for backend, address in asked]

    asked = [(each["name"], one["address"]) for each in gateway.status()["backends"]
             if each["name"] == labels.get("backend", each["name"]) for one in each["endpoints"]]
    begin = counts()
    wait_until(lambda: all(now >= then + more for now, then in zip(counts(), begin)), 30, f"{more} readings of {asked}")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    tritons = shared()
    endpoints = ", ".join(f"{{ address: '{each.address}', triton: {{ metricsPort: {each.ports.metrics} }} }}"
                          for each in (tritons.stable, tritons.shadow))
    config = CONFIG.replace("ENDPOINTS", endpoints).replace("CANARY", tritons.canary.address)
    with Gateway(config, tmp_path_factory.mktemp("pair")) as gateway:
        wait_readings(gateway, 3, backend="pair")
        yield gateway, [tritons.stable, tritons.shadow]


def test_counters_are_those_of_the_servers(pair):
    gateway, tritons = pair
    before = [nv_metrics.page(each.ports.metrics) for each in tritons]
    loads = [nv_metrics.at_once(gateway.url, 24, 20)]

    def is_queued() -> bool:
        # It is there for a quarter of a second, in which a busy machine may not look.
        if not loads[-1].is_alive():
            loads.append(nv_metrics.at_once(gateway.url, 24, 20))
        return gateway.metrics().sum("sluice_model_pending_requests", backend="pair", model="slow") >= 2

    # One instance of the model at each: the others wait.
    wait_until(is_queued, 20, "a queue is seen")
    loads[-1].join()
    wait_readings(gateway, 3, backend="pair")
    found = gateway.metrics()
    for triton, old in zip(tritons, before):
        theirs = nv_metrics.page(triton.ports.metrics)
        labels = dict(backend="pair", endpoint=triton.address)
        for model in ("slow", "echo", "classify", "stream"):
            for name, (other, factor) in COUNTERS.items():
                assert found.sum(name, model=model, **labels) == pytest.approx(theirs.sum(other, model=model) * factor), (name, model)
            assert found.sum("sluice_model_compute_seconds_total", model=model, **labels) == pytest.approx(
                sum(theirs.sum(part, model=model) for part in COMPUTE) / 1e6)
            assert found.sum("sluice_model_failures_total", model=model, **labels) == theirs.sum(
                "nv_inference_request_failure", model=model)
        # The first reading was before the load, and all of it is younger than the window.
        count, waited = (theirs.sum(name, model="slow") - old.sum(name, model="slow")
                         for name in ("nv_inference_request_success", "nv_inference_queue_duration_us"))
        assert count > 0
        assert found.sum("sluice_model_queue_seconds_mean", model="slow", **labels) == pytest.approx(waited / count / 1e6)
        assert found.sum("sluice_model_pending_requests", model="slow", **labels) == 0
    assert sum(found.sum("sluice_model_requests_total", model="slow", backend="pair", endpoint=each.address) for each in tritons) >= 24
    # Idle models have no mean, and what is no Triton no models.
    assert not found.select("sluice_model_queue_seconds_mean", model="stream", backend="pair")
    assert not found.select("sluice_model_requests_total", backend="plain")
    assert {labels["backend"]: value for labels, value in found.select("sluice_models_left_out")} == {"pair": 0, "queues": 0, "canary": 0}


def test_what_operators_see(pair):
    gateway, tritons = pair
    load = nv_metrics.at_once(gateway.url, 12, 10)
    load.join()
    wait_readings(gateway, 3, backend="pair")

    def listed() -> list:
        return json.loads(gateway.admin("/api/v1/models?refresh=1")[2])["models"]

    # A rate takes a second of readings.
    wait_until(lambda: all("requestsPerSecond" in one for each in listed() if each["backend"] == "pair" for one in each["endpoints"]),
               20, "rates are known")
    models = listed()
    (slow,) = [each for each in models if each["name"] == "slow" and each["backend"] == "pair"]
    assert slow["requestsPerSecond"] > 0 and slow["queueMilliseconds"] > 0 and slow["computeMilliseconds"] >= 10
    assert slow["pending"] == 0 and slow["batchSize"] == 1 and slow["failuresPerSecond"] == 0
    each = {one["address"]: one for one in slow["endpoints"]}
    assert set(each) == {triton.address for triton in tritons} and all(one["state"] == "READY" for one in each.values())
    assert sum(one["requestsPerSecond"] for one in each.values()) == pytest.approx(slow["requestsPerSecond"], abs=0.01)
    low, high = sorted(one["queueMilliseconds"] for one in each.values())
    assert low <= slow["queueMilliseconds"] <= high
    idle = [one for one in models if one["name"] == "stream" and one["backend"] == "pair"][0]
    assert "queueMilliseconds" not in idle and idle["requestsPerSecond"] == 0
    pair_status, plain = [next(one for one in gateway.status()["backends"] if one["name"] == name) for name in ("pair", "plain")]
    assert all(one["queueMilliseconds"] > 0 and one["pending"] == 0 for one in pair_status["endpoints"])
    assert not {"queueMilliseconds", "pending"} & set(plain["endpoints"][0])
    assert "MODEL QUEUE  PENDING" in status(gateway)


def status(gateway: Gateway, *arguments: str) -> str:
    shown = subprocess.run(
        [binary(), "status", "--admin", gateway.admin_url, *arguments], capture_output=True, text=True, timeout=20)
    assert shown.returncode == 0, shown
    return shown.stdout


def of(backend: str, text: str) -> dict:
    return next(one for one in json.loads(text)["backends"] if one["name"] == backend)


def test_why_an_endpoint_is_chosen(pair):
    gateway, tritons = pair
    addresses = {each.address for each in tritons}
    nv_metrics.at_once(gateway.url, 12, 20).join()

    def expected(backend: str, model: str) -> dict:
        models = json.loads(gateway.admin("/api/v1/models?refresh=1")[2])["models"]
        (one,) = [each for each in models if each["name"] == model and each["backend"] == backend]
        assert {each["address"] for each in one["endpoints"]} == addresses
        return {each["address"]: each["expectedMilliseconds"] for each in one["endpoints"] if "expectedMilliseconds" in each}

    wait_until(lambda: len(expected("queues", "slow")) == 2, 20, "times are known")
    idle = expected("queues", "slow")
    assert all(5 < time < 10_000 for time in idle.values()), idle
    # Nobody has asked for this one, and nobody balances that backend by time.
    assert expected("queues", "stream") == {} == expected("pair", "slow")
    found = of("queues", status(gateway, "--json"))
    assert found["expectedModel"] == "slow" and all(one["expectedMilliseconds"] > 5 for one in found["endpoints"])
    other = of("pair", status(gateway, "--json"))
    assert "expectedModel" not in other and "expectedMilliseconds" not in other["endpoints"][0]
    lines = status(gateway).splitlines()
    title = next(line for line in lines if "EXPECTED" in line)
    end = title.index("EXPECTED") + len("EXPECTED")
    start = next(index for index, line in enumerate(lines) if line.startswith("queues  triton"))
    assert lines[start][:end].endswith(" slow"), lines
    assert all(line[:end].endswith(" ms") for line in lines[start + 1:start + 3]), lines

    # What the gateway has under way there counts at once.
    loads = [nv_metrics.at_once(gateway.url, 24, 200, to="queues")]

    def shows() -> bool:
        if not loads[-1].is_alive():
            loads.append(nv_metrics.at_once(gateway.url, 24, 200, to="queues"))
        return all(time > 2 * idle[address] for address, time in expected("queues", "slow").items())

    try:
        wait_until(shows, 20, "a queue shows")
    finally:
        loads[-1].join()


def test_the_page_shows_them(pair, tmp_path):
    gateway, tritons = pair
    with Browser(tmp_path / "profile") as page:
        page.open(gateway.admin_url + "/#/models")

        def shown() -> bool:
            # What has waited is forgotten after 30 s, and a browser may take its time.
            nv_metrics.at_once(gateway.url, 6, 2).join()
            figures = [one.text for one in page.all(".figures")]
            return (any("/s · " in text and " queue · " in text and " compute" in text for text in figures)
                    and any(re.search(r"compute · expected: [0-9.]+ ", text) for text in figures))

        wait_until(shown, 60, "numbers beside a model")
        page.open(f"{gateway.admin_url}/#/endpoint/pair/{tritons[0].address}")
        wait_until(lambda: "Wait in its models' queues" in page.one("body").text, 60, "an endpoint's queue")
        page.open(f"{gateway.admin_url}/#/endpoint/queues/{tritons[0].address}")
        wait_until(lambda: re.search(r"Expected time\s+[0-9.]+ \S+ for slow", page.one("body").text), 60, "the time requests go by")


def test_without_a_metrics_port_statistics_are_read(pair):
    gateway, _ = pair
    triton = shared().canary
    assert nv_metrics.infer(f"http://{triton.address}", 5) == 200
    wait_readings(gateway, 2, backend="canary")
    found, theirs = gateway.metrics(), nv_metrics.page(triton.ports.metrics)
    assert found.sum("sluice_model_requests_total", backend="canary", model="slow") == theirs.sum(
        "nv_inference_request_success", model="slow")
    assert found.sum("sluice_model_queue_seconds_total", backend="canary", model="slow") == pytest.approx(
        theirs.sum("nv_inference_queue_duration_us", model="slow") / 1e6, abs=1e-4)
    # They do not tell how many wait.
    assert not found.select("sluice_model_pending_requests", backend="canary")
    assert "does not give" not in gateway.stderr_text()


def test_promtool_has_no_complaint(pair):
    gateway, _ = pair
    text = gateway.admin("/metrics")[2]
    assert "sluice_model_queue_seconds_total" in text
    assert promtool("check", "metrics", text=text) == (0, "")


ALONE = """
backends:
  alone: { balance: leastQueue, triton: { metricsPort: METRICS, interval: 100ms }, endpoints: ["ADDRESS"] }
routes: [{ name: all, backends: [{ name: alone }] }]
"""


class Alone:
    """A Triton of a test's own, that can be stopped and started again on its ports."""

    def __init__(self, directory):
        self.ports, self.directory, self.server = free_ports(), directory, None
        self.address = f"127.0.0.1:{self.ports.http}"

    def start(self, *arguments) -> None:
        self.server = servers.Triton("stable", self.ports, self.directory, arguments)
        self.server.wait_ready()

    def stop(self) -> None:
        if self.server:
            self.server.stop()
            self.server = None


def test_metrics_off_and_a_restart(tmp_path):
    triton = Alone(tmp_path)
    config = ALONE.replace("METRICS", str(triton.ports.metrics)).replace("ADDRESS", triton.address)
    try:
        triton.start("--allow-metrics=false")
        with Gateway(config, tmp_path / "gateway") as gateway:
            wait_readings(gateway, 3)
            assert "no data" in status(gateway)
            for _ in range(5):
                assert nv_metrics.infer(gateway.url, 30) == 200
            wait_until(lambda: gateway.metrics().sum("sluice_model_requests_total", model="slow") == 5, 20, "statistics are read")
            log = gateway.stderr_text()
            assert log.count("does not give its metrics, and its statistics are read instead") == 1, log
            assert not gateway.metrics().select("sluice_model_pending_requests")

            triton.stop()
            wait_until(lambda: "does not give its models' numbers" in gateway.stderr_text(), 20, "it is said that it is gone")
            triton.start()
            wait_until(lambda: gateway.metrics().select("sluice_model_pending_requests", model="slow"), 40, "metrics are read")
            # The restart is in the window: nothing negative, and no more than there was.
            for _ in range(3):
                assert nv_metrics.infer(gateway.url, 30) == 200
            wait_until(lambda: gateway.metrics().sum("sluice_model_requests_total", model="slow") == 3, 20, "it counts from 0")
            mean = gateway.metrics().select("sluice_model_queue_seconds_mean", model="slow")
            assert len(mean) == 1 and 0 <= mean[0][1] < 5, mean
            wait_until(lambda: "gives its models' numbers again" in gateway.stderr_text(), 20, "it is said")
            log = gateway.stderr_text()
            assert log.count("does not give") == 2, log
    finally:
        triton.stop()
