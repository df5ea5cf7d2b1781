package import Base
package import Configuration
import HTTP

/// Where a redirect sends its clients: a whole URL for `Location` (RFC 9110 section 10.2.2).
package struct RedirectTarget: Sendable {
    package let code: Int
    private let redirect: Route.Redirect
    /// Never a regular expression.
    private let path: PathRewriter?
    /// With brackets around an IPv6 address; `nil` for the request's.
    private let host: [UInt8]?
    /// The configured path brings a query of its own.
    private let hasQuery: Bool

    package init(_ redirect: Route.Redirect) {
        self.redirect = redirect
        code = redirect.code
        host = redirect.host.map { host in
            Array((host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host).utf8)
        }
        path = redirect.path.flatMap { PathRewriter($0) }
        if case .full(let whole) = redirect.path { hasQuery = whole.contains("?") } else { hasQuery = false }
    }

    /// What the client asked for.
    package struct Request {
        package var isSecure: Bool
        /// As the client wrote it, with or without a port.
        package var host: UnsafeRawBufferPointer
        package var path: UnsafeRawBufferPointer
        /// With its question mark; empty where there is none.
        package var query: UnsafeRawBufferPointer
        /// What its route compared the path with.
        package var matched: Match.PathMatch?

        package init(
            isSecure: Bool, host: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer, query: UnsafeRawBufferPointer,
            matched: Match.PathMatch?
        ) {
            self.isSecure = isSecure
            self.host = host
            self.path = path
            self.query = query
            self.matched = matched
        }
    }

    /// - Parameter location: gets the URL; without scheme and host where the request names no host.
    /// - Returns: false if the new path has no one reading, or would be taken for a host.
    package func write(_ request: Request, into location: inout ByteBuffer) -> Bool {
        location.removeAll()
        let isSecure = redirect.scheme.map { $0 == .https } ?? request.isSecure
        let name = HostValue.name(request.host) ?? request.host
        let hasHost = host != nil || !name.isEmpty
        if hasHost {
            location.append(isSecure ? "https://" : "http://")
            if let host { location.append(host) } else { location.append(name) }
            appendPort(request, name, isSecure: isSecure, to: &location)
        }
        let pathStart = location.count
        guard appendPath(request, to: &location) else { return false }
        // Without a host in front of it, what follows two slashes would be taken for one.
        return hasHost || !hasPrefix(UnsafeRawBufferPointer(rebasing: location.bytes[pathStart...]), "//")
    }

    private func appendPath(_ request: Request, to location: inout ByteBuffer) -> Bool {
        guard let path else {
            location.append(request.path)
            location.append(request.query)
            return true
        }
        var rewritten = ByteBuffer()
        var scratch = Substitution.Scratch()
        guard path.rewrite(request.path, matched: request.matched, into: &rewritten, scratch: &scratch) else {
            return false
        }
        location.append(rewritten.bytes)
        if !hasQuery { location.append(request.query) }
        return true
    }

    private func appendPort(
        _ request: Request, _ name: UnsafeRawBufferPointer, isSecure: Bool, to location: inout ByteBuffer
    ) {
        let isElsewhere = redirect.host != nil || redirect.scheme != nil
        switch redirect.port ?? (isElsewhere ? .ofScheme : .ofRequest) {
        case .number(let port):
            guard port != (isSecure ? 443 : 80) else { return }
            location.append(":")
            location.append(decimal: UInt64(port))
        case .ofScheme: break
        case .ofRequest: location.append(UnsafeRawBufferPointer(rebasing: request.host[name.count...]))
        }
    }
}
