package import Configuration
package import HTTP

/// Finds the client behind trusted proxies in `X-Forwarded-For`.
package enum ForwardedClient {
    /// Addresses looked at, from the last one on: longer chains of proxies do not exist.
    private static let maxHops = 16

    /// Some proxies write the client's port behind its address: `192.0.2.1:1234`, `[2001:db8::1]:1234`.
    private static func withoutPort(_ hop: String) -> Substring {
        if hop.hasPrefix("["), let end = hop.firstIndex(of: "]") {
            let rest = hop[hop.index(after: end)...]
            return rest.isEmpty || isPort(rest) ? hop[hop.index(after: hop.startIndex)..<end] : ""
        }
        guard let colon = hop.firstIndex(of: ":"), isPort(hop[colon...]) else { return "" }
        return hop[..<colon]
    }

    private static func isPort(_ text: Substring) -> Bool {
        (2...6).contains(text.utf8.count) && text.hasPrefix(":")
            && text.dropFirst().utf8.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
    }

    /// The last address that is not a trusted proxy's: what stands before it was written by somebody unknown.
    ///
    /// - Returns: the proxy nearest to it where that one wrote no address; `nil` where the field names nobody.
    package static func address(in head: MessageHead, isTrusted: (IPAddress) -> Bool) -> IPAddress? {
        var hops: [String] = []
        for index in 0..<head.fieldCount where head.field(index).id == .xForwardedFor {
            forEachListElement(head.value(index)) { element in
                // Longer than any address; kept as something that is none.
                hops.append(element.count <= 64 ? String(decoding: element, as: UTF8.self) : "")
                if hops.count > maxHops { hops.removeFirst() }
            }
        }
        var nearest: IPAddress?
        for hop in hops.reversed() {
            guard let address = IPAddress(hop) ?? IPAddress(withoutPort(hop)) else { return nearest }
            nearest = address
            if !isTrusted(address) { return address }
        }
        return nearest
    }
}
