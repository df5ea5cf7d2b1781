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
            "name", "hosts", "match", "backends", "whenDown", "sticky", "mirrors", "redirect", "respond", "denyFrom",
            "allowFrom", "cors", "basicAuth", "rateLimit", "rewrite", "requestHeaders", "responseHeaders", "priority",
            "timeout", "idleTimeout", "maxBodySize", "retries", "fault",
        ],
        planned: ["tritonParameters", "fanOut"])
    static let match = Schema(
        name: "a match",
        keys: [
            "path", "host", "scheme", "port", "method", "headers", "withoutHeaders", "query", "model", "version",
        ])
    static let pathMatch = Schema(name: "a path match", keys: ["exact", "prefix", "startsWith", "regex", "ignoreCase"])
    static let hostMatch = Schema(name: "a host match", keys: ["exact", "prefix", "regex"])
    static let valueMatch = Schema(name: "a value match", keys: ["exact", "prefix", "regex", "present"])
    static let weightedBackend = Schema(
        name: "a route's backend",
        keys: ["name", "weight", "as", "model", "version", "requestHeaders", "responseHeaders"])
    static let mirror = Schema(
        name: "a mirror",
        keys: ["backend", "percent", "maxInFlight", "maxBufferedBytes", "timeout", "requestHeaders"])
    static let sticky = Schema(name: "'sticky'", keys: ["header", "cookie", "ttl", "clientAddress"])
    static let redirect = Schema(
        name: "'redirect'", keys: ["scheme", "host", "port", "path", "prefix", "code"])
    static let cors = Schema(
        name: "'cors'",
        keys: [
            "allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders", "allowCredentials", "maxAge",
            "unmatchedPreflights",
        ])
    static let originMatch = Schema(name: "an origin", keys: ["startsWith", "regex"])
    static let basicAuth = Schema(
        name: "'basicAuth'",
        keys: ["realm", "usersFile", "users", "allow", "forwardUser", "forwardAuthorization"])
    static let rateLimit = Schema(name: "'rateLimit'", keys: ["requests", "per", "burst", "key"])
    static let rewrite = Schema(name: "'rewrite'", keys: ["prefix", "path", "regex", "host"])
    static let rewriteRegex = Schema(name: "the 'regex' of 'rewrite'", keys: ["match", "replace"])
    static let headerOperations = Schema(name: "header operations", keys: ["set", "add", "remove"])
    static let fault = Schema(name: "'fault'", keys: ["delay", "abort"])
    static let faultDelay = Schema(name: "a fault's delay", keys: ["percent", "duration"])
    static let faultAbort = Schema(name: "a fault's abort", keys: ["percent", "status", "grpcStatus"])
    static let retries = Schema(
        name: "'retries'",
        keys: ["attempts", "on", "perTryTimeout", "budgetPercent", "maxBufferedBytes", "inference"])
    static let respond = Schema(name: "'respond'", keys: ["status", "headers", "body"])

    /// Every schema, so that documentation and examples can be held against them.
    static let all = [
        gateway, listener, listenerTLS, certificate, listenerLimits, admin, metrics, accessLog, shutdown, takeover,
        backend, backendTLS, triton, endpoint, balance, hash, backendLimits, backendTimeouts, health, outlierDetection,
        route, match, pathMatch, hostMatch, valueMatch, weightedBackend, sticky, mirror, redirect, respond, cors,
        originMatch, basicAuth, rateLimit, rewrite, rewriteRegex, headerOperations, retries, fault, faultDelay,
        faultAbort,
    ]
}
