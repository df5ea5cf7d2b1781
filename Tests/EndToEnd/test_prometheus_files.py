"""What config/prometheus has for Prometheus: rules, alerts with their unit tests and runbook, and whom it scrapes."""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from ruamel.yaml import YAML

from support.gateway import REPOSITORY, wait_until
from support.prometheus import FILES, Prometheus, promtool

RULES, ALERTS = FILES / "rules.yml", FILES / "alerts.yml"
TESTS = sorted((FILES / "tests").glob("*.yml"))
RUNBOOK = REPOSITORY / "docs" / "observability.md"


def load(path):
    return YAML(typ="safe").load(path.read_text())


def alerts() -> list:
    return [rule for group in load(ALERTS)["groups"] for rule in group["rules"]]


def test_rules_and_alerts_are_right():
    status, said = promtool("check", "rules", RULES, ALERTS)
    assert status == 0, said


def test_plain_hosts_are_configured_right():
    status, said = promtool("check", "config", FILES / "prometheus.yml")
    assert status == 0, said
    assert {job["job_name"] for job in load(FILES / "prometheus.yml")["scrape_configs"]} == {"sluice", "triton", "dcgm"}


def test_every_alert_and_rule_does_as_its_unit_tests_say():
    # One file after the other takes promtool long.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for status, said in pool.map(lambda path: promtool("test", "rules", path), TESTS):
            assert status == 0, said


def test_every_alert_is_tried_both_ways():
    fires, silent = set(), set()
    for file in TESTS:
        for test in load(file)["tests"]:
            for case in test.get("alert_rule_test", []):
                (fires if case["exp_alerts"] else silent).add(case["alertname"])
    names = {alert["alert"] for alert in alerts()}
    assert fires == names
    assert silent == names


def test_every_recording_rule_is_used_or_tried():
    """By name in a unit test, in an alert, or in another rule."""
    texts = "\n".join(path.read_text() for path in [ALERTS, *TESTS])
    rules = [rule for group in load(RULES)["groups"] for rule in group["rules"]]
    expressions = "\n".join(rule["expr"] for rule in rules)
    unused = [rule["record"] for rule in rules if rule["record"] not in texts and rule["record"] not in expressions]
    assert unused == []
    assert all(re.fullmatch(r"[a-z_]+:[a-z0-9_]+:[a-z0-9_]+", rule["record"]) for rule in rules)


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_says_what_it_is_and_where_to_read_on(alert):
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert alert["annotations"]["summary"]
    # A heading's anchor is its text in lower case.
    assert alert["annotations"]["runbook"] == f"docs/observability.md#{alert['alert'].lower()}"
    assert re.search(rf"^### {alert['alert']}$", RUNBOOK.read_text(), re.MULTILINE), "no paragraph in the runbook"


def test_no_other_metrics_than_there_are():
    """Every name that begins as the gateway's do is in docs/metrics.md."""
    known = set(re.findall(r"^\| `(\w+)` \|", (REPOSITORY / "docs" / "metrics.md").read_text(), re.MULTILINE))
    histograms = {name + end for name in known if name.endswith("_seconds") for end in ("_bucket", "_sum", "_count")}
    text = "\n".join(path.read_text() for path in [RULES, ALERTS, REPOSITORY / "config" / "grafana" / "sluice.json"])
    # Not names of rules, which have a colon on either side.
    named = set(re.findall(r"(?<![:\w])(?:sluice|process)_\w+(?![:\w])", text))
    assert named - known - histograms == set()


def test_compose_mounts_what_there_is():
    docker = REPOSITORY / "docker"
    services = load(docker / "compose.yaml")["services"]
    mounts = [mount.split(":") for service in services.values() for mount in service.get("volumes", [])]
    assert mounts and all((docker / source).exists() for source, *_ in mounts)
    places = {target: docker / source for source, target, *_ in mounts}
    for file in load(docker / "prometheus.yml")["rule_files"]:
        directory, _, name = file.rpartition("/")
        assert (places[directory] / name).exists(), file
    assert {name for name, each in services.items() if each.get("profiles")} == {"grafana", "jaeger"}


# --- Kubernetes

ANNOTATION = "__meta_kubernetes_pod_annotation_prometheus_io_"


def pod(name: str, ip: str, *, annotations: dict, labels: dict | None = None, ports: tuple = (8080,), **meta) -> list:
    """The targets that Prometheus finds for a pod: one for each port of its containers."""
    own = {
        "__meta_kubernetes_namespace": "ml", "__meta_kubernetes_pod_name": name, "__meta_kubernetes_pod_ip": ip,
        "__meta_kubernetes_pod_node_name": "node-1", "__meta_kubernetes_pod_phase": "Running",
        "__meta_kubernetes_pod_container_init": "false",
    }
    own |= {ANNOTATION + key: value for key, value in annotations.items()}
    own |= {f"__meta_kubernetes_pod_label_{key}": value for key, value in (labels or {}).items()}
    own |= {f"__meta_kubernetes_pod_{key}": value for key, value in meta.items()}
    host = f"[{ip}]" if ":" in ip else ip
    return [{"targets": [f"{host}:{port}"], "labels": own} for port in ports]


PODS = [
    *pod("sluice-0", "10.0.0.1", annotations={"scrape": "true", "port": "9902"},
         labels={"app_kubernetes_io_name": "sluice", "app": "gateway"}, ports=(8080, 8443, 9902)),
    *pod("triton-0", "10.0.0.2", annotations={"scrape": "true", "port": "8002"}, labels={"app": "triton"},
         ports=(8000, 8001, 8002)),
    *pod("triton-1", "fd00::2", annotations={"scrape": "true", "port": "8002"}, labels={"app": "triton"}),
    *pod("dcgm-x", "10.0.0.3", annotations={"scrape": "true", "port": "9400", "path": "/gpu", "scheme": "https"},
         labels={"app_kubernetes_io_name": "dcgm-exporter"}),
    # Without a port it is each container's own; without labels the job is that of the file.
    *pod("plain", "10.0.0.4", annotations={"scrape": "true"}, ports=(9000, 9001)),
    *pod("silent", "10.0.0.5", annotations={}),
    *pod("unwilling", "10.0.0.6", annotations={"scrape": "false", "port": "9902"}),
    *pod("ended", "10.0.0.7", annotations={"scrape": "true", "port": "9902"}, phase="Succeeded"),
    *pod("initial", "10.0.0.8", annotations={"scrape": "true", "port": "9902"}, container_init="true"),
]


@pytest.fixture(scope="module")
def kubernetes(tmp_path_factory):
    """A Prometheus with the relabelling of kubernetes.yml, and pods from a file in place of an API server.

    Debian's is built without discovery in Kubernetes, so only what comes after it can be tried.
    """
    directory = tmp_path_factory.mktemp("kubernetes")
    (directory / "pods.json").write_text(json.dumps(PODS))
    text = (FILES / "kubernetes.yml").read_text()
    discovery = "    kubernetes_sd_configs:\n      - role: pod\n"
    assert text.count(discovery) == 1
    text = text.replace(discovery, f"    file_sd_configs:\n      - files: ['{directory / 'pods.json'}']\n")
    text = text.replace("rule_files: [rules.yml, alerts.yml]", f"rule_files: ['{RULES}', '{ALERTS}']")
    (directory / "checked.yml").write_text(text)
    status, said = promtool("check", "config", directory / "checked.yml")
    assert status == 0, said
    with Prometheus(text, directory) as prometheus:
        yield prometheus


def test_pods_are_scraped_as_their_annotations_say(kubernetes):
    def found() -> dict:
        active = kubernetes.get("targets", state="active")["activeTargets"]
        return {each["scrapeUrl"]: each["labels"] for each in active}

    targets = wait_until(found, 30, "targets")
    assert {url: (labels["job"], labels["pod"]) for url, labels in targets.items()} == {
        "http://10.0.0.1:9902/metrics": ("sluice", "sluice-0"),
        "http://10.0.0.2:8002/metrics": ("triton", "triton-0"),
        "http://[fd00::2]:8002/metrics": ("triton", "triton-1"),
        "https://10.0.0.3:9400/gpu": ("dcgm", "dcgm-x"),
        "http://10.0.0.4:9000/metrics": ("kubernetes-pods", "plain"),
        "http://10.0.0.4:9001/metrics": ("kubernetes-pods", "plain"),
    }
    assert {labels["namespace"] for labels in targets.values()} == {"ml"}
    assert {labels["node"] for labels in targets.values()} == {"node-1"}


def test_a_pod_with_many_ports_is_scraped_once(kubernetes):
    pools = [each["discoveredLabels"]["__meta_kubernetes_pod_name"]
             for each in kubernetes.get("targets", state="active")["activeTargets"]]
    assert pools.count("sluice-0") == 1
