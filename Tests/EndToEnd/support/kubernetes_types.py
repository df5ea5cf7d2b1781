"""Schemas of what is not Kubernetes' own, as far as config/kubernetes uses it: fields after the published Go types.

Every object is closed: a field that is not here is a mistake, or has to be looked up and added. Sources:

* monitoring.coreos.com/v1: prometheus-operator, pkg/apis/monitoring/v1/podmonitor_types.go
* keda.sh/v1alpha1: kedacore/keda 2.20, apis/keda/v1alpha1, and for the metadata of triggers pkg/scalers
* cert-manager.io/v1: cert-manager, pkg/apis/certmanager/v1
* the device plugin's configuration: NVIDIA/k8s-device-plugin, api/config/v1
* the partitions' configuration: NVIDIA/mig-parted, api/spec/v1
"""

TEXT = {"type": "string", "minLength": 1}
WHOLE = {"type": "integer", "minimum": 0}
FLAG = {"type": "boolean"}
DURATION = {"type": "string", "pattern": r"^([0-9]+(ms|s|m|h))+$"}
# Numbers and truths in the metadata of a trigger are texts.
NUMBER_TEXT = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}
FLAG_TEXT = {"enum": ["true", "false"]}


def closed(required: dict, optional: dict | None = None) -> dict:
    return {"type": "object", "properties": required | (optional or {}), "required": sorted(required),
            "additionalProperties": False}


def listed(item: dict, least: int = 1) -> dict:
    return {"type": "array", "items": item, "minItems": least}


def words(*allowed: str) -> dict:
    return {"enum": list(allowed)}


METADATA = closed({"name": TEXT, "namespace": TEXT}, {"labels": {"type": "object"}, "annotations": {"type": "object"}})
SELECTOR = closed({"matchLabels": {"type": "object", "additionalProperties": TEXT, "minProperties": 1}})


def kind(api: str, name: str, spec: dict) -> tuple:
    return (api, name), closed(
        {"apiVersion": {"const": api}, "kind": {"const": name}, "metadata": METADATA, "spec": spec})


POD_MONITOR = closed(
    {"selector": SELECTOR, "podMetricsEndpoints": listed(closed(
        {"port": TEXT}, {"path": TEXT, "interval": DURATION, "scrapeTimeout": DURATION, "honorLabels": FLAG,
                         "scheme": words("http", "https"), "relabelings": listed({"type": "object"})}))},
    {"jobLabel": TEXT, "podTargetLabels": listed(TEXT), "namespaceSelector": {"type": "object"}, "sampleLimit": WHOLE})

POLICIES = listed(closed({"type": words("Pods", "Percent"), "value": WHOLE, "periodSeconds": WHOLE}))
DIRECTION = closed({}, {"stabilizationWindowSeconds": {"type": "integer", "minimum": 0, "maximum": 3600},
                        "policies": POLICIES, "selectPolicy": words("Max", "Min", "Disabled")})

METADATA_OF_TRIGGERS = {
    "metrics-api": closed(
        {"url": {"type": "string", "pattern": "^https?://"}, "valueLocation": TEXT, "targetValue": NUMBER_TEXT},
        {"activationTargetValue": NUMBER_TEXT, "format": words("json", "xml", "yaml", "prometheus"), "timeout": TEXT,
         "unsafeSsl": FLAG_TEXT, "authMode": words("apiKey", "basic", "tls", "bearer"),
         "aggregateFromKubeServiceEndpoints": FLAG_TEXT, "aggregationType": words("average", "sum", "max", "min")}),
    "prometheus": closed(
        {"serverAddress": {"type": "string", "pattern": "^https?://"}, "query": TEXT, "threshold": NUMBER_TEXT},
        {"activationThreshold": NUMBER_TEXT, "ignoreNullValues": FLAG_TEXT, "timeout": TEXT, "unsafeSsl": FLAG_TEXT}),
}
TRIGGER = {"oneOf": [
    closed({"type": {"const": name}, "metadata": metadata},
           {"name": TEXT, "metricType": words("AverageValue", "Value"), "useCachedMetrics": FLAG,
            "authenticationRef": closed({"name": TEXT}, {"kind": words("TriggerAuthentication",
                                                                       "ClusterTriggerAuthentication")})})
    for name, metadata in METADATA_OF_TRIGGERS.items()]}

SCALED_OBJECT = closed(
    {"scaleTargetRef": closed({"name": TEXT}, {"apiVersion": TEXT, "kind": TEXT}), "triggers": listed(TRIGGER)},
    {"pollingInterval": {"type": "integer", "minimum": 1}, "cooldownPeriod": WHOLE, "initialCooldownPeriod": WHOLE,
     "idleReplicaCount": WHOLE, "minReplicaCount": WHOLE, "maxReplicaCount": {"type": "integer", "minimum": 1},
     "fallback": closed(
         {"failureThreshold": WHOLE, "replicas": WHOLE},
         {"behavior": words("static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower",
                            "scalingModifiers")}),
     "advanced": closed({}, {
         "restoreToOriginalReplicaCount": FLAG,
         "horizontalPodAutoscalerConfig": closed({}, {
             "name": TEXT, "behavior": closed({}, {"scaleUp": DIRECTION, "scaleDown": DIRECTION})})})})

TRIGGER_AUTHENTICATION = closed(
    {"secretTargetRef": listed(closed({"parameter": TEXT, "name": TEXT, "key": TEXT}))})

ISSUER = {"oneOf": [closed({"selfSigned": closed({})}), closed({"ca": closed({"secretName": TEXT})})]}
CERTIFICATE = closed(
    {"secretName": TEXT,
     "issuerRef": closed({"name": TEXT}, {"kind": words("Issuer", "ClusterIssuer"), "group": TEXT})},
    {"isCA": FLAG, "commonName": {"type": "string", "maxLength": 64}, "dnsNames": listed(TEXT), "duration": DURATION,
     "renewBefore": DURATION, "privateKey": closed({}, {
         "algorithm": words("RSA", "ECDSA", "Ed25519"), "size": WHOLE, "rotationPolicy": words("Never", "Always")})})

KINDS = dict([
    kind("monitoring.coreos.com/v1", "PodMonitor", POD_MONITOR),
    kind("keda.sh/v1alpha1", "ScaledObject", SCALED_OBJECT),
    kind("keda.sh/v1alpha1", "TriggerAuthentication", TRIGGER_AUTHENTICATION),
    kind("cert-manager.io/v1", "Issuer", ISSUER),
    kind("cert-manager.io/v1", "Certificate", CERTIFICATE),
])

KUSTOMIZATION = closed({"apiVersion": {"const": "kustomize.config.k8s.io/v1beta1"}, "kind": {"const": "Kustomization"},
                        "resources": listed(TEXT)})

DEVICE_PLUGIN = closed(
    {"version": {"const": "v1"}},
    {"flags": closed({"migStrategy": words("none", "single", "mixed")}),
     "sharing": closed({"timeSlicing": closed(
         {"resources": listed(closed({"name": {"type": "string", "pattern": r"^nvidia\.com/(gpu|mig-\d+g\.\d+gb)$"},
                                      "replicas": {"type": "integer", "minimum": 2}}))},
         {"renameByDefault": FLAG, "failRequestsGreaterThanOne": FLAG})})})

PARTITIONS = closed(
    {"version": {"const": "v1"},
     "mig-configs": {"type": "object", "minProperties": 1, "additionalProperties": listed(closed(
         {"devices": {"oneOf": [{"const": "all"}, listed(WHOLE)]}, "mig-enabled": FLAG},
         {"device-filter": {}, "mig-devices": {
             "type": "object", "patternProperties": {r"^\dg\.\d+gb$": {"type": "integer", "minimum": 1, "maximum": 7}},
             "additionalProperties": False}}))}})
