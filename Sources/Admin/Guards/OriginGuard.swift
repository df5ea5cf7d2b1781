package import Configuration

/// Tells the operator's own calls from those a foreign page makes their browser send: by the `Host` the call names, which a
/// rebound name betrays, by the `Origin` that a browser adds, and by what it says of the page in `Sec-Fetch-Site` (Fetch
/// Metadata Request Headers). Programs that are no browsers send neither of the two.
package struct OriginGuard: Sendable {
    private let allowed: Set<String>
    private let isSecure: Bool
    /// The page of an address is at that address: no name leads elsewhere later. So on a listener for other machines, which
    /// have many addresses, each will do.
    private let admitsLiterals: Bool

    package init(_ surface: AdminSurface) {
        let own = surface.address.host.map(Self.bracketed)
        allowed = Set(["localhost", "127.0.0.1", "[::1]"] + [own].compactMap { $0 } + surface.allowedHosts)
        isSecure = surface.tls != nil
        let host = surface.address.host
        admitsLiterals = host.flatMap { IPAddress($0) }.map { !$0.isLoopback } ?? (host == nil)
    }

    /// - Returns: why the call is refused; `nil` where it is not.
    package func refusal(of request: AdminRequest) -> String? {
        guard admits(host: request.fields.host) else {
            return "this host is not allowed; write it into admin.allowedHosts, if it is this gateway's"
        }
        if let origin = request.fields.origin, !admits(origin: origin, host: request.fields.host) {
            return "a page of another origin may not call this"
        }
        if let site = request.fields.fetchSite, site != "same-origin", site != "none" {
            // Following a link is how one comes here; what a page fetches for itself is another matter.
            guard request.isRead, request.fields.fetchMode == "navigate" else {
                return "a page of another site may not call this"
            }
        }
        return nil
    }

    private func admits(host: String) -> Bool {
        let name = Self.name(host)
        if allowed.contains(name) { return true }
        let literal = name.hasPrefix("[") && name.hasSuffix("]") ? name.dropFirst().dropLast() : name[...]
        return admitsLiterals && IPAddress(literal) != nil
    }

    /// The page's own address, port included: another port of this machine is another site.
    private func admits(origin: String, host: String) -> Bool {
        let origin = origin.lowercased()
        for (scheme, port) in [("http://", ":80"), ("https://", ":443")] where origin.hasPrefix(scheme) {
            // A proxy in front may speak HTTPS for a listener that does not, never the other way round.
            if isSecure, scheme != "https://" { return false }
            return Self.without(port, origin.dropFirst(scheme.count)) == Self.without(port, host.lowercased()[...])
        }
        return false
    }

    private static func without(_ port: String, _ authority: Substring) -> Substring {
        authority.hasSuffix(port) ? authority.dropLast(port.count) : authority
    }

    private static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host.lowercased() }

    /// Without the port, in lower case.
    private static func name(_ host: String) -> String {
        let host = host.lowercased()
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host[...end]) }
        return String(host.prefix { $0 != ":" })
    }
}
