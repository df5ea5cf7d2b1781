import Configuration

/// What autoscalers are served.
extension Schema {
    static let customMetrics = Schema(
        name: "'customMetrics'", path: "customMetrics",
        entries: [
            Key("address", .text(.listeningAddress), .required, "where it is served, over TLS always"),
            Key("tls", .object(customMetricsTLS), .required, "the certificate that it shows"),
            Key(
                "namespace", .text(.kubernetesName), .value(CustomMetrics.standardNamespace),
                "the namespace of pods that endpoints name, and of backends, asked for like Services"),
            Key(
                "requestHeaderCA", .text(.file), .absent("the API server is not let in"),
                "PEM file of the authorities of the API server's aggregator, whose word for the user counts"),
            Key(
                "requestHeaderNames", .list(.text(.any)), .absent("any"),
                "the common names that the aggregator's certificate may have"),
            Key(
                "tokenFile", .text(.bearerToken), .absent("nobody is let in by one"),
                "file of a bearer token, for direct use"),
            Key(
                "dcgmExporters", .list(.text(.hostPort)), .absent("the servers' own numbers"),
                "DCGM exporters, asked for the utilisation of each pod's GPUs; a name stands for all of its addresses"),
        ],
        rules: [.some(["requestHeaderCA", "tokenFile"]), .needs(["requestHeaderNames"], "requestHeaderCA")])

    /// As a listener's, but for the certificates of clients.
    static let customMetricsTLS = Schema(
        name: "customMetrics' tls", path: "customMetrics.tls",
        entries: listenerTLS.entries.filter { !["clientCA", "clientAuth"].contains($0.name) })

    static let kubernetesService = Schema(
        name: "'kubernetes'", path: "backends.NAME.endpoints[].kubernetes",
        entries: [
            Key("namespace", .text(.kubernetesName), .required, "of the Service"),
            Key("service", .text(.kubernetesName), .required, "the Service's name"),
            Key("port", .text(.servicePort), .required, "the port, as the Service names it, or its number at the pods"),
        ])
}
