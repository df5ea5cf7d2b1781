"""The manifests of config/kubernetes as one whole.

Objects are plain dictionaries, so that a test can change one and see what `cluster_checks` says.
"""

import functools
import re
import shlex
from pathlib import Path

from ruamel.yaml import YAML

from support.gateway import REPOSITORY

MANIFESTS = REPOSITORY / "config" / "kubernetes"
# As Kubernetes reads it: 0440 is octal.
FORMAT = YAML(typ="safe", pure=True)
FORMAT.version = (1, 1)
NAMESPACE = "ml"


def documents(path: Path) -> list:
    return [document for document in FORMAT.load_all(path.read_text()) if document is not None]


@functools.cache
def parsed(text: str) -> dict:
    """For who only looks at it."""
    return FORMAT.load(text)


def folders() -> list:
    return sorted(path.parent for path in MANIFESTS.glob("*/kustomization.yml"))


def resources(folder: Path) -> list:
    """The manifests of a folder's kustomization."""
    kustomization, = documents(folder / "kustomization.yml")
    return [folder / name for name in kustomization["resources"]]


def commands(text: str) -> list:
    """The commands of a document's bash blocks, as words."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [shlex.split(line, comments=True) for block in blocks for line in block.replace("\\\n", " ").splitlines()]


def made_by_hand() -> dict:
    """{(kind, name): keys} of what the README's commands create."""
    found = {}
    for words in commands((MANIFESTS / "README.md").read_text()):
        if words[:1] != ["kubectl"] or "create" not in words:
            continue
        rest = words[words.index("create") + 1:]
        if rest[:2] == ["secret", "tls"]:
            found["Secret", rest[2]] = {"tls.crt", "tls.key"}
        else:
            name = rest[2] if rest[0] == "secret" else rest[1]
            keys = {re.split("[=/]", word.partition("=")[2])[0] for word in rest if word.startswith("--from-")}
            found["Secret" if rest[0] == "secret" else "ConfigMap", name] = keys
    return found


class Cluster:
    """Objects, and the keys of those that are made by hand. Variants of one thing may both be there."""

    def __init__(self, objects: list, by_hand: dict):
        self.objects, self.by_hand = objects, by_hand

    @classmethod
    def whole(cls) -> "Cluster":
        """Every manifest there is."""
        return cls([each for folder in folders() for path in resources(folder) for each in documents(path)],
                   made_by_hand())

    # --- looking things up

    def all(self, kind: str) -> list:
        return [each for each in self.objects if each["kind"] == kind]

    def one(self, kind: str, name: str, namespace: str | None = NAMESPACE):
        """The first of that name, `None` if there is none."""
        return next((each for each in self.all(kind) if each["metadata"]["name"] == name
                     and each["metadata"].get("namespace") == namespace), None)

    def pods(self, namespace: str, labels: dict) -> list:
        """Deployments whose pods a selector takes."""
        return [each for each in self.all("Deployment") if each["metadata"]["namespace"] == namespace
                and labels.items() <= each["spec"]["template"]["metadata"]["labels"].items()]

    @property
    def gateway(self) -> dict:
        """The configuration in the ConfigMap."""
        return parsed(self.one("ConfigMap", "sluice-config")["data"]["sluice.yaml"])

    def keys(self, kind: str, name: str) -> set | None:
        """The keys of a ConfigMap or Secret, wherever it comes from; `None` if there is none."""
        found = self.one(kind, name)
        if found is not None:
            return set(found.get("data", {})) | set(found.get("stringData", {}))
        return self.by_hand.get((kind, name))

    def projected(self) -> dict:
        """{path: (kind, name, key)} of the files below /etc/sluice."""
        volume, = self.one("Deployment", "sluice")["spec"]["template"]["spec"]["volumes"]
        found = {}
        for source in volume["projected"]["sources"]:
            for key, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
                if key in source:
                    name = source[key]["name"]
                    items = source[key].get("items") or [
                        {"key": each, "path": each} for each in sorted(self.keys(kind, name) or ())]
                    found |= {item["path"]: (kind, name, item["key"]) for item in items}
        return found

    def port_of_service(self, host: str, port: int):
        """The name of the container's port behind a port of a Service, by its name in the cluster."""
        name, namespace, *rest = host.split(".")
        service = self.one("Service", name, namespace)
        if service is None or rest not in (["svc"], ["svc", "cluster", "local"]):
            return None
        return next((each["targetPort"] for each in service["spec"]["ports"] if each["port"] == port), None)

    def may(self, namespace: str, group: str, resource: str, verbs: set) -> bool:
        """Whether Sluice's account has the rights in a namespace."""
        account = self.one("Deployment", "sluice")["spec"]["template"]["spec"]["serviceAccountName"]
        for binding in self.all("RoleBinding"):
            names = [subject["name"] for subject in binding["subjects"]]
            if binding["metadata"]["namespace"] == namespace and account in names:
                role = self.one("Role", binding["roleRef"]["name"], namespace)
                for rule in (role or {"rules": []})["rules"]:
                    if group in rule["apiGroups"] and resource in rule["resources"] and verbs <= set(rule["verbs"]):
                        return True
        return False


# --- of one object


def containers(deployment: dict) -> list:
    return deployment["spec"]["template"]["spec"]["containers"]


def ports(deployment: dict) -> dict:
    """{name: number} of the containers' ports."""
    return {port["name"]: port["containerPort"] for each in containers(deployment) for port in each["ports"]}


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def is_mean(metric: str) -> bool:
    """Whether the metric of a group is a mean over it, and no sum."""
    return metric not in ("pending_requests", "requests_per_second", "pendingRequests", "requestsPerSecond")


FILE_KEYS = {"certificate", "privateKey", "requestHeaderCA", "tokenFile", "usersFile", "clientCA", "ca"}


def file_values(value):
    """Every file that a configuration names."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key in FILE_KEYS and isinstance(each, str):
                yield each
            yield from file_values(each)
    elif isinstance(value, list):
        for each in value:
            yield from file_values(each)
