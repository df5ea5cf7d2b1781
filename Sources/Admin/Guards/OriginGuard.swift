package import Configuration

/// Tells the operator's own calls from those a foreign page makes their browser send: by the `Host` the call names, which a
/// rebound name betrays, by the `Origin` that a browser adds, and by what it says of the page in `Sec-Fetch-Site` (Fetch
/// Metadata Request Headers). Programs that are no browsers send neither of the two.
package struct OriginGuard: Sendable {
    private let own: Set<String>
    private let allowed: Set<String>
    private let isSecure: Bool
    /// The page of an address is at that address: no name leads elsewhere later. So on a listener for other machines, which
    /// have many addresses, each will do.
    private let admitsLiterals: Bool

    package init(_ surface: AdminSurface) {
        let host = surface.address.host
        own = Set(["localhost", "127.0.0.1", "[::1]"] + [host].compactMap { $0.map(Self.bracketed) })
        allowed = Set(surface.allowedHosts)
        isSecure = surface.tls != nil
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
        guard let name = Self.name(host) else { return false }
        if own.contains(name) || allowed.contains(name) { return true }
        let literal = name.hasPrefix("[") ? name.dropFirst().dropLast() : name[...]
        return admitsLiterals && IPAddress(literal) != nil
    }

    /// The page's own address, port included: another port of this machine is another site.
    private func admits(origin: String, host: String) -> Bool {
        let origin = origin.lowercased()
        for (scheme, port) in [("http://", ":80"), ("https://", ":443")] where origin.hasPrefix(scheme) {
            // A proxy in front, under a name of its own, may speak HTTPS for a listener that does not.
            let isProxied = scheme == "https://" && Self.name(host).map(allowed.contains) == true
            guard isProxied || isSecure == (scheme == "https://") else { return false }
            return Self.without(port, origin.dropFirst(scheme.count)) == Self.without(port, host.lowercased()[...])
        }
        return false
    }

    private static func without(_ port: String, _ authority: Substring) -> Substring {
        authority.hasSuffix(port) ? authority.dropLast(port.count) : authority
    }

    private static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host.lowercased() }

    /// Without the port, in lower case; `nil` for what is no host and port (RFC 9110 section 7.2).
    private static func name(_ host: String) -> String? {
        let host = host.lowercased()
        var end = host.firstIndex(of: ":") ?? host.endIndex
        if host.hasPrefix("[") {
            guard let bracket = host.firstIndex(of: "]") else { return nil }
            end = host.index(after: bracket)
        }
        let port = host[end...]
        guard port.isEmpty || port.first == ":" && port.dropFirst().utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return String(host[..<end])
    }
}
