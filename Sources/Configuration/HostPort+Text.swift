extension HostPort {
    /// Reads `host:port`, `192.0.2.1:port` or `[2001:db8::1]:port`; the host comes out in lower case.
    ///
    /// - Throws: `InvalidValue` for a missing part, a port outside 0...65535, a host that is neither a name nor an address,
    ///   and the kinds of address that are no host and port (`Address` reads those).
    package init(parsing text: String) throws(InvalidValue) {
        for prefix in ["unix:", "systemd:"] where text.hasPrefix(prefix) {
            throw InvalidValue("must be a host and a port here: write host:port instead of '\(prefix)'")
        }
        if let scheme = ["http://", "https://"].first(where: text.hasPrefix) {
            throw InvalidValue("must not have a scheme, leave '\(scheme)' out and write host:port")
        }
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else {
            throw InvalidValue("has no port, write host:port such as 127.0.0.1:8000")
        }
        let (host, portText) = (text[..<colon], text[text.utf8.index(after: colon)...])
        guard !portText.isEmpty, portText.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else {
            throw InvalidValue("has no port, write host:port such as 127.0.0.1:8000")
        }
        guard let port = UInt16(portText) else { throw InvalidValue("has a port above 65535") }
        self.init(host: try Self.host(host, port: port), port: port)
    }

    private static func host(_ text: Substring, port: UInt16) throws(InvalidValue) -> String {
        if text.hasPrefix("["), text.hasSuffix("]") {
            let literal = text.dropFirst().dropLast()
            guard literal.contains(":"), IPAddress(literal) != nil else {
                throw InvalidValue("has no IPv6 address between its brackets, write it as [::1]:\(port)")
            }
            return literal.lowercased()
        }
        guard !text.isEmpty else {
            throw InvalidValue("has no host, write 0.0.0.0:\(port) for every IPv4 address or 127.0.0.1:\(port)")
        }
        guard text != "*" else { throw InvalidValue("has no host, write 0.0.0.0:\(port) for every IPv4 address") }
        if text.contains(":") {
            throw InvalidValue(
                IPAddress(text) == nil
                    ? "is not an address, write host:port such as 127.0.0.1:8000"
                    : "needs brackets around its IPv6 address, write [\(text)]:\(port)")
        }
        guard IPAddress(text) == nil else { return String(text) }
        guard HostName.isValid(text), !HostName.looksNumeric(text) else {
            throw InvalidValue(
                "has a host that is neither a name nor an address, write host:port such as 127.0.0.1:8000")
        }
        return text.lowercased()
    }
}
