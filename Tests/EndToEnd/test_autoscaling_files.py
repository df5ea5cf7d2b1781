"""What docs/autoscaling.md rests on: the rules of an autoscaler, the picture of a run, what Prometheus is asked."""

import importlib.machinery
import importlib.util
import json
import re
import sys
import xml.etree.ElementTree as ElementTree

import pytest
from ruamel.yaml import YAML

from support.cluster import MANIFESTS, documents
from support.gateway import REPOSITORY
from support.prometheus import FILES, promtool

BENCH = REPOSITORY / "bench"
sys.path.insert(0, str(BENCH / "harness"))

import chart  # noqa: E402
from autoscaler import Autoscaler, Metric  # noqa: E402


def program():
    """bench/autoscaling as a module."""
    loader = importlib.machinery.SourceFileLoader("autoscaling", str(BENCH / "autoscaling"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("autoscaling", loader))
    loader.exec_module(module)
    return module


# --- the autoscaler


@pytest.mark.parametrize("replicas, value, wanted", [
    (1, 50, 1), (1, 55, 1), (1, 56, 2), (2, 45, 2), (2, 44, 2), (4, 20, 2), (3, 0, 0), (1, 30_000, 600), (3, 60, 4),
])
def test_a_mean_is_compared_by_what_there_is(replicas, value, wanted):
    """ceil(current × value / target), and nothing within a tenth."""
    assert Metric("queue", 50).wanted(replicas, value) == wanted


@pytest.mark.parametrize("replicas, value, wanted", [(1, 160, 1), (1, 177, 2), (3, 298, 2), (2, 298, 2), (3, 0, 0)])
def test_a_sum_is_shared_out(replicas, value, wanted):
    assert Metric("rate", 160, per_replica=True).wanted(replicas, value) == wanted


def test_it_goes_up_one_by_one_and_down_after_a_while():
    scaler = Autoscaler([Metric("queue", 20)], 1, 3, stabilization=60, period=30)
    assert scaler.decide(0, 1, {"queue": 10}) == 1
    assert scaler.decide(15, 1, {"queue": 900}) == 2
    assert scaler.decide(30, 2, {"queue": 900}) == 2
    assert scaler.decide(45, 2, {"queue": 900}) == 3
    assert scaler.decide(75, 3, {"queue": 900}) == 3, "at most"
    assert scaler.decide(90, 3, {"queue": 0}) == 3, "too early"
    assert scaler.decide(140, 3, {"queue": 0}) == 2
    assert scaler.decide(155, 2, {"queue": 0}) == 2
    assert scaler.decide(175, 2, {"queue": 0}) == 1
    assert scaler.decide(300, 1, {"queue": 0}) == 1, "at least"


def test_the_largest_of_several_counts():
    scaler = Autoscaler([Metric("queue", 20), Metric("rate", 100, per_replica=True)], 1, 3, stabilization=0, period=0)
    assert scaler.decide(0, 2, {"queue": 0, "rate": 200}) == 2
    assert scaler.decide(1, 2, {"queue": 100, "rate": 10}) == 3


# --- the picture


def test_the_picture_is_that_of_the_run():
    own = program()
    results = json.loads(own.RESULTS.read_text())
    assert own.picture(results) == own.PICTURE.read_text()
    assert "](autoscaling.svg)" in (REPOSITORY / "docs" / "autoscaling.md").read_text()


def test_the_run_went_up_and_down():
    """By what was measured: all replicas were needed, one is left, and nobody waited in the end."""
    results = json.loads(program().RESULTS.read_text())
    columns = dict(zip(results["columns"], zip(*results["samples"])))
    assert max(columns["ready"]) == 3 and columns["ready"][0] == columns["ready"][-1] == 1
    # Not known in the first moment.
    waited = [each for each in columns["queueMicroseconds"] if each is not None]
    assert max(waited) > 10 * waited[-1]
    assert list(columns["second"]) == sorted(columns["second"])


def test_a_chart_is_an_image():
    panel = chart.Panel("a <b>", 100, [(1, "1"), (10, "10"), (100, "100")],
                        [chart.Line("x & y", [(0, 1), (5, None), (10, 1000)], "blue", step=True, area=True)], True)
    image = ElementTree.fromstring(chart.draw("t", "d", [panel], 10, every=5))
    assert image.attrib["role"] == "img"
    assert "x & y" in "".join(image.itertext())
    # Beyond the axis is at its end, and nothing is drawn outside.
    assert panel.place(1000) == 1 and panel.place(10) == pytest.approx(0.5) and panel.place(0) == 0


# --- what Prometheus is asked


def adapter_query(by: str) -> str:
    """The question of prometheus-adapter, as it fills in its template."""
    values = YAML(typ="safe").load((MANIFESTS / "prometheus-adapter.yml").read_text())
    rule, = values["rules"]["custom"]
    assert rule["name"] == {"matches": "nv_inference_queue_duration_us", "as": "avg_time_queue_us"}
    return rule["metricsQuery"].replace("<<.GroupBy>>", by).replace("<<.LabelMatchers>>", 'namespace="ml"')


def test_the_adapter_divides_sums(tmp_path):
    """A busy model beside three that nobody asks, and a pod that nobody asks at all."""
    def series(metric: str, pod: str, model: str, values: str) -> str:
        name = f'{metric}{{namespace="ml",pod="{pod}",model="{model}"}}'
        return f"      - {{ series: '{name}', values: '{values}' }}\n"

    text = "evaluation_interval: 15s\ntests:\n  - interval: 5s\n    input_series:\n"
    for pod, model, queue, requests in [("a", "busy", "0+150000x40", "0+5x40"), ("a", "idle-1", "9x40", "1x40"),
                                        ("a", "idle-2", "9x40", "1x40"), ("b", "idle-1", "9x40", "1x40")]:
        text += series("nv_inference_queue_duration_us", pod, model, queue)
        text += series("nv_inference_request_success", pod, model, requests)
    question = json.dumps(f"round({adapter_query('pod')})")
    text += f"    promql_expr_test:\n      - expr: {question}\n        eval_time: 2m\n"
    text += "        exp_samples: [{ labels: '{pod=\"a\"}', value: 30000 }, { labels: '{pod=\"b\"}', value: 0 }]\n"
    (tmp_path / "adapter.yml").write_text(text)
    status, said = promtool("test", "rules", tmp_path / "adapter.yml")
    assert status == 0, said


def test_keda_asks_for_rules_that_there_are():
    scaled, = documents(MANIFESTS / "keda-prometheus" / "scaled-object.yml")
    rules = YAML(typ="safe").load((FILES / "rules.yml").read_text())["groups"]
    names = {rule["record"] for group in rules for rule in group["rules"]}
    asked = {name for trigger in scaled["spec"]["triggers"] for name in
             re.findall(r"[a-z_]+:[a-z0-9_]+:[a-z0-9_]+", trigger["metadata"]["query"])}
    assert asked and asked <= names


def test_the_guide_speaks_of_rules_that_there_are():
    rules = (FILES / "rules.yml").read_text()
    named = re.findall(r"\b[a-z_]+:[a-z0-9_]+:[a-z0-9_]+", (REPOSITORY / "docs" / "autoscaling.md").read_text())
    assert named and all(f"record: {name}\n" in rules for name in named)
