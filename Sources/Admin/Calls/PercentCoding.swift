import Base

/// Percent-encoding in paths and queries (RFC 3986 section 2.1).
package enum PercentCoding {
    /// - Parameter plusIsSpace: as HTML forms and `URLSearchParams` write queries.
    /// - Returns: `nil` for escapes that are none, for what is no UTF-8 then, and for control characters, which no name has.
    package static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The parameters of a query.
    ///
    /// - Returns: `nil` where one has no `=` or cannot be read, or a name comes twice.
    package static func parameters(_ query: String) -> [String: String]? {
        var parameters: [String: String] = [:]
        for pair in query.split(separator: "&") {
            guard let equals = pair.firstIndex(of: "="),
                let name = decode(pair[..<equals], plusIsSpace: true),
                let value = decode(pair[pair.index(after: equals)...], plusIsSpace: true),
                parameters.updateValue(value, forKey: name) == nil
            else { return nil }
        }
        return parameters
    }
}
