/// The fields of Istio's `networking/v1alpha3/destination_rule.proto`.
extension FieldSchema {
    static let destinationRule = istio(
        "a DestinationRule", ["host", "trafficPolicy", "subsets"],
        noted: ["exportTo": "is ignored: there is nobody it could be hidden from"],
        refused: ["workloadSelector": "it would choose among the gateways of a cluster, leave it out"])
    static let subset = istio(
        "a subset", ["name", "trafficPolicy"],
        noted: ["labels": "are seen in a cluster only: 'resolve' says where the subset is"])
    static let trafficPolicy = istio(
        "'trafficPolicy'",
        ["loadBalancer", "connectionPool", "outlierDetection", "tls", "portLevelSettings", "retryBudget"],
        refused: trafficPolicyRefused)
    static let portTrafficPolicy = istio(
        "an item of 'portLevelSettings'", ["port", "loadBalancer", "connectionPool", "outlierDetection", "tls"],
        refused: trafficPolicyRefused)
    private static let trafficPolicyRefused = [
        "tunnel": "only HTTP is routed, leave it out",
        "proxyProtocol": "endpoints are told of clients by X-Forwarded-For, leave it out",
    ]
    static let loadBalancer = istio(
        "'loadBalancer'",
        ["simple", "consistentHash", "warmup", "warmupDurationSecs", "localityLbSetting", "zoneAwareLbSetting"])
    static let localitySetting = istio(
        "'localityLbSetting'", ["enabled"],
        refused: [
            "distribute": "endpoints have no localities here, write weights of endpoints as native YAML",
            "failover": "endpoints have no localities here, leave it out",
            "failoverPriority": "endpoints have no localities here, leave it out",
            "minClusterSize": "endpoints have no zones here, leave it out",
        ])
    static let consistentHash = istio(
        "'consistentHash'", ["httpHeaderName", "httpCookie", "useSourceIp"],
        noted: [
            "ringHash": "is ignored: the gateway has one way to hash",
            "maglev": "is ignored: the gateway has one way to hash",
            "minimumRingSize": "is ignored: the gateway has one way to hash",
        ],
        refused: ["httpQueryParameterName": "write 'httpHeaderName', 'httpCookie' or 'useSourceIp'"])
    static let hashCookie = istio(
        "'httpCookie'", ["name"],
        refused: [
            "ttl":
                "the gateway gives out no cookie to choose an endpoint by, let the service set it and leave 'ttl' out",
            "path": "the gateway gives out no cookie to choose an endpoint by, leave it out",
            "attributes": "the gateway gives out no cookie to choose an endpoint by, leave it out",
        ])
    static let warmup = istio("'warmup'", ["duration", "minimumPercent", "aggression"])
    static let connectionPool = istio("'connectionPool'", ["tcp", "http"])
    static let poolTCP = istio(
        "'tcp'", ["maxConnections", "connectTimeout", "idleTimeout"],
        refused: [
            "tcpKeepalive": "a connection is closed when it has been idle for 'idleTimeout', leave it out",
            "maxConnectionDuration": "a connection stays for as long as it is used, leave it out",
        ])
    static let poolHTTP = istio(
        "'http'", ["http1MaxPendingRequests", "http2MaxRequests", "idleTimeout", "h2UpgradePolicy", "maxRetries"],
        refused: [
            "maxRequestsPerConnection": "connections are kept for as long as they are used, leave it out",
            "useClientProtocol": "a backend speaks one protocol, write 'h2UpgradePolicy: UPGRADE' for HTTP/2",
            "maxConcurrentStreams": "the endpoint says how many streams it takes, leave it out",
            "http2KeepAlive": "leave it out, and health checks as native YAML find endpoints that are gone",
        ])
    static let istioOutlierDetection = istio(
        "'outlierDetection'",
        [
            "consecutive5xxErrors", "consecutiveErrors", "consecutiveGatewayErrors", "baseEjectionTime",
            "maxEjectionPercent", "minHealthPercent", "splitExternalLocalOriginErrors",
        ],
        noted: ["interval": "is ignored: an endpoint is left alone at once and comes back when its time is over"],
        refused: [
            "consecutiveLocalOriginFailures": "failures to connect count like all others, leave it out",
            "outlierDetectionHttpErrorCodes": "the statuses that count are 502 and 504, leave it out",
        ])
    static let retryBudget = istio(
        "'retryBudget'", ["percent"],
        noted: [
            "minRetryConcurrency": "is ignored: a few retries are always allowed",
            "budgetInterval": "is ignored: requests of the last ten seconds count",
        ])
    static let clientTLS = istio(
        "'tls'",
        ["mode", "clientCertificate", "privateKey", "caCertificates", "sni", "subjectAltNames", "insecureSkipVerify"],
        refused: [
            "credentialName": "write the files as 'clientCertificate', 'privateKey' and 'caCertificates'",
            "caCrl": "certificates that were taken back are not looked up, leave it out",
        ])
}
