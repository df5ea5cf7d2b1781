/// The keys of one kind of mapping: docs/configuration.md explains each of them.
struct Schema {
    /// What is written before a key's name in messages: `a route`.
    var name: String
    /// Keys that are read.
    var keys: [String]
    /// Keys that a later version reads. Refused until then, because a policy that is silently absent is worse than none.
    var planned: [String] = []
}

extension Schema {
    static let gateway = Schema(
        name: "the configuration",
        keys: [
            "loops", "memoryLimit", "resolve", "listeners", "admin", "metrics", "accessLog", "shutdown", "takeover",
            "backends", "routes",
        ],
        planned: ["tracing", "customMetrics"])
    static let listener = Schema(
        name: "a listener", keys: ["name", "address", "tls", "limits", "trustedProxies", "proxyProtocol"])
    static let listenerTLS = Schema(
        name: "a listener's tls",
        keys: ["certificates", "clientCA", "clientAuth", "minVersion", "handshakeTimeout"])
    static let certificate = Schema(name: "a certificate", keys: ["certificate", "privateKey"])
    static let listenerLimits = Schema(
        name: "a listener's limits",
        keys: [
            "connections", "perClient", "headerBytes", "headerTimeout", "idleTimeout", "http2Streams",
            "maxConnectionAge",
        ])
    static let admin = Schema(
        name: "'admin'", keys: ["address", "readOnly", "allowedHosts"], planned: ["tls", "basicAuth"])
    static let metrics = Schema(name: "'metrics'", keys: ["address"])
    static let accessLog = Schema(name: "'accessLog'", keys: ["path", "format", "samplePercent"])
    static let shutdown = Schema(name: "'shutdown'", keys: ["delay", "drain"])
    static let takeover = Schema(name: "'takeover'", keys: ["socket"])

    static let backend = Schema(
        name: "a backend",
        keys: [
            "server", "protocol", "tls", "triton", "endpoints", "balance", "limits", "timeouts", "health",
            "outlierDetection", "slowStart", "panicThreshold",
        ],
        planned: ["activate"])
    static let backendTLS = Schema(name: "a backend's tls", keys: ["ca", "serverName", "certificate", "privateKey"])
    static let triton = Schema(name: "'triton'", keys: ["grpcPort"], planned: ["metricsPort", "interval"])
    static let endpoint = Schema(
        name: "an endpoint", keys: ["address", "weight", "triton"], planned: ["pod", "kubernetes"])
    static let balance = Schema(name: "'balance'", keys: ["hash"])
    static let hash = Schema(name: "'hash'", keys: ["header", "cookie", "clientAddress", "sequenceId"])
    static let backendLimits = Schema(
        name: "a backend's limits", keys: ["connections", "inFlight", "perEndpointInFlight", "queue", "queueTimeout"])
    static let backendTimeouts = Schema(name: "a backend's timeouts", keys: ["connect", "firstByte", "idle"])
    static let health = Schema(
        name: "'health'",
        keys: ["path", "grpc", "interval", "timeout", "unhealthyThreshold", "healthyThreshold"])
    static let outlierDetection = Schema(
        name: "'outlierDetection'", keys: ["consecutiveErrors", "baseEjectionTime", "maxEjectionPercent"])

    static let route = Schema(
        name: "a route",
        keys: [
            "name", "hosts", "match", "backends", "whenDown", "mirrors", "respond", "basicAuth", "priority",
            "timeout", "idleTimeout", "maxBodySize", "retries",
        ],
        planned: [
            "redirect", "sticky", "denyFrom", "allowFrom", "cors", "rateLimit", "rewrite", "requestHeaders",
            "responseHeaders", "tritonParameters", "fanOut", "fault",
        ])
    static let match = Schema(name: "a match", keys: ["path", "method", "headers", "query", "model", "version"])
    static let pathMatch = Schema(name: "a path match", keys: ["exact", "prefix", "startsWith", "regex"])
    static let valueMatch = Schema(name: "a value match", keys: ["exact", "prefix", "regex", "present"])
    static let weightedBackend = Schema(
        name: "a route's backend", keys: ["name", "weight", "as"], planned: ["model", "version", "requestHeaders"])
    static let mirror = Schema(
        name: "a mirror", keys: ["backend", "percent", "maxInFlight", "maxBufferedBytes", "timeout"],
        planned: ["requestHeaders"])
    static let basicAuth = Schema(
        name: "'basicAuth'", keys: ["realm", "usersFile", "users", "forwardAuthorization"],
        planned: ["allow", "forwardUser"])
    static let retries = Schema(
        name: "'retries'",
        keys: ["attempts", "on", "perTryTimeout", "budgetPercent", "maxBufferedBytes", "inference"])
    static let respond = Schema(name: "'respond'", keys: ["status", "headers", "body"])

    /// Every schema, so that documentation and examples can be held against them.
    static let all = [
        gateway, listener, listenerTLS, certificate, listenerLimits, admin, metrics, accessLog, shutdown, takeover,
        backend, backendTLS, triton, endpoint, balance, hash, backendLimits, backendTimeouts, health, outlierDetection,
        route, match, pathMatch, valueMatch, weightedBackend, mirror, basicAuth, retries, respond,
    ]
}
