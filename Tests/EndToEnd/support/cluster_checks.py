"""What the manifests of config/kubernetes say of each other has to be so; `problems` is empty where they fit."""

import re
from pathlib import Path

from support.cluster import NAMESPACE, Cluster, containers, file_values, is_mean, port_of, ports

# Between the end of `drain` and the kill: to close what is left, write the last lines of the log, and for a busy node.
MARGIN_SECONDS = 10
# Metrics that Sluice serves, with their names in /api/v1/scale.
SERVED_METRICS = {
    "avg_time_queue_us": "queueMicroseconds", "pending_requests": "pendingRequests",
    "requests_per_second": "requestsPerSecond", "queue_to_compute_ratio": "queueToComputeRatio",
    "gpu_utilization": "gpuUtilization",
}
# Service accounts and roles that every cluster has.
STANDARD_ACCOUNTS = {("kube-system", "horizontal-pod-autoscaler")}


def problems(cluster: Cluster) -> list:
    return [f"{check.__name__}: {text}" for check in CHECKS for text in check(cluster)]


def seconds(duration: str) -> float:
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([0-9.]+)(ms|s|m|h)", duration))


def selectors(cluster):
    """Who selects pods has some."""
    for each in cluster.objects:
        name, namespace = each["metadata"]["name"], each["metadata"].get("namespace")
        spec = each.get("spec", {})
        chosen = {
            "Service": lambda: spec["selector"],
            "PodDisruptionBudget": lambda: spec["selector"]["matchLabels"],
            "PodMonitor": lambda: spec["selector"]["matchLabels"],
            "NetworkPolicy": lambda: spec["podSelector"]["matchLabels"],
        }.get(each["kind"])
        if chosen and not cluster.pods(namespace, chosen()):
            yield f"{each['kind']} {name} selects no pod"
        if each["kind"] == "Deployment":
            labels = spec["template"]["metadata"]["labels"]
            if not spec["selector"]["matchLabels"].items() <= labels.items():
                yield f"Deployment {name} does not select its own pods"
            twins = cluster.pods(namespace, spec["selector"]["matchLabels"])
            if len(twins) != 1:
                yield f"Deployment {name} selects the pods of others"
            for spread in spec["template"]["spec"].get("topologySpreadConstraints", []):
                if not spread["labelSelector"]["matchLabels"].items() <= labels.items():
                    yield f"Deployment {name} spreads other pods than its own"


def services(cluster):
    for each in cluster.all("Service"):
        for deployment in cluster.pods(each["metadata"]["namespace"], each["spec"]["selector"]):
            for port in each["spec"]["ports"]:
                if port["targetPort"] not in ports(deployment):
                    yield f"Service {each['metadata']['name']}: {deployment['metadata']['name']} has no port " \
                          f"{port['targetPort']}"


def listeners(cluster):
    """The container's ports are those of the configuration."""
    gateway = cluster.gateway
    wanted = {"http": gateway["listeners"][0]["address"], "metrics": gateway["metrics"]["address"],
              "custom-metrics": gateway["customMetrics"]["address"]}
    have = ports(cluster.one("Deployment", "sluice"))
    for name, address in wanted.items():
        if have.get(name) != port_of(address):
            yield f"{name} is {have.get(name)}, and {address} in sluice.yaml"
        if not address.startswith("0.0.0.0:"):
            yield f"nobody outside of the pod reaches {address}"
    if not gateway["admin"]["address"].startswith("127.0.0.1:"):
        yield "admin is for everybody"


def probes(cluster):
    for each in cluster.all("Deployment"):
        for container in containers(each):
            for name in ("startupProbe", "readinessProbe", "livenessProbe"):
                get = container.get(name, {}).get("httpGet")
                if get and get["port"] not in ports(each):
                    yield f"{each['metadata']['name']}: {name} asks port {get['port']}"
    sluice, = containers(cluster.one("Deployment", "sluice"))
    for name, path in (("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")):
        if sluice[name]["httpGet"] != {"path": path, "port": "metrics"}:
            yield f"sluice: {name} is not {path} of the metrics listener"


def volumes(cluster):
    """What is mounted is there, and so is what it is made from."""
    for each in cluster.all("Deployment"):
        name, spec = each["metadata"]["name"], each["spec"]["template"]["spec"]
        for volume in spec.get("volumes", []):
            for source in volume.get("projected", {}).get("sources", [volume]):
                for key, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
                    if key not in source:
                        continue
                    have = cluster.keys(kind, source[key]["name"])
                    if have is None:
                        yield f"{name}: there is no {kind} {source[key]['name']}"
                    for item in source[key].get("items", []):
                        if have is not None and item["key"] not in have:
                            yield f"{name}: {kind} {source[key]['name']} has no {item['key']}"
        names = {volume["name"] for volume in spec.get("volumes", [])}
        mounted = {mount["name"] for container in containers(each) for mount in container.get("volumeMounts", [])}
        if names != mounted:
            yield f"{name}: volumes {sorted(names)}, mounted {sorted(mounted)}"


def claims(cluster):
    for each in cluster.all("Deployment"):
        for volume in each["spec"]["template"]["spec"].get("volumes", []):
            claim = volume.get("persistentVolumeClaim")
            if claim and not cluster.one("PersistentVolumeClaim", claim["claimName"]):
                yield f"{each['metadata']['name']}: there is no claim {claim['claimName']}"
    for claim in cluster.all("PersistentVolumeClaim"):
        volume = cluster.one("PersistentVolume", claim["spec"]["volumeName"], None)
        if volume is None:
            yield f"claim {claim['metadata']['name']}: there is no volume {claim['spec']['volumeName']}"
        elif (claim["spec"]["accessModes"] != volume["spec"]["accessModes"]
              or claim["spec"]["storageClassName"] != volume["spec"]["storageClassName"]
              or claim["spec"]["resources"]["requests"] != volume["spec"]["capacity"]):
            yield f"claim {claim['metadata']['name']} does not fit its volume"
    for each in cluster.all("Deployment"):
        container, = containers(each)
        mounts = {mount["mountPath"] for mount in container.get("volumeMounts", [])}
        for word in container["args"]:
            if word.startswith("--model-repository=") and word.partition("=")[2] not in mounts:
                yield f"{each['metadata']['name']}: nothing is mounted at {word.partition('=')[2]}"


def files(cluster):
    """Every file that the configuration names is in the volume, and nothing else is."""
    container, = containers(cluster.one("Deployment", "sluice"))
    path = Path(container["args"][container["args"].index("-c") + 1])
    if str(path.parent) != container["volumeMounts"][0]["mountPath"]:
        yield f"nothing is mounted at {path.parent}"
    named = {path.name} | set(file_values(cluster.gateway))
    if named != set(cluster.projected()):
        yield f"sluice.yaml names {sorted(named)}, the volume has {sorted(cluster.projected())}"


def accounts(cluster):
    have = {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in cluster.all("ServiceAccount")}
    for each in cluster.all("Deployment"):
        spec, namespace = each["spec"]["template"]["spec"], each["metadata"]["namespace"]
        if spec.get("automountServiceAccountToken", True) and \
                (namespace, spec.get("serviceAccountName")) not in have:
            yield f"{each['metadata']['name']}: there is no ServiceAccount {spec.get('serviceAccountName')}"
    for kind, role in (("RoleBinding", "Role"), ("ClusterRoleBinding", "ClusterRole")):
        for each in cluster.all(kind):
            name, reference = each["metadata"]["name"], each["roleRef"]
            if reference["kind"] != role or not cluster.one(role, reference["name"], each["metadata"].get("namespace")):
                yield f"{kind} {name}: there is no {reference['kind']} {reference['name']}"
            for subject in each["subjects"]:
                if (subject["namespace"], subject["name"]) not in have | STANDARD_ACCOUNTS:
                    yield f"{kind} {name}: there is no account {subject['name']}"


def endings(cluster):
    shutdown = cluster.gateway["shutdown"]
    needed = seconds(shutdown["delay"]) + seconds(shutdown["drain"]) + MARGIN_SECONDS
    given = cluster.one("Deployment", "sluice")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    if given < needed:
        yield f"sluice has {given} s to end and needs {needed:g}"
    for each in cluster.all("Deployment"):
        container, = containers(each)
        sleep = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])
        timeout = next((word for word in container["args"] if "--exit-timeout-secs=" in word), "=0").partition("=")[2]
        given = each["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        if given < int(sleep[1]) + int(timeout) + MARGIN_SECONDS:
            yield f"{each['metadata']['name']} has {given} s to end"


def scraping(cluster):
    """By annotations and by PodMonitors alike it is the metrics port."""
    for each in cluster.all("Deployment"):
        name, annotations = each["metadata"]["name"], each["spec"]["template"]["metadata"].get("annotations", {})
        if annotations.get("prometheus.io/scrape") != "true":
            yield f"{name} is not scraped"
        if annotations.get("prometheus.io/port") != str(ports(each).get("metrics")):
            yield f"{name} is scraped at port {annotations.get('prometheus.io/port')}"
        if annotations.get("prometheus.io/path", "/metrics") != "/metrics":
            yield f"{name} is scraped at {annotations['prometheus.io/path']}"
    for each in cluster.all("PodMonitor"):
        for deployment in cluster.pods(each["metadata"]["namespace"], each["spec"]["selector"]["matchLabels"]):
            for endpoint in each["spec"]["podMetricsEndpoints"]:
                if endpoint["port"] != "metrics" or "metrics" not in ports(deployment):
                    yield f"PodMonitor {each['metadata']['name']} asks port {endpoint['port']}"
        if each["spec"].get("jobLabel") not in each["spec"]["selector"]["matchLabels"]:
            yield f"PodMonitor {each['metadata']['name']}: the job has no name"


def autoscalers(cluster):
    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        for each in cluster.all(kind):
            name, target = each["metadata"]["name"], each["spec"]["scaleTargetRef"]
            found = cluster.one(target.get("kind", "Deployment"), target["name"], each["metadata"]["namespace"])
            if found is None:
                yield f"{kind} {name}: there is no {target.get('kind', 'Deployment')} {target['name']}"
            elif "replicas" in found["spec"]:
                yield f"{kind} {name}: the Deployment's own replicas would undo it"
    for each in cluster.all("HorizontalPodAutoscaler"):
        name = each["metadata"]["name"]
        for metric in each["spec"]["metrics"]:
            source = metric[metric["type"].lower()]
            if source["metric"]["name"] not in SERVED_METRICS:
                yield f"HorizontalPodAutoscaler {name}: nobody serves {source['metric']['name']}"
            described = source.get("describedObject")
            if described and not cluster.one(described["kind"], described["name"]):
                yield f"HorizontalPodAutoscaler {name}: there is no {described['kind']} {described['name']}"
            if described and is_mean(source["metric"]["name"]) != (source["target"]["type"] == "Value"):
                yield f"HorizontalPodAutoscaler {name}: {source['metric']['name']} by {source['target']['type']}"
        if each["spec"]["minReplicas"] > each["spec"]["maxReplicas"]:
            yield f"HorizontalPodAutoscaler {name}: fewer at most than at least"


def triggers(cluster):
    for each in cluster.all("ScaledObject"):
        name, namespace = each["metadata"]["name"], each["metadata"]["namespace"]
        for trigger in each["spec"]["triggers"]:
            metadata = trigger["metadata"]
            if trigger["type"] != "metrics-api":
                continue
            host, path, backend = re.fullmatch(r"https://([^/]+)(/[^?]+)\?backend=(.+)", metadata["url"]).groups()
            if path != "/api/v1/scale":
                yield f"ScaledObject {name} asks for {path}"
            if cluster.port_of_service(host, 443) != "custom-metrics":
                yield f"ScaledObject {name}: nobody is {host}"
            if backend not in cluster.gateway["backends"]:
                yield f"ScaledObject {name}: there is no backend {backend}"
            if metadata["valueLocation"] not in SERVED_METRICS.values():
                yield f"ScaledObject {name}: nobody serves {metadata['valueLocation']}"
            if is_mean(metadata["valueLocation"]) != (trigger.get("metricType") == "Value"):
                yield f"ScaledObject {name}: {metadata['valueLocation']} by {trigger.get('metricType')}"
            login = cluster.one("TriggerAuthentication", trigger["authenticationRef"]["name"], namespace)
            if login is None:
                yield f"ScaledObject {name}: there is no TriggerAuthentication {trigger['authenticationRef']['name']}"
            elif (metadata["authMode"], [ref["parameter"] for ref in login["spec"]["secretTargetRef"]]) != \
                    ("bearer", ["token"]):
                yield f"ScaledObject {name}: {metadata['authMode']} without what it takes"
    # It is the token that Sluice expects.
    expected = cluster.projected().get(cluster.gateway["customMetrics"]["tokenFile"])
    for login in cluster.all("TriggerAuthentication"):
        for reference in login["spec"]["secretTargetRef"]:
            if ("Secret", reference["name"], reference["key"]) != expected:
                yield f"TriggerAuthentication {login['metadata']['name']}: another token than Sluice's"


def api_services(cluster):
    for each in cluster.all("APIService"):
        name, spec = each["metadata"]["name"], each["spec"]
        if name != f"{spec['version']}.{spec['group']}" or spec["group"] != "custom.metrics.k8s.io":
            yield f"APIService {name} is {spec['version']} of {spec['group']}"
        host = f"{spec['service']['name']}.{spec['service']['namespace']}.svc"
        if cluster.port_of_service(host, spec["service"]["port"]) != "custom-metrics":
            yield f"APIService {name}: nobody is {host}"
        if spec.get("insecureSkipTLSVerify"):
            yield f"APIService {name} believes everybody"
    rights = [rule for role in cluster.all("ClusterRole") for rule in role["rules"]]
    if not any(rule["apiGroups"] == ["custom.metrics.k8s.io"] and "get" in rule["verbs"] for rule in rights):
        yield "nobody may read custom metrics"


def endpoints(cluster):
    """Where the configuration expects Tritons are some, and Sluice may look for them."""
    for name, backend in cluster.gateway["backends"].items():
        for endpoint in backend["endpoints"]:
            wanted = endpoint["kubernetes"]
            service = cluster.one("Service", wanted["service"], wanted["namespace"])
            if service is None:
                yield f"backend {name}: there is no Service {wanted['service']}"
                continue
            if wanted["port"] not in [port["name"] for port in service["spec"]["ports"]]:
                yield f"backend {name}: Service {wanted['service']} has no port {wanted['port']}"
            for deployment in cluster.pods(wanted["namespace"], service["spec"]["selector"]):
                have = ports(deployment)
                if (backend["triton"]["grpcPort"], backend["triton"]["metricsPort"]) != \
                        (have.get("grpc"), have.get("metrics")):
                    yield f"backend {name}: {deployment['metadata']['name']} has other ports than {backend['triton']}"
            if not cluster.may(wanted["namespace"], "discovery.k8s.io", "endpointslices", {"get", "list", "watch"}):
                yield f"backend {name}: Sluice may not watch EndpointSlices"
            if not cluster.may(wanted["namespace"], "", "pods", {"get", "list", "watch"}):
                yield f"backend {name}: Sluice may not read pods"


def networks(cluster):
    """What is needed is let through: named ports exist, all of them are reachable, and Tritons can be asked."""
    for each in cluster.all("NetworkPolicy"):
        name, spec = each["metadata"]["name"], each["spec"]
        own = cluster.pods(each["metadata"]["namespace"], spec["podSelector"]["matchLabels"])
        opened = {port["port"] for rule in spec["ingress"] for port in rule["ports"]}
        for deployment in own:
            if opened != set(ports(deployment)):
                yield f"NetworkPolicy {name} opens {sorted(opened)}, {deployment['metadata']['name']} has " \
                      f"{sorted(ports(deployment))}"
        for rule in [*spec["ingress"], *spec.get("egress", [])]:
            for peer in [*rule.get("from", []), *rule.get("to", [])]:
                labels = peer.get("podSelector", {}).get("matchLabels")
                here = "namespaceSelector" not in peer
                if labels and here and not cluster.pods(each["metadata"]["namespace"], labels):
                    yield f"NetworkPolicy {name} speaks of {labels}, which no pod has"
    egress = cluster.one("NetworkPolicy", "sluice")["spec"]["egress"]
    allowed = {port["port"] for rule in egress for port in rule["ports"]}
    if not {53, 443, 6443} <= allowed:
        yield "Sluice reaches neither names nor the API server"
    for deployment in cluster.pods(NAMESPACE, {"app.kubernetes.io/name": "triton"}):
        if missing := set(ports(deployment).values()) - allowed:
            yield f"Sluice does not reach {sorted(missing)} of {deployment['metadata']['name']}"
    policy = cluster.one("NetworkPolicy", "triton")["spec"]
    sluice = cluster.one("Deployment", "sluice")["spec"]["template"]["metadata"]["labels"]
    let_in = {port["port"] for rule in policy["ingress"] for peer in rule["from"] for port in rule["ports"]
              if peer.get("podSelector", {}).get("matchLabels", {"": ""}).items() <= sluice.items()}
    if let_in != {"http", "grpc", "metrics"}:
        yield f"the Tritons let Sluice in at {sorted(let_in)}"


def activation(cluster):
    for role in cluster.all("Role"):
        for rule in role["rules"]:
            if "deployments/scale" in rule["resources"]:
                for name in rule["resourceNames"]:
                    if not cluster.one("Deployment", name):
                        yield f"Role {role['metadata']['name']}: there is no Deployment {name}"
    if not cluster.may(NAMESPACE, "apps", "deployments/scale", {"get", "patch"}):
        yield "Sluice may not scale"


def certificates(cluster):
    """The certificate is for the name that the API server calls."""
    called = {f"{each['spec']['service']['name']}.{each['spec']['service']['namespace']}.svc"
              for each in cluster.all("APIService")}
    secret = cluster.projected()[cluster.gateway["customMetrics"]["tls"]["certificates"][0]["certificate"]][1]
    own = cluster.one("Certificate", secret)
    if own is None or own["spec"]["secretName"] != secret or not called <= set(own["spec"]["dnsNames"]):
        yield f"cert-manager makes no {secret} for {sorted(called)}"
    issuers = {each["metadata"]["name"] for each in cluster.all("Issuer")}
    made = {each["spec"]["secretName"] for each in cluster.all("Certificate")}
    for each in cluster.all("Certificate"):
        if each["spec"]["issuerRef"]["name"] not in issuers:
            yield f"Certificate {each['metadata']['name']}: there is no such Issuer"
    for each in cluster.all("Issuer"):
        if each["spec"].get("ca", {"secretName": secret})["secretName"] not in made:
            yield f"Issuer {each['metadata']['name']} has no authority"
    for each in cluster.all("APIService"):
        source = each["metadata"].get("annotations", {}).get("cert-manager.io/inject-ca-from")
        if own is not None and source != f"{own['metadata']['namespace']}/{own['metadata']['name']}":
            yield f"APIService {each['metadata']['name']} takes its authority from {source}"


def restrictions(cluster):
    """The pods meet what the namespace demands (Pod Security Standards, restricted)."""
    for each in cluster.all("Deployment"):
        name, spec = each["metadata"]["name"], each["spec"]["template"]["spec"]
        if not spec["securityContext"].get("runAsNonRoot") or not spec["securityContext"].get("runAsUser"):
            yield f"{name} may be root"
        if spec["securityContext"].get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{name} has every system call"
        for container in containers(each):
            own = container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False or own.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{name} may become more than it is"
            if name == "sluice" and not own.get("readOnlyRootFilesystem"):
                yield "sluice may write to its own files"
            if ":" not in container["image"].rpartition("/")[2] or container["image"].endswith(":latest"):
                yield f"{name} has no version"


CHECKS = (selectors, services, listeners, probes, volumes, claims, files, accounts, endings, scraping, autoscalers,
          triggers, api_services, endpoints, networks, activation, certificates, restrictions)
