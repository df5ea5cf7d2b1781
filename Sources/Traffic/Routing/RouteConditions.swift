import Base
import Configuration
import HTTP

/// What a `match` entry asks for beside a host and a plain path: all of it must hold.
///
/// A class, because a table holds many and looking at one must not copy its parts.
final class RouteConditions: Sendable {
    private let pattern: Pattern?
    private let foldedPath: PlainPath?
    private let host: ValueTest?
    private let isSecure: Bool?
    private let port: UInt16?
    private let method: [UInt8]?
    private let headers: [NamedTest]
    private let withoutHeaders: [NamedTest]
    private let query: [NamedTest]
    private let model: [UInt8]?
    private let version: [UInt8]?

    /// The place of the route.
    let rank: Int
    var asksForConnection: Bool { isSecure != nil || port != nil }
    var asksForModel: Bool { model != nil || version != nil }

    /// - Returns: `nil` where the match asks for nothing more.
    init?(_ match: Match, rank: Int) {
        self.rank = rank
        if case .regex(let pattern) = match.path { self.pattern = pattern } else { pattern = nil }
        foldedPath = match.ignoresPathCase ? PlainPath(match.path, ignoresCase: true) : nil
        host = match.host.map(ValueTest.init)
        isSecure = match.scheme.map { $0 == .https }
        port = match.port
        method = match.method.map { Array($0.utf8) }
        headers = match.headers.map(NamedTest.init)
        withoutHeaders = match.withoutHeaders.map(NamedTest.init)
        query = match.query.map(NamedTest.init)
        model = match.model.map { Array($0.utf8) }
        version = match.version.map { Array($0.utf8) }
        let asksForPath = pattern != nil || foldedPath != nil
        let asksForFields = !headers.isEmpty || !withoutHeaders.isEmpty || !query.isEmpty
        let asksForPlace = host != nil || isSecure != nil || port != nil
        guard asksForPath || asksForPlace || method != nil || asksForFields || model != nil || version != nil
        else { return nil }
    }

    func hold(_ request: RequestView) -> Bool {
        if let method, !equals(request.head.slice(request.head.methodName), method) { return false }
        if let isSecure, request.isSecure != isSecure { return false }
        if let port, request.port != port { return false }
        if let foldedPath, !foldedPath.accepts(request.path) { return false }
        if asksForModel, !matchesModel(request) { return false }
        if let host, !host.acceptsLowercased(request.host) { return false }
        for header in headers where !header.matches(fieldsOf: request.head) { return false }
        for header in withoutHeaders where header.matches(fieldsOf: request.head) { return false }
        for parameter in query where !parameter.matches(query: request.query) { return false }
        // Last, for it costs most.
        if let pattern, !pattern.matchesWhole(request.path) { return false }
        return true
    }

    /// What is not known yet might match.
    private func matchesModel(_ request: RequestView) -> Bool {
        switch request.model {
        case .inPath:
            guard let named = InferencePath(request.path) else { return false }
            return matches(named.model, named.version)
        case .unknown: return true
        case .known(let name, let version): return matches(name, version)
        }
    }

    private func matches(_ name: UnsafeRawBufferPointer, _ wanted: UnsafeRawBufferPointer) -> Bool {
        if let model, !equals(name, model) { return false }
        if let version, !equals(wanted, version) { return false }
        return true
    }
}
