import Configuration

/// What becomes of requests that are sent on.
extension Schema {
    private static let copies = Route.Mirror(backend: "")
    private static let again = Route.Retries()

    static let weightedBackend = Schema(
        name: "a route's backend", path: "routes[].backends[]",
        entries: [
            Key("name", .text(.name), .required, "of the backend"),
            Key(
                "weight", .integer(Bounds.routeWeight), .value("1"), "its share of the requests; not all may be 0"),
            Key(
                "as", .text(.name), .absent("the backend's name"),
                "the entry's name in metrics, logs and the weights API, unique in the route"),
            Key(
                "model", .text(.pathElement), .absent("as requested"),
                "the model that v2 requests and gRPC calls of this entry ask for"),
            Key("version", .text(.pathElement), .absent("as requested"), "its version, likewise"),
            Key("requestHeaders", .object(headerOperations), "changes to its requests, after the route's"),
            Key("responseHeaders", .object(headerOperations), "changes to the answers of its endpoints"),
        ])

    static let sticky = Schema(
        name: "'sticky'", path: "routes[].sticky",
        entries: [
            Key("header", .text(.headerName), "requests with the same value of this header go to the same entry"),
            Key("cookie", .text(.cookieName), "those with the same value of this cookie; who has none gets one"),
            Key(
                "ttl", .duration(Bounds.cookieAge), .absent("until the browser is closed"),
                "how long the cookie lives, in whole seconds"),
            Key("clientAddress", .onlyTrue, "those of the same client address"),
        ],
        rules: [.one(["header", "cookie", "clientAddress"]), .needs(["ttl"], "cookie")])

    static let mirror = Schema(
        name: "a mirror", path: "routes[].mirrors[]",
        entries: [
            Key("backend", .text(.name), .required, "gets a copy of requests; nobody sees its answers"),
            Key("percent", .percent, .percent(copies.percent), "share of the requests that is copied"),
            Key("maxInFlight", .integer(Bounds.count), .integer(copies.maxInFlight), "copies under way in the process"),
            Key(
                "maxBufferedBytes", .size(Bounds.mirrorBufferedBytes), .size(copies.maxBufferedBytes),
                "bytes the copies may hold that the mirror has not taken yet, in the process"),
            Key("timeout", .duration(Bounds.timeout), .duration(copies.timeout), "of one copy"),
            Key("requestHeaders", .object(headerOperations), "changes to the copies, after the route's"),
        ])

    static let rewrite = Schema(
        name: "'rewrite'", path: "routes[].rewrite",
        entries: [
            Key(
                "prefix", .text(.target),
                "takes the place of what the match compared: its prefix, or all of an exact path"),
            Key("path", .text(.target), "takes the place of the whole path"),
            Key("regex", .object(rewriteRegex), "takes the place of what an expression finds"),
            Key("host", .text(.authority), .absent("the request's"), "the new `Host`"),
        ],
        rules: [.atMostOne(["prefix", "path", "regex"]), .some(["prefix", "path", "regex", "host"])])

    static let rewriteRegex = Schema(
        name: "the 'regex' of 'rewrite'", path: "routes[].rewrite.regex",
        entries: [
            Key("match", .text(.pattern), .required, "what is looked for in the path, each time it is there"),
            Key(
                "replace", .text(.replacement), .required,
                "what takes its place; `\\1` to `\\9` stand for what the groups have taken, `\\0` for all that was found"
            ),
        ])

    static let headerOperations = Schema(
        name: "header operations", path: "requestHeaders and responseHeaders",
        entries: [
            Key("set", .map(.changedHeader, .text(.template)), "take the place of every field of the name"),
            Key("add", .map(.changedHeader, .text(.template)), "stand beside those there are"),
            Key("remove", .list(.text(.changedHeader)), "are taken away first"),
        ],
        rules: [.some(["set", "add", "remove"])])

    static let retries = Schema(
        name: "'retries'", path: "routes[].retries",
        entries: [
            Key("attempts", .integer(Bounds.retryAttempts), .integer(again.attempts), "tries after the first"),
            Key(
                "on",
                .list(
                    .either([
                        .word(["connectFailure", "refusedStream", "reset", "timeout"]), .text(.retryStatus),
                    ])),
                .value("[connectFailure, refusedStream]"), "after what"),
            Key(
                "perTryTimeout", .duration(Bounds.timeout, orZero: true), .duration(again.perTryTimeout),
                "of each try until its answer begins; `0s` is none"),
            Key(
                "budgetPercent", .percent, .percent(again.budgetPercent),
                "retries in percent of the route's requests over ten seconds; ten a second are allowed unless it is 0"),
            Key(
                "maxBufferedBytes", .size(Bounds.retryBufferedBytes), .size(again.maxBufferedBytes),
                "a longer body is sent once"),
            Key("inference", .flag, .flag(again.inference), "inference requests without a sequence may run twice"),
        ])

    static let fault = Schema(
        name: "'fault'", path: "routes[].fault",
        entries: [
            Key("delay", .object(faultDelay), "make requests wait"),
            Key("abort", .object(faultAbort), "answer them in the place of an endpoint"),
        ],
        rules: [.some(["delay", "abort"])])

    static let faultDelay = Schema(
        name: "a fault's delay", path: "routes[].fault.delay",
        entries: [
            Key("percent", .percent, .value("100"), "share of the requests that wait"),
            Key("duration", .duration(Bounds.timeout), .required, "for how long"),
        ])

    static let faultAbort = Schema(
        name: "a fault's abort", path: "routes[].fault.abort",
        entries: [
            Key("percent", .percent, .value("100"), "share of the requests that are answered"),
            Key("status", .integer(Bounds.status), "with this HTTP status"),
            Key("grpcStatus", .integer(Bounds.grpcStatus), "with this status of gRPC"),
        ],
        rules: [.one(["status", "grpcStatus"])])
}
