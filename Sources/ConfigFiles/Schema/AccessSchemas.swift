import Configuration

/// Who may use a route, and the answers that the gateway gives itself.
extension Schema {
    static let cors = Schema(
        name: "'cors'", path: "routes[].cors",
        entries: [
            Key(
                "allowOrigins", .list(.either([.text(.origin), .object(originMatch)])), .required,
                "whose pages; `*` is every origin, and never goes with credentials"),
            Key(
                "allowMethods", methods, .absent("those a page may always use"),
                "methods that pages may use, or `*` for all"),
            Key(
                "allowHeaders", headers, .absent("those a page may always send"),
                "headers that pages may send, or `*` for all"),
            Key(
                "exposeHeaders", headers, .absent("those a page may always read"),
                "headers of answers that pages may read, or `*` for all"),
            Key("allowCredentials", .flag, .value("false"), "pages may send cookies and passwords"),
            Key(
                "maxAge", .duration(Bounds.preflightAge), .absent("as the browser likes"),
                "how long browsers remember a preflight, in whole seconds"),
            Key(
                "unmatchedPreflights", .word(["ignore", "forward"]), .value("ignore"),
                "preflights from other origins are answered with nothing allowed, or by the endpoint"),
        ])

    private static let methods = ValueType.list(.either([.word(["*"]), .text(.method)]))
    private static let headers = ValueType.list(.either([.word(["*"]), .text(.headerName)]))

    static let originMatch = Schema(
        name: "an origin", path: "routes[].cors.allowOrigins[]",
        entries: [
            Key("startsWith", .text(.any), "what the origin begins with"),
            Key("regex", .text(.pattern), "must match the whole origin"),
        ],
        rules: [.one(["startsWith", "regex"])])

    static let basicAuth = Schema(
        name: "'basicAuth'", path: "routes[].basicAuth",
        entries: [
            Key("realm", .text(.realm), .value(Route.BasicAuth().realm), "what browsers show")
        ] + userKeys + [
            Key("allow", .list(.text(.user)), .absent("all of them"), "the users who get through"),
            Key("forwardUser", .text(.changedHeader), "a header that tells endpoints the user's name"),
            Key(
                "forwardAuthorization", .flag, .flag(Route.BasicAuth().forwardAuthorization),
                "keep the `Authorization` header on the way to the endpoint"),
        ],
        rules: [.some(["usersFile", "users"])])

    /// Where there are users.
    static let userKeys = [
        Key(
            "usersFile", .text(.file),
            "an htpasswd file: bcrypt, SHA-512-crypt, SHA-256-crypt, apr1 or `{SHA}`"),
        Key("users", .map(.user, .text(.passwordHash)), "names and hashes of the same kinds, in quotes"),
    ]

    static let rateLimit = Schema(
        name: "'rateLimit'", path: "routes[].rateLimit",
        entries: [
            Key("requests", .integer(Bounds.rate), .required, "so many requests"),
            Key("per", .duration(Bounds.ratePeriod), .required, "in each such time"),
            Key("burst", .integer(Bounds.rate), .absent("as many as `requests`"), "so many at once, after a rest"),
            Key("key", .text(.rateKey), .value("route"), "what is counted by itself; `user` needs `basicAuth`"),
        ])

    static let redirect = Schema(
        name: "'redirect'", path: "routes[].redirect",
        entries: [
            Key("scheme", .words(of: Match.Scheme.self), .absent("the request's"), "the new scheme"),
            Key("host", .text(.host), .absent("the request's"), "the new host"),
            Key(
                "port", .either([.integer(Bounds.port), .word(["scheme", "request"])]),
                .absent("`scheme` where `scheme` or `host` is written, else `request`"),
                "the new port: a number, that of the scheme, or the one the client has used"),
            Key("path", .text(.targetWithQuery), .absent("the request's"), "the new path"),
            Key("prefix", .text(.target), "takes the place of what the match compared"),
            Key(
                "code", .word(Route.Redirect.codes.map { "\($0)" }), .integer(Route.Redirect().code), "the status"),
        ],
        rules: [.atMostOne(["path", "prefix"]), .some(["scheme", "host", "port", "path", "prefix"])])

    static let respond = Schema(
        name: "'respond'", path: "routes[].respond",
        entries: [
            Key("status", .integer(Bounds.status), .required, "of the answer"),
            Key("headers", .map(.headerName, .text(.headerValue)), "of the answer; the gateway frames it itself"),
            Key("body", .text(.body), .absent("empty"), "of the answer"),
        ])
}
