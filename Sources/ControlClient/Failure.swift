extension ControlClient {
    /// Why there is no answer.
    package struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
        package enum Kind: Sendable, CaseIterable {
            /// The request, its TLS settings or its address cannot be used; nothing was sent.
            case request
            /// The name has no address, or the name server does not answer.
            case resolve
            /// Nobody accepts connections there.
            case connect
            /// The handshake failed, or the certificate is not good.
            case tls
            /// Not done in time; the sentence says with what.
            case timeout
            /// The connection ended before the answer did.
            case reset
            /// The answer is larger than the request allows.
            case tooLarge
            /// What came is no answer in the protocol that was asked for.
            case `protocol`
            /// By `Call.cancel` or `ControlClient.close`.
            case cancelled
        }

        package let kind: Kind
        /// A sentence for an operator that names the address: printable, of bounded length.
        package let description: String

        init(_ kind: Kind, _ description: String) {
            self.kind = kind
            self.description = description
        }
    }
}

/// What a peer or a library said, fit for one line of a log: control characters become spaces, and what is longer than
/// `longestQuote` is cut.
func quote(_ text: String) -> String {
    var result = ""
    var length = 0
    for scalar in text.unicodeScalars {
        if length == longestQuote { return result + "…" }
        let isControl = scalar.properties.generalCategory == .control
        result.unicodeScalars.append(isControl ? " " : scalar)
        length += 1
    }
    return result
}

/// Characters: two lines of a terminal hold what servers usually have to say.
private let longestQuote = 160

/// A time limit as an operator would write it: `250 ms`, `1.5 s`.
func words(_ limit: Duration) -> String {
    let milliseconds = limit.wholeMilliseconds
    guard milliseconds >= 1000 else { return "\(milliseconds) ms" }
    guard milliseconds % 1000 != 0 else { return "\(milliseconds / 1000) s" }
    return "\(Double(milliseconds) / 1000) s"
}

extension Duration {
    /// Rounded up, so that no limit becomes 0, which means "none" to libcurl; within libcurl's range.
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        guard seconds < Int64(Int32.max) / 1000 else { return Int(Int32.max) }
        let milliseconds = seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int(max(1, milliseconds))
    }
}
