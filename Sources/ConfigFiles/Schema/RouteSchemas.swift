import Configuration

/// Routes and which requests they take.
extension Schema {
    private static let defaults = Route(name: "", action: .respond(Route.FixedResponse(status: 200)))

    static let route = Schema(
        name: "a route", path: "routes[]",
        entries: [
            Key("name", .text(.name), .required, "unique; its label in metrics and logs"),
            Key("hosts", .list(.text(.hostPattern)), .absent("any host"), "hosts it is for; the port does not count"),
            Key("match", .list(.object(match)), .absent("every request"), "alternatives, of which one must hold"),
            Key("backends", .list(.object(weightedBackend)), "entries, over which its requests are split by weight"),
            Key(
                "whenDown", .words(of: Route.WhenDown.self), .word(Route.WhenDown.spill),
                "what becomes of the share of an entry without a usable endpoint: the others take it, or it is answered 503"
            ),
            Key(
                "sticky", .object(sticky), .absent("each request is split anew"),
                "keeps a client on its side of the split"),
            Key("mirrors", .list(.object(mirror)), "backends that get copies"),
            Key("redirect", .object(redirect), "an answer that sends the client elsewhere"),
            Key("respond", .object(respond), "a fixed answer"),
            Key("denyFrom", .list(.text(.network)), "clients that are refused; they win over `allowFrom`"),
            Key("allowFrom", .list(.text(.network)), .absent("everybody"), "everybody else is refused"),
            Key("cors", .object(cors), .absent("what the endpoint says of it"), "whose pages may use it"),
            Key("basicAuth", .object(basicAuth), .absent("everybody may pass"), "who may pass"),
            Key("rateLimit", .object(rateLimit), .absent("as often as they like"), "how often"),
            Key(
                "rewrite", .object(rewrite), .absent("path and host of the request"),
                "another path or host for the endpoint"),
            Key("requestHeaders", .object(headerOperations), "changes to the header of requests"),
            Key(
                "responseHeaders", .object(headerOperations),
                "changes to the header of answers, those of the gateway included"),
            Key(
                "priority", .words(of: Route.Priority.self), .word(defaults.priority),
                "in the queue of a backend requests of high priority go first"),
            Key(
                "timeout", .duration(Bounds.timeoutOrNone), .duration(defaults.timeout),
                "the whole exchange, without time in a queue; `0s` is none"),
            Key(
                "idleTimeout", .duration(Bounds.timeoutOrNone), .duration(defaults.idleTimeout),
                "nothing moved in either direction; `0s` is none"),
            Key(
                "maxBodySize", .size(Bounds.bodySize), .absent("none: bodies stream"),
                "of a request body, of a gRPC call one message; more is answered 413"),
            Key(
                "retries", .object(retries), .absent("only where an endpoint cannot have seen the request"),
                "sending requests again"),
            Key("fault", .object(fault), "trouble made on purpose"),
            Key(
                "tritonParameters", .object(tritonParameters), .absent("what the client says"),
                "what inference requests tell Triton of their urgency"),
            Key(
                "fanOut", .flag, .flag(defaults.fanOut),
                "requests go to every endpoint, such as those that load models, and the answers become one"),
        ],
        rules: [.one(["backends", "redirect", "respond"]), .needs(keysOfForwarding, "backends")])

    /// They say something about endpoints, and mean nothing where the gateway answers itself.
    static let keysOfForwarding = [
        "whenDown", "sticky", "mirrors", "rewrite", "requestHeaders", "priority", "retries", "fault",
        "tritonParameters", "fanOut",
    ]

    /// They are about the one endpoint that a request goes to, or about the place in front of it.
    static let keysWithoutFanOut = ["whenDown", "sticky", "mirrors", "priority", "retries", "tritonParameters"]

    static let match = Schema(
        name: "a match", path: "routes[].match[]",
        entries: [
            Key("path", .object(pathMatch), .absent("any"), "after the escapes of unreserved characters are decoded"),
            Key(
                "host", .either([.text(.host), .object(hostMatch)]), .absent("any"),
                "the host of the request without its port, in lower case; text must be equal"),
            Key(
                "scheme", .words(of: Match.Scheme.self), .absent("any"),
                "how the client speaks to the gateway, or to the trusted proxy before it"),
            Key("port", .integer(Bounds.port), .absent("any"), "of the listener the request came in by"),
            Key("method", .text(.method), .absent("any"), "such as `POST`"),
            Key("headers", .map(.headerName, values), .absent("any"), "all of them must hold"),
            Key("withoutHeaders", .map(.headerName, values), .absent("any"), "none of them may hold"),
            Key("query", .map(.queryName, values), .absent("any"), "query parameters; all of them must hold"),
            Key(
                "model", .text(.pathElement), .absent("any"),
                "of a v2 request, from its path, or of a gRPC call, from its message"),
            Key("version", .text(.pathElement), .absent("any"), "of the model, likewise"),
        ],
        rules: [
            .some([
                "path", "host", "scheme", "port", "method", "headers", "withoutHeaders", "query", "model", "version",
            ])
        ])

    private static let values = ValueType.either([.text(.body), .object(valueMatch)])

    static let pathMatch = Schema(
        name: "a path match", path: "routes[].match[].path",
        entries: [
            Key("exact", .text(.path), "the whole path"),
            Key("prefix", .text(.path), "whole elements: `/v2` takes `/v2/models` and not `/v2x`"),
            Key("startsWith", .text(.path), "a plain string prefix"),
            Key("regex", .text(.pattern), "must match the whole path"),
            Key("ignoreCase", .flag, .value("false"), "compare in any case; not with `regex`, which has `(?i)`"),
        ],
        rules: [.one(["exact", "prefix", "startsWith", "regex"])])

    static let hostMatch = Schema(
        name: "a host match", path: "routes[].match[].host",
        entries: [
            Key("exact", .text(.host), "the host"),
            Key("prefix", .text(.any), "what it begins with"),
            Key("regex", .text(.pattern), "must match the whole host"),
        ],
        rules: [.one(["exact", "prefix", "regex"])])

    static let valueMatch = Schema(
        name: "a value match", path: "routes[].match[].headers.NAME",
        entries: [
            Key("exact", .text(.body), "the value, as text alone is"),
            Key("prefix", .text(.body), "what it begins with"),
            Key("regex", .text(.pattern), "must match the whole value"),
            Key("present", .flag, "`true`: there is one; `false`: there is none"),
        ],
        rules: [.one(["exact", "prefix", "regex", "present"])])
}
