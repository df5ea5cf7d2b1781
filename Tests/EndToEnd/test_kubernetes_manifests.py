"""config/kubernetes: every manifest is what its API takes, and they fit together.

Kubernetes' own kinds are held against its published schemas, others against `support.kubernetes_types`, and all of them
against each other by `support.cluster_checks`. Each of those checks is tried with something broken.
"""

import copy
import os
import re
import shutil
import subprocess

import kubernetes_validate
import pytest
from jsonschema import Draft7Validator

from support import kubernetes_types as types
from support.cluster import FORMAT, MANIFESTS, NAMESPACE, Cluster, commands, documents, folders, resources
from support.cluster_checks import SERVED_METRICS, problems
from support.gateway import REPOSITORY, binary

# The oldest that anybody still gets, and the newest there is.
VERSIONS = ("1.29", kubernetes_validate.latest_version())
WHOLE = Cluster.whole()
FILES = [pytest.param(path, id=str(path.relative_to(MANIFESTS))) for folder in folders() for path in resources(folder)]
# What README.md puts in place of something else, so that it is not applied with the rest.
VARIANTS = {"activate", "cert-manager", "gpu-operator", "hpa-service", "keda", "keda-prometheus", "mig", "monitoring"}


def mistakes(schema: dict, value) -> list:
    return [error.message for error in Draft7Validator(schema).iter_errors(value)]


# --- each by itself


@pytest.mark.parametrize("path", FILES)
def test_a_manifest_is_what_its_api_takes(path):
    found = documents(path)
    assert found
    for each in found:
        schema = types.KINDS.get((each["apiVersion"], each["kind"]))
        if schema:
            assert mistakes(schema, each) == []
        else:
            for version in VERSIONS:
                kubernetes_validate.validate(each, version, strict=True)


def test_a_mistake_is_seen():
    service = copy.deepcopy(WHOLE.one("Service", "sluice"))
    service["spec"]["ports"][0]["tragetPort"] = "http"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, VERSIONS[-1], strict=True)
    scaled = copy.deepcopy(WHOLE.one("ScaledObject", "triton"))
    scaled["spec"]["triggers"][0]["metadata"]["targetValue"] = 50
    schema = types.KINDS[scaled["apiVersion"], scaled["kind"]]
    assert mistakes(schema, scaled)


def test_a_configuration_inside_of_a_manifest_is_right():
    plugin = WHOLE.one("ConfigMap", "device-plugin-config", "gpu-operator")["data"]
    for key, text in plugin.items():
        assert mistakes(types.DEVICE_PLUGIN, FORMAT.load(text)) == [], key
    partitions = WHOLE.one("ConfigMap", "mig-config", "gpu-operator")["data"]["config.yaml"]
    assert mistakes(types.PARTITIONS, FORMAT.load(partitions)) == []


def test_slices_fit_on_the_gpu_they_are_for():
    """An A100 has seven shares of cores, and eight of memory."""
    configured = FORMAT.load(WHOLE.one("ConfigMap", "mig-config", "gpu-operator")["data"]["config.yaml"])["mig-configs"]
    profiles = set()
    for name, parts in configured.items():
        for part in parts:
            devices = part.get("mig-devices", {})
            profiles |= set(devices)
            assert sum(int(profile[0]) * count for profile, count in devices.items()) <= 7, name
            assert sum(int(re.search(r"(\d+)gb", profile)[1]) * count for profile, count in devices.items()) <= 40, name
            assert part["mig-enabled"] == bool(devices), name
    # Whoever asks for a slice, or takes turns on one, asks for one that is made.
    asked = {name for each in WHOLE.all("Deployment") for container in each["spec"]["template"]["spec"]["containers"]
             for name in container["resources"]["limits"] if name.startswith("nvidia.com/mig-")}
    for text in WHOLE.one("ConfigMap", "device-plugin-config", "gpu-operator")["data"].values():
        sharing = FORMAT.load(text).get("sharing", {"timeSlicing": {"resources": []}})
        asked |= {each["name"] for each in sharing["timeSlicing"]["resources"] if each["name"] != "nvidia.com/gpu"}
    assert asked and asked <= {f"nvidia.com/mig-{profile}" for profile in profiles}


# --- kustomizations


def test_every_file_is_in_its_kustomization():
    for folder in [MANIFESTS, *folders()]:
        kustomization, = documents(folder / "kustomization.yml")
        assert mistakes(types.KUSTOMIZATION, kustomization) == []
        if folder == MANIFESTS:
            every = {each.name for each in MANIFESTS.iterdir() if each.is_dir()}
            assert set(kustomization["resources"]) | VARIANTS == every
            assert not set(kustomization["resources"]) & VARIANTS
        else:
            assert {path.name for path in folder.iterdir()} == {"kustomization.yml", *kustomization["resources"]}


def test_the_readme_speaks_of_every_folder():
    text = (MANIFESTS / "README.md").read_text()
    assert set(re.findall(r"^\| \[([\w-]+)/\]\(\1\)", text, re.MULTILINE)) == {folder.name for folder in folders()}


def applied(*names: str) -> list:
    return [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
            for name in names for path in resources(MANIFESTS / name) for each in documents(path)]


def test_what_is_applied_together_has_names_of_its_own():
    root, = documents(MANIFESTS / "kustomization.yml")
    # With all that goes beside it; each of the rest scales the same Deployment in another way.
    beside = VARIANTS - {"hpa-service", "keda", "keda-prometheus"}
    names = applied(*root["resources"], *sorted(beside))
    assert len(names) == len(set(names))
    assert [kind for kind, *_ in applied(*root["resources"])].count("HorizontalPodAutoscaler") == 1
    # This one takes the place of the one in hpa/, as it is said.
    assert set(applied("hpa-service")) <= set(applied("hpa"))


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl")
@pytest.mark.parametrize("folder", [MANIFESTS, *folders()], ids=lambda folder: folder.name)
def test_kubectl_builds_it(folder):
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    if "unknown field" not in done.stderr:
        names = documents(folder / "kustomization.yml")[0]["resources"] if folder == MANIFESTS else [folder.name]
        built = [each for each in FORMAT.load_all(done.stdout) if each]
        assert sorted((each["kind"], each["metadata"]["name"]) for each in built) == sorted(
            (kind, name) for kind, _, name in applied(*names))


# --- each against the others


def test_manifests_fit_together():
    assert problems(WHOLE) == []


@pytest.mark.parametrize("name", ["custom-metrics.md", "autoscaling.md"])
def test_metrics_are_those_that_the_documents_have(name):
    text = (REPOSITORY / "docs" / name).read_text()
    assert dict(re.findall(r"^\| `([a-z_]+)` \| `([a-zA-Z]+)` \|", text, re.MULTILINE)) == SERVED_METRICS


def test_images_are_those_of_the_compose_file():
    compose = (REPOSITORY / "docker" / "compose.yaml").read_text()
    for name in ("triton", "triton-mig"):
        container, = WHOLE.one("Deployment", name)["spec"]["template"]["spec"]["containers"]
        assert f"image: {container['image']}\n" in compose


def change(kind: str, name: str, namespace: str | None = NAMESPACE):
    """Makes a change to one object a change to all of them."""
    def with_change(edit):
        def apply(cluster):
            edit(cluster.one(kind, name, namespace))
        return apply
    return with_change


def pod(edit):
    return change("Deployment", "sluice")(lambda each: edit(each["spec"]["template"]))


def triton(edit):
    return change("Deployment", "triton")(lambda each: edit(each["spec"]["template"]))


def settings(before: str, after: str):
    def edit(each):
        assert before in each["data"]["sluice.yaml"]
        each["data"]["sluice.yaml"] = each["data"]["sluice.yaml"].replace(before, after)
    return change("ConfigMap", "sluice-config")(edit)


def spec(kind: str, name: str, edit, namespace: str | None = NAMESPACE):
    return change(kind, name, namespace)(lambda each: edit(each["spec"]))


def gone(kind: str, name: str, namespace: str | None = NAMESPACE):
    return lambda cluster: cluster.objects.remove(cluster.one(kind, name, namespace))


def container(template: dict) -> dict:
    return template["spec"]["containers"][0]


def sources(template: dict) -> list:
    return template["spec"]["volumes"][0]["projected"]["sources"]


BROKEN = {
    "service selector": (spec("Service", "sluice", lambda s: s.update(selector={"app": "sluice"})), "selects no pod"),
    "pod labels": (pod(lambda p: p["metadata"].update(labels={"app.kubernetes.io/name": "gateway"})), "its own pods"),
    "budget": (spec("PodDisruptionBudget", "triton", lambda s: s["selector"].update(matchLabels={"a": "b"})), "no pod"),
    "spread": (pod(lambda p: p["spec"]["topologySpreadConstraints"][0]["labelSelector"].update(
        matchLabels={"a": "b"})), "spreads other pods"),
    "target port": (spec("Service", "sluice", lambda s: s["ports"][0].update(targetPort="web")), "has no port web"),
    "container port": (pod(lambda p: container(p)["ports"][1].update(containerPort=9901)), "metrics is 9901"),
    "listener": (settings("0.0.0.0:9902", "0.0.0.0:9903"), "0.0.0.0:9903 in sluice.yaml"),
    "loopback": (settings("0.0.0.0:6443", "127.0.0.1:6443"), "nobody outside"),
    "open admin": (settings("127.0.0.1:9901", "0.0.0.0:9901"), "admin is for everybody"),
    "probe port": (pod(lambda p: container(p)["readinessProbe"]["httpGet"].update(port="admin")), "asks port admin"),
    "probe path": (pod(lambda p: container(p)["livenessProbe"]["httpGet"].update(path="/readyz")), "livenessProbe is"),
    "no secret": (gone("Secret", "sluice-users"), "there is no Secret sluice-users"),
    "no config": (pod(lambda p: sources(p)[4]["configMap"].update(name="ca")), "there is no ConfigMap ca"),
    "secret key": (pod(lambda p: sources(p)[3]["secret"]["items"][0].update(key="tokn")), "has no tokn"),
    "mount": (pod(lambda p: container(p)["volumeMounts"][0].update(name="config")), "mounted ['config']"),
    "no claim": (gone("PersistentVolumeClaim", "models"), "there is no claim models"),
    "no volume": (gone("PersistentVolume", "ml-models", None), "there is no volume ml-models"),
    "volume": (spec("PersistentVolume", "ml-models", lambda s: s.update(accessModes=["ReadWriteOnce"]), None), "fit"),
    "models": (triton(lambda p: container(p)["volumeMounts"][0].update(mountPath="/srv")), "mounted at /models"),
    "file": (settings("tls.key", "server.key"), "names"),
    "unused file": (settings("  requestHeaderCA: front-proxy-ca.crt\n", ""), "the volume has"),
    "place": (pod(lambda p: container(p)["volumeMounts"][0].update(mountPath="/etc")), "mounted at /etc/sluice"),
    "account": (gone("ServiceAccount", "sluice"), "there is no ServiceAccount sluice"),
    "role": (gone("Role", "sluice-endpoints"), "there is no Role sluice-endpoints"),
    "subject": (change("ClusterRoleBinding", "horizontal-pod-autoscaler-custom-metrics", None)(
        lambda each: each["subjects"][0].update(namespace="default")), "no account horizontal-pod-autoscaler"),
    "grace": (settings("drain: 25s", "drain: 45s"), "needs 60"),
    "triton's grace": (triton(lambda p: p["spec"].update(terminationGracePeriodSeconds=30)), "triton has 30 s"),
    "annotation": (pod(lambda p: p["metadata"]["annotations"].update({"prometheus.io/port": "8080"})), "at port 8080"),
    "not scraped": (triton(lambda p: p["metadata"].pop("annotations")), "triton is not scraped"),
    "pod monitor": (spec("PodMonitor", "triton", lambda s: s["podMetricsEndpoints"][0].update(port="http")),
                    "PodMonitor triton asks port http"),
    "job": (spec("PodMonitor", "sluice", lambda s: s.update(jobLabel="app")), "no name"),
    "target": (spec("HorizontalPodAutoscaler", "triton", lambda s: s["scaleTargetRef"].update(name="tritons")),
               "there is no Deployment tritons"),
    "kind": (spec("ScaledObject", "triton", lambda s: s["scaleTargetRef"].update(kind="StatefulSet")), "StatefulSet"),
    "replicas": (spec("Deployment", "triton", lambda s: s.update(replicas=1)), "undo"),
    "metric": (spec("HorizontalPodAutoscaler", "triton", lambda s: s["metrics"][0]["pods"]["metric"].update(
        name="avg_queue_us")), "nobody serves avg_queue_us"),
    "scaled url": (spec("ScaledObject", "triton", lambda s: s["triggers"][0]["metadata"].update(
        url="https://sluice.ml.svc/api/v1/scale?backend=triton")), "nobody is sluice.ml.svc"),
    "scaled backend": (settings("  triton:\n    endpoints", "  main:\n    endpoints"), "no backend triton"),
    "scaled value": (spec("ScaledObject", "triton", lambda s: s["triggers"][1]["metadata"].update(
        valueLocation="pending")), "nobody serves pending"),
    "mean as a sum": (spec("ScaledObject", "triton", lambda s: s["triggers"][0].pop("metricType")), "by None"),
    "login": (gone("TriggerAuthentication", "sluice-scale"), "there is no TriggerAuthentication"),
    "other token": (spec("TriggerAuthentication", "sluice-scale", lambda s: s["secretTargetRef"][0].update(
        name="sluice-users")), "another token"),
    "api service name": (spec("APIService", "v1beta1.custom.metrics.k8s.io", lambda s: s.update(version="v1"), None),
                         "is v1 of"),
    "api service": (spec("APIService", "v1beta2.custom.metrics.k8s.io", lambda s: s["service"].update(port=6443), None),
                    "nobody is sluice-custom-metrics"),
    "reader": (gone("ClusterRole", "custom-metrics-reader", None), "nobody may read"),
    "backend's service": (settings("service: triton,", "service: tritons,"), "there is no Service tritons"),
    "backend's port": (settings("port: http }", "port: web }"), "has no port web"),
    "gRPC port": (settings("grpcPort: 8001", "grpcPort: 9001"), "other ports"),
    "right": (change("Role", "sluice-endpoints")(lambda each: each["rules"][0].update(verbs=["list"])),
              "may not watch"),
    "closed": (spec("NetworkPolicy", "sluice", lambda s: s["ingress"].pop(2)), "opens ['http', 'metrics']"),
    "stranger": (spec("NetworkPolicy", "triton", lambda s: s["ingress"][0]["from"][0]["podSelector"].update(
        matchLabels={"app": "x"})), "which no pod has"),
    "no names": (spec("NetworkPolicy", "sluice", lambda s: s["egress"].pop(0)), "neither names"),
    "no way out": (spec("NetworkPolicy", "sluice", lambda s: s["egress"][1]["ports"].pop()), "does not reach [8002]"),
    "scaled": (change("Role", "sluice-activate")(lambda each: each["rules"][0].update(resourceNames=["x"])),
               "there is no Deployment x"),
    "may not": (change("Role", "sluice-activate")(lambda each: each["rules"][0].update(verbs=["get"])), "may not scale"),
    "name": (spec("Certificate", "sluice-certificate", lambda s: s.update(dnsNames=["sluice.ml.svc"])), "makes no"),
    "issuer": (gone("Issuer", "self-signed"), "no such Issuer"),
    "root": (pod(lambda p: p["spec"]["securityContext"].pop("runAsUser")), "sluice may be root"),
    "capabilities": (triton(lambda p: container(p)["securityContext"].pop("capabilities")), "may become more"),
    "writing": (pod(lambda p: container(p)["securityContext"].pop("readOnlyRootFilesystem")), "may write"),
    "version": (pod(lambda p: container(p).update(image="sluice:latest")), "has no version"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_does_not_fit_is_seen(name):
    edit, said = BROKEN[name]
    cluster = Cluster(copy.deepcopy(WHOLE.objects), WHOLE.by_hand)
    edit(cluster)
    found = problems(cluster)
    assert any(said in each for each in found), found


# --- against the commands and against Sluice


def certificate_command() -> list:
    return next(words for words in commands((MANIFESTS / "README.md").read_text()) if words[:2] == ["openssl", "req"])


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    """/etc/sluice as the kubelet makes it, with what the README's commands make."""
    directory = tmp_path_factory.mktemp("volume")
    subprocess.run(certificate_command(), cwd=directory, check=True, capture_output=True, timeout=60)
    by_hand = {"tls.crt": (directory / "tls.crt").read_text(), "tls.key": (directory / "tls.key").read_text(),
               "ca.crt": (directory / "tls.crt").read_text(), "token": "0123456789abcdef" * 4}
    etc = directory / "etc"
    data = etc / "..2026_11_22"
    data.mkdir(parents=True)
    for path, (kind, name, key) in WHOLE.projected().items():
        held = WHOLE.one(kind, name) or {}
        text = (held.get("data", {}) | held.get("stringData", {})).get(key) or by_hand[key]
        (data / path).write_text(text)
        (etc / path).symlink_to(f"..data/{path}")
    os.symlink(data.name, etc / "..data")
    return etc


def test_the_certificate_is_for_the_name_that_the_api_server_calls(volume):
    said = subprocess.run(["openssl", "x509", "-in", str(volume / "tls.crt"), "-noout", "-ext", "subjectAltName"],
                          capture_output=True, text=True, check=True).stdout
    for each in WHOLE.all("APIService"):
        service = each["spec"]["service"]
        assert f"DNS:{service['name']}.{service['namespace']}.svc" in said


def test_sluice_takes_its_configuration(volume):
    done = subprocess.run([binary(), "check", "-c", str(volume / "sluice.yaml")], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stdout + done.stderr
