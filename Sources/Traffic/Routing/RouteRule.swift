import Base
import Configuration
import HTTP

/// One route's conditions, as bytes.
struct RouteRule: Sendable {
    private let exactHosts: [[UInt8]]
    /// `.example.com` for `*.example.com`.
    private let hostSuffixes: [[UInt8]]
    private let anyHost: Bool
    private let alternatives: [Alternative]

    init(_ route: Route) {
        anyHost = route.hosts.isEmpty || route.hosts.contains("*")
        exactHosts = route.hosts.filter { !$0.hasPrefix("*") }.map { Array($0.lowercased().utf8) }
        hostSuffixes = route.hosts.filter { $0.hasPrefix("*.") }.map { Array($0.dropFirst().lowercased().utf8) }
        alternatives = route.match.map(Alternative.init)
    }

    func matches(_ request: borrowing RequestView) -> Bool {
        guard anyHost || matchesHost(request.host) else { return false }
        if alternatives.isEmpty { return true }
        for alternative in alternatives where alternative.matches(request) { return true }
        return false
    }

    private func matchesHost(_ host: UnsafeRawBufferPointer) -> Bool {
        for exact in exactHosts where exact.withUnsafeBytes({ equalsIgnoringCase($0, host) }) { return true }
        for suffix in hostSuffixes where host.count > suffix.count {
            let tail = UnsafeRawBufferPointer(rebasing: host[(host.count - suffix.count)...])
            if suffix.withUnsafeBytes({ equalsIgnoringCase($0, tail) }) { return true }
        }
        return false
    }

    /// The fields of one `match` entry: all must hold.
    struct Alternative: Sendable {
        private let path: PathTest?
        private let method: [UInt8]?
        private let headers: [NamedTest]
        private let query: [NamedTest]
        private let model: [UInt8]?
        private let version: [UInt8]?

        init(_ match: Match) {
            path = match.path.map(PathTest.init)
            method = match.method.map { Array($0.utf8) }
            headers = match.headers.map(NamedTest.init)
            query = match.query.map(NamedTest.init)
            model = match.model.map { Array($0.utf8) }
            version = match.version.map { Array($0.utf8) }
        }

        func matches(_ request: borrowing RequestView) -> Bool {
            if let path, !path.matches(request.path) { return false }
            if let method, !equals(request.head.slice(request.head.methodName), method) { return false }
            if model != nil || version != nil, !matchesModel(request.path) { return false }
            for header in headers where !header.matches(fieldsOf: request.head) { return false }
            for parameter in query where !parameter.matches(query: request.query) { return false }
            return true
        }

        private func matchesModel(_ path: UnsafeRawBufferPointer) -> Bool {
            guard let named = InferencePath(path) else { return false }
            if let model, !equals(named.model, model) { return false }
            if let version, !equals(named.version, version) { return false }
            return true
        }
    }
}

/// How a path is compared.
enum PathTest: Sendable {
    case exact([UInt8])
    case elements([UInt8])
    case start([UInt8])
    case pattern(Pattern)

    init(_ match: Match.PathMatch) {
        switch match {
        case .exact(let path): self = .exact(Array(path.utf8))
        // "/v2/" and "/v2" name the same elements.
        case .prefix(let path): self = .elements(Array((path.hasSuffix("/") ? path.dropLast() : path[...]).utf8))
        case .startsWith(let path): self = .start(Array(path.utf8))
        case .regex(let pattern): self = .pattern(pattern)
        }
    }

    func matches(_ path: UnsafeRawBufferPointer) -> Bool {
        switch self {
        case .exact(let expected): equals(path, expected)
        case .start(let prefix): hasPrefix(path, prefix)
        case .pattern(let pattern): pattern.matchesWhole(path)
        case .elements(let prefix):
            hasPrefix(path, prefix) && (path.count == prefix.count || path[prefix.count] == UInt8(ascii: "/"))
        }
    }
}
