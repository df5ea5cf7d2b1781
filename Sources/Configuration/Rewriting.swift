package import Base

/// Changes of where a request goes: on the way to an endpoint, or told to the client.
extension Route {
    /// What the endpoint sees instead of what the client asked for. The query stays.
    package struct Rewrite: Sendable, Equatable {
        package var path: PathRewrite?
        /// The new `Host`.
        package var host: String?

        package init() {}
    }

    package enum PathRewrite: Sendable, Equatable {
        /// The whole path.
        case full(String)
        /// What the match compared: its `prefix`, its `startsWith` or all of an `exact` path.
        case prefix(String)
        /// Each place where the pattern is found in the path; `\1` to `\9` stand for what its groups have taken and `\0` for
        /// all it has found, as in RE2's `GlobalReplace`.
        case regex(Pattern, replacement: String)
    }

    /// An answer that sends the client elsewhere. What it does not say stays as the request has it; the query always does.
    package struct Redirect: Sendable, Equatable {
        package var scheme: Match.Scheme?
        package var host: String?
        package var port: RedirectPort?
        /// Never a regular expression.
        package var path: PathRewrite?
        /// One of `codes`.
        package var code = 308

        /// The statuses that say where to go on (RFC 9110 section 15.4).
        package static let codes = [301, 302, 303, 307, 308]

        package init() {}
    }

    package enum RedirectPort: Sendable, Equatable {
        case number(UInt16)
        /// That of the scheme, which is not written. The default where scheme or host are written.
        case ofScheme
        /// The one the client has used. The default elsewhere.
        case ofRequest
    }
}
