import Configuration

/// What may be written as the value of a key.
indirect enum ValueType: Sendable {
    case text(TextKind)
    /// One of a few words.
    case word([String])
    case flag
    /// A flag that is either `true` or left out.
    case onlyTrue
    case integer(ClosedRange<Int>)
    /// 0...100
    case percent
    /// - Parameter orZero: whether 0s may be written although the range begins above it.
    case duration(ClosedRange<Duration>, orZero: Bool = false)
    case size(ClosedRange<Int64>)
    case object(Schema)
    /// At least one of them.
    case list(ValueType)
    /// A mapping of names that are the user's own.
    case map(TextKind, ValueType)
    case either([ValueType])

    var integers: ClosedRange<Int>? { if case .integer(let range) = self { range } else { nil } }

    var sizes: ClosedRange<Int64>? { if case .size(let range) = self { range } else { nil } }

    var durations: (ClosedRange<Duration>, orZero: Bool)? {
        if case .duration(let range, let orZero) = self { (range, orZero) } else { nil }
    }

    /// The ways there are to write it.
    var alternatives: [ValueType] { if case .either(let types) = self { types } else { [self] } }
}

/// What a text must be, besides a single value.
enum TextKind: String, Sendable, CaseIterable {
    case any, body, name, file, host, hostPattern, authority, headerName, changedHeader, cookieName, headerValue,
        template, method,
        path
    case target, targetWithQuery, pattern, replacement, origin, user, passwordHash, listeningAddress, endpointAddress
    case hostPort, network, rateKey, pathElement, queryName, realm, healthPath, socketPath, retryStatus
    case collector, kubernetesName, podName, servicePort, bearerToken

    /// What it is called in the reference.
    var title: String {
        switch self {
        case .any: "text"
        case .body: "text, which may be empty"
        case .name: "a name"
        case .file: "a path, relative to this file"
        case .host: "a host name or an address, without port"
        case .hostPattern: "a host name, or `*.` and one"
        case .authority: "a host, or `host:port`"
        case .headerName: "a header's name"
        case .changedHeader: "a header's name that is not the gateway's own"
        case .cookieName: "a cookie's name"
        case .headerValue: "a header's value"
        case .template:
            "a header's value, which may hold "
                + Wording.list(HeaderTemplate.Variable.allCases.map { "`%{\($0.rawValue)}`" }, "and")
        case .method: "a method, in capitals"
        case .path: "a path"
        case .target: "a path without a query"
        case .targetWithQuery: "a path, with or without a query"
        case .pattern: "a regular expression (RE2)"
        case .replacement: "text with `\\0` to `\\9`"
        case .origin: "an origin, with at most one `*`, or `*` alone"
        case .user: "a user's name"
        case .passwordHash: "a password's hash, as `sluice passwd` prints it"
        case .listeningAddress: "`host:port`, `unix:PATH` or `systemd:NAME`"
        case .endpointAddress: "`host:port` or `unix:PATH`"
        case .hostPort: "`host:port`"
        case .network: "a network such as `10.0.0.0/8`, or an address"
        case .rateKey: "`route`, `user`, `clientAddress` or `header:NAME`"
        case .pathElement: "text without `/`"
        case .queryName: "a parameter's name"
        case .realm: "ASCII text"
        case .healthPath: "a path and query"
        case .socketPath: "a path, relative to this file, of at most 107 bytes"
        case .retryStatus: "a status, 400 to 599"
        case .kubernetesName: "a name in Kubernetes: lower-case letters, digits and `-`, at most 63"
        case .podName: "a pod's name"
        case .servicePort: "the name of a port, or its number at the pods"
        case .bearerToken: "a path, relative to this file, of a file with at least 16 visible characters"
        case .collector: "`http://host:port` or `https://host:port`, with or without a path"
        }
    }
}
