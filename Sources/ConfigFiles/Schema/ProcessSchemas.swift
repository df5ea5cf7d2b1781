import Configuration

/// What concerns the whole process.
extension Schema {
    static let gateway = Schema(
        name: "the configuration", path: "Top level",
        entries: [
            Key("loops", .integer(Bounds.loops), .absent("the cores the process may use"), "event loops"),
            Key(
                "memoryLimit", .size(Bounds.memoryLimit), .absent("80 % of the control group's limit, if it has one"),
                "bytes of memory past which new requests are answered 503 `overloaded` and idle connections close"),
            Key(
                "resolve", .map(.host, .text(.hostPort)),
                "host names and their addresses, looked up ahead of DNS; also short for their cluster's full name"),
            Key("listeners", .list(.object(listener)), .required, "what clients connect to"),
            Key("admin", .object(admin), .absent("off"), "the operator's side"),
            Key("metrics", .object(metrics), .absent("off"), "a second, read-only listener"),
            Key("accessLog", .object(accessLog), .absent("off"), "one record for each exchange"),
            Key("tracing", .object(tracing), .absent("off"), "spans of exchanges for a collector"),
            Key("shutdown", .object(shutdown), .absent("as there"), "how the process ends"),
            Key("takeover", .object(takeover), .absent("off"), "how a newer process takes over"),
            Key(
                "customMetrics", .object(customMetrics), .absent("off"),
                "`custom.metrics.k8s.io`, for a HorizontalPodAutoscaler"),
            Key("backends", .map(.name, .object(backend)), "groups of endpoints, by name"),
            Key(
                "routes", .list(.object(route)), .absent("none: every request is answered 404"),
                "which requests go where; the first match in file order wins"),
        ])

    static let admin = Schema(
        name: "'admin'", path: "admin",
        entries: [
            Key(
                "address", .text(.listeningAddress), .required,
                "where it is served; any but a loopback address or a Unix socket needs `tls` and `basicAuth`"),
            Key("tls", .object(listenerTLS), .absent("cleartext"), "speak HTTPS, as a listener does"),
            Key("basicAuth", .object(adminLogin), .absent("everybody who can connect"), "who may use it"),
            Key("readOnly", .flag, .value("false"), "refuse everything that changes the gateway"),
            Key(
                "allowedHosts", .list(.text(.host)),
                "host names, besides the loopback ones and the address itself, under which a browser may reach it"),
        ])

    static let adminLogin = Schema(
        name: "admin's basicAuth", path: "admin.basicAuth",
        entries: [
            Key("realm", .text(.realm), .value(AdminSurface.Login().realm), "what browsers show")
        ] + userKeys,
        rules: [.some(["usersFile", "users"])])

    static let metrics = Schema(
        name: "'metrics'", path: "metrics",
        entries: [
            Key("address", .text(.listeningAddress), .required, "where `/metrics`, `/healthz` and `/readyz` are served")
        ])

    static let accessLog = Schema(
        name: "'accessLog'", path: "accessLog",
        entries: [
            Key(
                "path", .either([.word(["stdout", "stderr"]), .text(.file)]), .value("stdout"), "where it is written"),
            Key("format", .word(["json", "text"]), .value("json"), "how each record is written"),
            Key(
                "samplePercent", .percent, .percent(AccessLog().samplePercent),
                "share of the exchanges that is written; those with a cause or an error always are"),
        ])

    static let tracing = Schema(
        name: "'tracing'", path: "tracing",
        entries: [
            Key(
                "endpoint", .text(.collector), .required,
                "the collector; spans are posted to `/v1/traces` below it (OTLP over HTTP)"),
            Key(
                "samplePercent", .percent, .percent(TracingSettings.standardPercent),
                "share of the traces that is exported; those of requests that fail always are"),
            Key("serviceName", .text(.any), .value(TracingSettings.standardName), "`service.name` of the spans"),
            Key("headers", .map(.headerName, .text(.headerValue)), "sent with the spans, such as a token"),
            Key("tls", .object(backendTLS), .absent("as there"), "how an `https://` collector is verified"),
        ])

    static let shutdown = Schema(
        name: "'shutdown'", path: "shutdown",
        entries: [
            Key(
                "delay", .duration(Bounds.shutdown), .duration(Shutdown().delay),
                "how long `/readyz` says 503 while connections are still accepted"),
            Key(
                "drain", .duration(Bounds.shutdown), .duration(Shutdown().drain),
                "how long running exchanges may take to finish after that"),
        ])

    static let takeover = Schema(
        name: "'takeover'", path: "takeover",
        entries: [
            Key(
                "socket", .text(.socketPath), .required,
                "the Unix socket over which a newer process gets the listening sockets")
        ])
}

/// Defaults, taken from the model.
extension Schema.Fallback {
    static func percent(_ value: Double) -> Self {
        .value(value == value.rounded() ? "\(Int(value))" : "\(value)")
    }
    static func duration(_ value: Duration?) -> Self { .value(DurationText.format(value ?? .zero)) }
    static func size(_ value: some BinaryInteger) -> Self { .value(SizeText.format(Int64(value))) }
    static func integer(_ value: Int) -> Self { .value("\(value)") }
    static func flag(_ value: Bool) -> Self { .value("\(value)") }
    static func word(_ value: some RawRepresentable<String>) -> Self { .value(value.rawValue) }
}

extension ValueType {
    /// The words of an enumeration.
    static func words<Value: RawRepresentable<String> & CaseIterable>(of type: Value.Type) -> Self {
        .word(type.allCases.map(\.rawValue))
    }
}
