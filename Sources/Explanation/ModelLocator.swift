import Base
package import Configuration
import HTTP
package import Traffic

/// Finds out where clients reach a model of a backend: it writes the requests that could lead there, and has the routing that
/// serves requests decide which of them do.
package struct ModelLocator {
    /// Requests tried for one list of models. Each takes microseconds; a thousand models behind a thousand routes would take
    /// seconds.
    package static let trialLimit = 20_000
    /// Hosts of a route that are tried: one URL is enough.
    private static let hostLimit = 4

    /// A listener as clients see it.
    package struct Entrance: Sendable, Equatable {
        package var scheme: Match.Scheme
        /// Host and port.
        package var authority: String
        /// As routes see it; 0 where it has none.
        package var port: UInt16

        package init(scheme: Match.Scheme, authority: String, port: UInt16) {
            self.scheme = scheme
            self.authority = authority
            self.port = port
        }
    }

    /// Where an inference can be sent to.
    package struct Place: Sendable, Equatable {
        package var route: String
        /// The entry's name.
        package var label: String
        package var url: String
        /// A `Host` header it needs.
        package var host: String?
    }

    private let gateway: Gateway
    private let table: RouteTable
    private let entrances: [Entrance]
    /// The routes and entries that lead to each backend.
    private let entries: [String: [(route: Int, entry: Int)]]
    private var trials = 0
    private let head = MessageHead()

    /// - Parameter table: of the gateway's routes.
    package init(_ gateway: Gateway, _ table: RouteTable, _ entrances: [Entrance]) {
        self.gateway = gateway
        self.table = table
        self.entrances = entrances
        var entries: [String: [(route: Int, entry: Int)]] = [:]
        for (index, route) in gateway.routes.enumerated() {
            // What has no weight gets no requests.
            for (number, entry) in (route.forward?.backends ?? []).enumerated() where entry.weight > 0 {
                entries[entry.backend, default: []].append((index, number))
            }
        }
        self.entries = entries
    }

    /// At most one for each entrance and entry.
    ///
    /// - Parameters:
    ///   - version: empty where the server did not say.
    ///   - isOnlyVersion: the server would choose it by itself.
    package mutating func places(
        of model: String, version: String, isOnlyVersion: Bool, at backend: String
    ) -> [Place] {
        let wanted = Wanted(model: model, version: version, isOnlyVersion: isOnlyVersion)
        var places: [Place] = []
        for (index, number) in entries[backend] ?? [] {
            let route = gateway.routes[index]
            guard let entry = route.forward?.backends[number] else { continue }
            let candidates = (route.match.isEmpty ? [Match()] : route.match).flatMap { match in
                Self.hosts(route, match).flatMap { host in
                    wanted.paths(through: entry, of: route, match).map { (host, $0) }
                }
            }
            for entrance in entrances {
                for (host, path) in candidates where trials < Self.trialLimit {
                    trials += 1
                    guard leads(path, host: host ?? entrance.authority, entrance, to: index, entry, wanted) else {
                        continue
                    }
                    let url = "\(entrance.scheme.rawValue)://\(entrance.authority)\(path)"
                    places.append(Place(route: route.name, label: entry.label, url: url, host: host))
                    break
                }
            }
        }
        return places
    }

    /// `nil` for any.
    private static func hosts(_ route: Route, _ match: Match) -> [String?] {
        if case .exact(let host) = match.host { return [host] }
        let hosts = route.hosts.prefix(hostLimit).map { host -> String? in
            if host == "*" { return nil }
            return host.hasPrefix("*.") ? "models" + host.dropFirst() : host
        }
        return hosts.isEmpty ? [nil] : hosts
    }

    /// Whether the route takes the request, and its endpoints see an inference of the model.
    private func leads(
        _ path: String, host: String, _ entrance: Entrance, to index: Int, _ entry: Route.WeightedBackend,
        _ wanted: Wanted
    ) -> Bool {
        head.reset()
        let text = Array("POST \(path) HTTP/1.1\r\nHost: \(host)\r\nContent-Type: application/json\r\n\r\n".utf8)
        let limit = Listener.Limits().headerBytes
        guard case .complete = text.withUnsafeBytes({ head.parseRequest($0, limit: limit) }),
            let target = try? RequestTarget(of: head), head.hostIndex >= 0,
            let name = HostValue.name(head.value(head.hostIndex))
        else { return false }
        var decoded = ByteBuffer()
        let isDecoded: Bool
        switch PathNormalizer.normalize(head.slice(target.path), into: &decoded) {
        case .asReceived: isDecoded = false
        case .decoded: isDecoded = true
        case .refused: return false
        }
        var view = RequestView(
            head: head, path: isDecoded ? decoded.bytes : head.slice(target.path), query: head.slice(target.query),
            host: name)
        view.isSecure = entrance.scheme == .https
        view.port = entrance.port
        guard table.match(view) == index else { return false }
        return arrives(view, gateway.routes[index], entry, wanted)
    }

    private func arrives(
        _ view: RequestView, _ route: Route, _ entry: Route.WeightedBackend, _ wanted: Wanted
    ) -> Bool {
        var rewritten = ByteBuffer()
        var path = view.path
        if let rewriter = route.rewrite?.path.flatMap({ PathRewriter($0) }) {
            var scratch = Substitution.Scratch()
            let matched = RouteAlternatives(route).path(matching: view)
            guard rewriter.rewrite(path, matched: matched, into: &rewritten, scratch: &scratch) else { return false }
            path = rewritten.bytes
        }
        var named = ByteBuffer()
        if let names = ModelNames(model: entry.model, version: entry.version), names.rewrite(path, into: &named) {
            path = named.bytes
        }
        guard let found = InferencePath(path), found.isInfer else { return false }
        return wanted.isNamed(by: found)
    }
}

/// A model and version that a client wants to reach.
private struct Wanted {
    var model: String
    var version: String
    var isOnlyVersion: Bool

    func isNamed(by path: InferencePath) -> Bool {
        guard equals(path.model, ModelNames.escaped(Array(model.utf8))) else { return false }
        if path.version.isEmpty { return isOnlyVersion || version.isEmpty }
        return equals(path.version, ModelNames.escaped(Array(version.utf8)))
    }

    /// Paths that could arrive as an inference of it, the shortest first.
    func paths(through entry: Route.WeightedBackend, of route: Route, _ match: Match) -> [String] {
        guard entry.model == nil || entry.model == model, entry.version == nil || entry.version == version else {
            return []
        }
        // Behind an entry that puts another model in its place, clients call it as the route does.
        let name = entry.model == nil ? model : match.model ?? Self.model(in: match.path) ?? model
        guard match.model == nil || match.model == name else { return [] }
        var versions: [String?] = [match.version]
        if match.version == nil, entry.version == nil, !version.isEmpty {
            versions = isOnlyVersion ? [nil, version] : [version]
        }
        return versions.compactMap { version in
            var path = "/v2/models/\(Self.escaped(name))"
            if let version { path += "/versions/\(Self.escaped(version))" }
            return Self.before(route.rewrite?.path, match.path, path + "/infer")
        }
    }

    private static func escaped(_ text: String) -> String {
        String(decoding: ModelNames.escaped(Array(text.utf8)), as: UTF8.self)
    }

    private static func model(in path: Match.PathMatch?) -> String? {
        switch path {
        case .exact(let text), .prefix(let text), .startsWith(let text):
            let bytes = Array(text.utf8)
            return bytes.withUnsafeBytes { bytes in
                InferencePath(bytes).map { String(decoding: $0.model, as: UTF8.self) }
            }
        case .regex, nil: return nil
        }
    }

    /// The path that becomes this one on its way; a guess, which is tried.
    private static func before(_ rewrite: Route.PathRewrite?, _ match: Match.PathMatch?, _ path: String) -> String? {
        let matched: String
        switch match {
        case .exact(let text), .prefix(let text), .startsWith(let text): matched = text
        case .regex, nil: matched = "/"
        }
        switch rewrite {
        case nil, .regex: return path
        case .full: return matched
        case .prefix(let prefix):
            if case .exact = match { return matched }
            guard path.hasPrefix(prefix) else { return nil }
            let rest = path.dropFirst(prefix.count)
            if matched.hasSuffix("/") && rest.hasPrefix("/") { return matched + rest.dropFirst() }
            let needsSlash = !matched.hasSuffix("/") && prefix.hasSuffix("/")
            return matched + (needsSlash ? "/" : "") + rest
        }
    }
}
