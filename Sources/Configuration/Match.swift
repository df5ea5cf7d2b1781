package import Base

/// One alternative of a route: all of its fields must hold.
package struct Match: Sendable, Equatable {
    package var path: PathMatch?
    /// `path` is compared without regard to case; never with a regular expression, which can say so itself.
    package var ignoresPathCase = false
    /// The host the request names, in lower case and without its port.
    package var host: ValueMatch?
    package var scheme: Scheme?
    /// The port of the listener it came in by.
    package var port: UInt16?
    /// Upper-case token, e.g. `POST`.
    package var method: String?
    /// Lower-case header names.
    package var headers: [NamedMatch] = []
    /// None of these may hold.
    package var withoutHeaders: [NamedMatch] = []
    package var query: [NamedMatch] = []
    /// The model of a v2 request, from its path.
    package var model: String?
    /// The model version of a v2 request, from its path.
    package var version: String?

    package init() {}

    /// How the client speaks to the gateway.
    package enum Scheme: String, Sendable, CaseIterable { case http, https }

    /// How a path is compared, after the escapes of unreserved characters are decoded.
    package enum PathMatch: Sendable, Equatable {
        case exact(String)
        /// Whole path elements: `/v2` takes `/v2` and `/v2/models`, not `/v2x`.
        case prefix(String)
        /// Plain string prefix, as Istio means it.
        case startsWith(String)
        /// The whole path.
        case regex(Pattern)
    }

    /// A header or query parameter and what its value must be.
    package struct NamedMatch: Sendable, Equatable {
        package var name: String
        package var value: ValueMatch

        package init(name: String, value: ValueMatch) {
            self.name = name
            self.value = value
        }
    }

    package enum ValueMatch: Sendable, Equatable {
        case exact(String)
        case prefix(String)
        /// The whole value.
        case regex(Pattern)
        case present(Bool)
    }
}
