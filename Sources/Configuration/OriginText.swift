/// Origins as browsers send them (RFC 6454 section 6.2): a scheme, a host, and a port that is not the scheme's own.
extension Route.CORS.OriginMatch {
    /// Reads `*`, `https://app.example.com`, `http://localhost:3000`, `null`, or one of the first kind with one `*` in its host or
    /// port. Case does not count.
    ///
    /// - Throws: what keeps the text from ever being an origin, and what to write instead.
    package init(parsing text: String) throws(InvalidValue) {
        guard text != "*" else {
            self = .any
            return
        }
        let origin = text.lowercased()
        guard origin != "null" else {
            self = .exact(origin)
            return
        }
        guard let separator = origin.firstRange(of: "://"), Self.isScheme(origin[..<separator.lowerBound]) else {
            throw InvalidValue("is no origin, write it with its scheme, such as https://app.example.com")
        }
        let scheme = origin[..<separator.lowerBound]
        let place = origin[separator.upperBound...]
        if let end = place.firstIndex(where: { "/?#".contains($0) }) {
            throw InvalidValue(
                "goes on behind the host and port, and origins do not, write \(scheme)://\(place[..<end])")
        }
        try Self.checkPlace(place, scheme: scheme)
        let pieces = origin.split(separator: "*", omittingEmptySubsequences: false)
        guard pieces.count <= 2 else { throw InvalidValue("has two stars, write one, or { regex: … }") }
        self = pieces.count == 1 ? .exact(origin) : .wildcard(prefix: String(pieces[0]), suffix: String(pieces[1]))
    }

    /// What would be lost on a reader who takes `https://*example.com` for the names below example.com, or `nil`.
    package var warning: String? {
        guard case .wildcard(let prefix, let suffix) = self, let first = suffix.utf8.first,
            first != UInt8(ascii: "."), first != UInt8(ascii: "-"), first != UInt8(ascii: ":")
        else { return nil }
        return "also allows \(prefix)evil\(suffix), write \(prefix)*.\(suffix)"
    }

    /// RFC 3986 section 3.1.
    private static func isScheme(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first) else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "+-.".utf8.contains(byte)
            }
        }
    }

    /// A star stands for a letter here: whatever it may be, the rest must be the rest of a host and port.
    private static func checkPlace(_ place: Substring, scheme: Substring) throws(InvalidValue) {
        let noHost = InvalidValue("has no host that browsers know, write it such as https://app.example.com")
        var host = place
        var port: Substring?
        if let colon = place.lastIndex(of: ":"), place.last != "]" {
            host = place[..<colon]
            port = place[place.index(after: colon)...]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            guard IPAddress(host.dropFirst().dropLast()) != nil else { throw noHost }
        } else {
            guard HostName.isValid(String(host.map { $0 == "*" ? "a" : $0 })) else { throw noHost }
        }
        guard let port, port != "*" else { return }
        // `UInt16` itself would also take `+80`.
        guard let number = UInt16(String(port.map { $0 == "*" ? "1" : $0 })), number > 0, !port.hasPrefix("+") else {
            throw InvalidValue("has no port behind its colon, write it such as http://localhost:3000")
        }
        // Browsers leave it out (WHATWG URL section 4.2).
        if (scheme == "https" && number == 443) || (scheme == "http" && number == 80) {
            throw InvalidValue("never comes with the port of its scheme, write \(scheme)://\(host)")
        }
    }
}
