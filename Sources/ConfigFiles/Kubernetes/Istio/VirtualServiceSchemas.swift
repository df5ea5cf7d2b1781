/// The fields of Istio's `networking/v1alpha3/virtual_service.proto`, of which `v1` and `v1beta1` are other names.
extension FieldSchema {
    static func istio(
        _ name: String, _ fields: [String], noted: [String: String] = [:], refused: [String: String] = [:]
    ) -> FieldSchema {
        FieldSchema(name: name, fields: fields, noted: noted, refused: refused, takesSnakeCase: true)
    }

    static let virtualService = istio(
        "a VirtualService", ["hosts", "http"],
        noted: [
            "gateways": "is ignored: every listener serves every route",
            "exportTo": "is ignored: there is nobody it could be hidden from",
        ],
        refused: [
            "tls": "only HTTP is routed, write 'tls' on a listener and the rules under 'http'",
            "tcp": "only HTTP is routed, write the rules under 'http'",
        ])
    static let httpRule = istio(
        "an HTTP rule",
        [
            "name", "match", "route", "redirect", "directResponse", "rewrite", "timeout", "retries", "fault", "mirror",
            "mirrors", "mirrorPercent", "mirrorPercentage", "corsPolicy", "headers",
        ],
        noted: ["websocketUpgrade": "is ignored: WebSocket needs no permission"],
        refused: ["delegate": "write the rules of the other VirtualService in its place"])
    static let httpMatch = istio(
        "a match",
        [
            "uri", "scheme", "method", "authority", "headers", "port", "queryParams", "ignoreUriCase",
            "withoutHeaders",
        ],
        noted: [
            "name": "is ignored: metrics and logs have the name of the rule",
            "gateways": "is ignored: every listener serves every route",
            "statPrefix": "is ignored: metrics have the name of the rule",
        ],
        refused: [
            "sourceLabels": "nothing is known of a client's labels here, match one of its headers instead",
            "sourceNamespace": "nothing is known of a client's namespace here, match one of its headers instead",
        ])
    static let stringMatch = istio("a comparison", ["exact", "prefix", "regex"])
    static let httpDestination = istio("a destination with a weight", ["destination", "weight", "headers"])
    static let destination = istio("a destination", ["host", "subset", "port"])
    static let portSelector = istio("a port", ["number"])
    static let headers = istio("'headers'", ["request", "response"])
    static let headerOperations = istio("header operations", ["set", "add", "remove"])
    static let httpRedirect = istio(
        "'redirect'", ["uri", "prefixRewrite", "authority", "port", "derivePort", "scheme", "redirectCode"])
    static let directResponse = istio("'directResponse'", ["status", "body"])
    static let httpBody = istio("'body'", ["string", "bytes"])
    static let httpRewrite = istio("'rewrite'", ["uri", "authority", "uriRegexRewrite"])
    static let regexRewrite = istio("'uriRegexRewrite'", ["match", "rewrite"])
    static let httpRetry = istio(
        "'retries'",
        ["attempts", "perTryTimeout", "retryOn", "retryIgnorePreviousHosts", "backoff"],
        noted: ["retryRemoteLocalities": "is ignored: endpoints have no localities here, any may be tried"])
    static let httpFault = istio("'fault'", ["delay", "abort"])
    static let faultDelay = istio(
        "'delay'", ["percent", "percentage", "fixedDelay"],
        refused: ["exponentialDelay": "Istio does not do it either, write 'fixedDelay'"])
    static let faultAbort = istio(
        "'abort'", ["httpStatus", "grpcStatus", "percentage"],
        refused: ["http2Error": "Istio does not do it either, write 'httpStatus' or 'grpcStatus'"])
    static let mirrorPolicy = istio("a mirror", ["destination", "percentage"])
    static let percentValue = istio("a percentage", ["value"])
    static let corsPolicy = istio(
        "'corsPolicy'",
        [
            "allowOrigin", "allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge",
            "allowCredentials", "unmatchedPreflights",
        ])
}
