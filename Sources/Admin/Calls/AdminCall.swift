package import HTTP

/// What a path of the operator's side stands for.
package enum AdminCall: Equatable, Sendable {
    case health, readiness, metrics
    case status, events, history, requests, changes, models, scale
    case reload, drain
    /// Of the route of this name.
    case weights(String)
    case undoWeights(String)
    /// The path is of a route whose name cannot be read.
    case unreadableRoute

    private static let routes = "/api/v1/routes/"
    private static let weights = "/weights"

    /// - Parameter path: as the client wrote it; nothing but the names of routes is decoded.
    package init?(path: String) {
        switch path {
        case "/healthz": self = .health
        case "/readyz": self = .readiness
        case "/metrics": self = .metrics
        case "/api/v1/status": self = .status
        case "/api/v1/events": self = .events
        case "/api/v1/history": self = .history
        case "/api/v1/requests": self = .requests
        case "/api/v1/changes": self = .changes
        case "/api/v1/models": self = .models
        case "/api/v1/scale": self = .scale
        case "/api/v1/reload": self = .reload
        case "/api/v1/drain": self = .drain
        default:
            guard path.hasPrefix(Self.routes), let call = Self.route(path.dropFirst(Self.routes.count)) else {
                return nil
            }
            self = call
        }
    }

    /// Names of routes have slashes, so the last `/weights` is the one that is meant.
    private static func route(_ rest: Substring) -> AdminCall? {
        guard let place = rest.ranges(of: weights).last else { return nil }
        let isUndo: Bool
        switch rest[place.upperBound...] {
        case "": isUndo = false
        case "/undo": isUndo = true
        default: return nil
        }
        guard let name = PercentCoding.decode(rest[..<place.lowerBound]), !name.isEmpty else {
            return .unreadableRoute
        }
        return isUndo ? .undoWeights(name) : .weights(name)
    }

    package var methods: [Method] {
        switch self {
        case .health, .readiness, .metrics, .status, .events, .history, .requests, .changes, .models, .scale:
            [.get, .head]
        case .reload, .undoWeights: [.post]
        case .drain: [.post, .delete]
        case .weights: [.get, .head, .put]
        case .unreadableRoute: [.get, .head, .put, .post]
        }
    }

    /// The value of `Allow` (RFC 9110 section 10.2.1).
    package static func allow(_ methods: [Method]) -> String {
        methods.map(name).joined(separator: ", ")
    }

    private static func name(_ method: Method) -> String {
        switch method {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        default: "DELETE"
        }
    }
}
