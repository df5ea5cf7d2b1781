import Configuration

/// Backends and their endpoints.
extension Schema {
    private static let defaults = Backend(name: "")

    static let backend = Schema(
        name: "a backend", path: "backends.NAME",
        entries: [
            Key("server", .words(of: Backend.Server.self), .word(defaults.server), "what answers there"),
            Key(
                "protocol", .words(of: Backend.HTTPProtocol.self), .word(defaults.protocol),
                "what is spoken at the endpoints' own port"),
            Key("tls", .object(backendTLS), .absent("cleartext"), "speak HTTPS to the endpoints"),
            Key("triton", .object(triton), "further ports of a model server; not with `server: generic`"),
            Key(
                "endpoints", .list(.either([.text(.endpointAddress), .object(endpoint)])), .required,
                "where it can be reached; a name stands for all of its addresses"),
            Key(
                "balance", .either([.word(["leastRequest", "leastQueue", "roundRobin"]), .object(balance)]),
                .value("leastRequest"), "how a request finds its endpoint"),
            Key("limits", .object(backendLimits), .absent("as there"), "totals over all loops"),
            Key("timeouts", .object(backendTimeouts), .absent("as there"), "how long things may take"),
            Key("health", .object(health), .absent("off"), "asking endpoints whether they are ready"),
            Key(
                "outlierDetection", .object(outlierDetection), .absent("on, as there"),
                "leaving endpoints alone that fail"),
            Key(
                "slowStart", .duration(Bounds.timeoutOrNone), .duration(defaults.slowStart),
                "how long an endpoint that comes, or comes back, takes from a tenth of its weight to the whole; `0s` is none"
            ),
            Key(
                "panicThreshold", .percent, .percent(defaults.panicThreshold),
                "below this percentage of usable endpoints all are used; 0 turns that off"),
            Key(
                "activate", .object(activate), .absent("it runs by itself"),
                "starting the endpoint when a request comes and none runs"),
        ])

    static let backendTLS = Schema(
        name: "a backend's tls", path: "backends.NAME.tls",
        entries: [
            Key("ca", .text(.file), .absent("the system's"), "PEM file of the authorities that are believed"),
            Key(
                "serverName", .text(.host), .absent("the endpoint's host as written"),
                "the name the certificate must have, and that is asked for"),
            Key("certificate", .text(.file), "PEM file, shown to endpoints that ask for a certificate"),
            Key("privateKey", .text(.file), "PEM file of its key"),
        ],
        rules: [.needs(["certificate"], "privateKey"), .needs(["privateKey"], "certificate")])

    static let triton = Schema(
        name: "'triton'", path: "backends.NAME.triton",
        entries: [
            Key(
                "grpcPort", .integer(Bounds.port), "the port for gRPC requests, over HTTP/2; also of a single endpoint"),
            Key(
                "metricsPort", .integer(Bounds.port),
                .absent("of Triton its statistics are read, at the endpoint's own port"),
                "the port of `GET /metrics`, without TLS, of Triton or TorchServe; also of a single endpoint"),
            Key(
                "interval", .duration(Bounds.checkInterval, orZero: true),
                .absent("`500ms` with a `metricsPort`, `2s` without"),
                "from one reading of the models' numbers to the next, 10 % more or less; `0s` asks for nothing about models; only of a backend"
            ),
        ],
        rules: [.some(["grpcPort", "metricsPort", "interval"])])

    static let endpoint = Schema(
        name: "an endpoint", path: "backends.NAME.endpoints[]",
        entries: [
            Key("address", .text(.endpointAddress), .absent("a Service's pods"), "where it can be reached"),
            Key(
                "kubernetes", .object(kubernetesService), .absent("an address"),
                "the pods of a Service, as its EndpointSlices list them: each is an endpoint"),
            Key(
                "pod", .text(.podName), .absent("no pod"),
                "the name of the pod it is, in `customMetrics.namespace`, for who scales by pods"),
            Key(
                "weight", .integer(Bounds.endpointWeight), .value("1"),
                "its share of the backend's requests, beside the others"),
            Key("triton", .object(triton), .absent("its backend's"), "what is particular to it"),
        ],
        rules: [.one(["address", "kubernetes"]), .needs(["pod"], "address")])

    static let balance = Schema(
        name: "'balance'", path: "backends.NAME.balance",
        entries: [
            Key(
                "hash", .either([.word(["clientAddress", "sequenceId"]), .object(hash)]), .required,
                "requests with the same key go to the same endpoint")
        ])

    static let hash = Schema(
        name: "'hash'", path: "backends.NAME.balance.hash",
        entries: [
            Key("header", .text(.headerName), "the value of a header"),
            Key("cookie", .text(.cookieName), "the value of a cookie"),
            Key("clientAddress", .onlyTrue, "the client's address, without port"),
            Key("sequenceId", .onlyTrue, "the `sequence_id` of a v2 inference request, in JSON or by gRPC"),
        ],
        rules: [.one(["header", "cookie", "clientAddress", "sequenceId"])])

    static let backendLimits = Schema(
        name: "a backend's limits", path: "backends.NAME.limits",
        entries: [
            Key("connections", .integer(Bounds.count), .absent("no limit"), "open connections to its endpoints"),
            Key(
                "inFlight", .integer(Bounds.count), .integer(defaults.limits.inFlight),
                "requests dispatched and not finished"),
            Key("perEndpointInFlight", .integer(Bounds.count), .absent("no limit"), "the same for each endpoint"),
            Key(
                "queue", .integer(Bounds.queue), .integer(defaults.limits.queue),
                "requests that wait for a place; one more is answered 503 `queue_full`"),
            Key(
                "queueTimeout", .duration(Bounds.timeout), .duration(defaults.limits.queueTimeout),
                "how long one may wait before it is answered 503 `queue_timeout`"),
        ])

    static let backendTimeouts = Schema(
        name: "a backend's timeouts", path: "backends.NAME.timeouts",
        entries: [
            Key(
                "connect", .duration(Bounds.timeout), .duration(defaults.timeouts.connect),
                "to a connection, and with `tls` to the end of its handshake"),
            Key(
                "firstByte", .duration(Bounds.timeoutOrNone), .duration(defaults.timeouts.firstByte),
                "from the end of the request to the first byte of the answer; `0s` is none"),
            Key(
                "idle", .duration(Bounds.timeout), .duration(defaults.timeouts.idle),
                "how long an unused pooled connection is kept"),
        ])

    private static let checks = Backend.HealthCheck()

    static let health = Schema(
        name: "'health'", path: "backends.NAME.health",
        entries: [
            Key(
                "path", .text(.healthPath),
                .absent(
                    "`/v2/health/ready` of `triton` and `kserve`, `/ping` of `torchserve`; of others a connection is enough"
                ),
                "path and query of a GET; 200 is ready, all else is not"),
            Key(
                "grpc", .flag,
                .absent("asks a `grpcPort`, and takes a server that does not know the service for ready"),
                "ask by gRPC (`grpc.health.v1`)"),
            Key(
                "interval", .duration(Bounds.checkInterval), .duration(checks.interval),
                "from one check to the next, 10 % more or less"),
            Key("timeout", .duration(Bounds.timeout), .duration(checks.timeout), "of one check"),
            Key(
                "unhealthyThreshold", .integer(Bounds.checkThreshold), .integer(checks.unhealthyThreshold),
                "failures in a row that take an endpoint out"),
            Key(
                "healthyThreshold", .integer(Bounds.checkThreshold), .integer(checks.healthyThreshold),
                "successes in a row that bring it back"),
        ])

    static let outlierDetection = Schema(
        name: "'outlierDetection'", path: "backends.NAME.outlierDetection",
        entries: [
            Key(
                "consecutiveErrors", .integer(Bounds.consecutiveErrors),
                .integer(defaults.outlierDetection.consecutiveErrors),
                "failed requests in a row that eject an endpoint; 0 turns it off"),
            Key(
                "baseEjectionTime", .duration(Bounds.ejectionTime, orZero: true),
                .duration(defaults.outlierDetection.baseEjectionTime),
                "how long it is left alone, times the number of ejections in a row; `0s` turns it off"),
            Key(
                "maxEjectionPercent", .percent, .percent(defaults.outlierDetection.maxEjectionPercent),
                "share of the endpoints that may be left alone; 0 turns it off"),
        ])
}
