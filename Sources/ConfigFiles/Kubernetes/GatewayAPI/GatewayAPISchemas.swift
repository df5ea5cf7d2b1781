/// The fields of the Gateway API, v1.6 with its experimental ones: apis/v1/httproute_types.go, grpcroute_types.go and
/// shared_types.go.
extension FieldSchema {
    private static let defaultGateways =
        "says which Gateways the cluster chooses, which is not needed here: listeners are native"

    static let httpRouteSpec = FieldSchema(
        name: "an HTTPRoute's spec", fields: ["parentRefs", "hostnames", "rules"],
        noted: ["useDefaultGateways": defaultGateways])
    static let grpcRouteSpec = FieldSchema(
        name: "a GRPCRoute's spec", fields: ["parentRefs", "hostnames", "rules"],
        noted: ["useDefaultGateways": defaultGateways])
    static let parentReference = FieldSchema(
        name: "a reference to a Gateway", fields: ["group", "kind", "namespace", "name", "sectionName", "port"])

    static let httpRouteRule = FieldSchema(
        name: "an HTTPRoute's rule",
        fields: ["name", "matches", "filters", "backendRefs", "timeouts", "retry", "sessionPersistence"])
    static let grpcRouteRule = FieldSchema(
        name: "a GRPCRoute's rule", fields: ["name", "matches", "filters", "backendRefs", "sessionPersistence"])

    static let httpRouteMatch = FieldSchema(
        name: "an HTTPRoute's match", fields: ["path", "headers", "queryParams", "method"])
    static let httpPathMatch = FieldSchema(name: "a path match", fields: ["type", "value"])
    static let namedValueMatch = FieldSchema(name: "a match by name and value", fields: ["type", "name", "value"])
    static let grpcRouteMatch = FieldSchema(name: "a GRPCRoute's match", fields: ["method", "headers"])
    static let grpcMethodMatch = FieldSchema(name: "a method match", fields: ["type", "service", "method"])

    /// What filters of these types hold is not looked at.
    static let unsupportedFilters = [
        "externalAuth": "there is no call to another service for each request, write 'basicAuth' on a native route",
        "extensionRef": "what it refers to belongs to another product, write its policy on a native route",
    ]
    static let httpRouteFilter = FieldSchema(
        name: "an HTTPRoute's filter",
        fields: [
            "type", "requestHeaderModifier", "responseHeaderModifier", "requestMirror", "requestRedirect", "urlRewrite",
            "cors",
        ] + unsupportedFilters.keys.sorted())
    static let grpcRouteFilter = FieldSchema(
        name: "a GRPCRoute's filter",
        fields: ["type", "requestHeaderModifier", "responseHeaderModifier", "requestMirror"]
            + unsupportedFilters.keys.sorted())
    static let headerModifier = FieldSchema(name: "a header modifier", fields: ["set", "add", "remove"])
    static let headerField = FieldSchema(name: "a header", fields: ["name", "value"])
    static let requestMirror = FieldSchema(name: "'requestMirror'", fields: ["backendRef", "percent", "fraction"])
    static let fraction = FieldSchema(name: "'fraction'", fields: ["numerator", "denominator"])
    static let requestRedirect = FieldSchema(
        name: "'requestRedirect'", fields: ["scheme", "hostname", "path", "port", "statusCode"])
    static let urlRewrite = FieldSchema(name: "'urlRewrite'", fields: ["hostname", "path"])
    static let pathModifier = FieldSchema(name: "'path'", fields: ["type", "replaceFullPath", "replacePrefixMatch"])
    static let corsFilter = FieldSchema(
        name: "'cors'",
        fields: ["allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders", "allowCredentials", "maxAge"])

    static let backendReference = FieldSchema(
        name: "a reference to a Service", fields: ["group", "kind", "name", "namespace", "port", "weight", "filters"])
    static let mirroredReference = FieldSchema(
        name: "a reference to a Service", fields: ["group", "kind", "name", "namespace", "port"])

    static let httpRouteTimeouts = FieldSchema(name: "'timeouts'", fields: ["request", "backendRequest"])
    static let httpRouteRetry = FieldSchema(
        name: "'retry'", fields: ["codes", "attempts"],
        refused: [
            "backoff": "a retry waits for up to 25 ms, later ones for up to 250 ms, and nothing changes that, "
                + "leave it out"
        ])
    static let sessionPersistence = FieldSchema(
        name: "'sessionPersistence'", fields: ["absoluteTimeout", "type", "cookie"],
        refused: [
            "sessionName": "it is the older spelling, write it as 'name' in 'cookie'",
            "idleTimeout": "a session ends with its cookie alone, leave it out",
            "header": "a session is kept by a cookie alone, write 'type: Cookie'",
        ])
    static let sessionCookie = FieldSchema(name: "'cookie'", fields: ["name", "path", "lifetimeType"])
}
