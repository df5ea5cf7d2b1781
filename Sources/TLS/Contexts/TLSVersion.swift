import CSSL

/// The versions that are spoken; older ones are forbidden (RFC 8996).
package enum TLSVersion: Sendable, Comparable, CaseIterable {
    case tls12
    case tls13

    /// As configurations write it: `1.2`, `1.3`.
    package init?(_ text: String) {
        switch text {
        case "1.2": self = .tls12
        case "1.3": self = .tls13
        default: return nil
        }
    }

    /// As logs write it: `TLSv1.2`, `TLSv1.3`.
    package var name: String {
        switch self {
        case .tls12: "TLSv1.2"
        case .tls13: "TLSv1.3"
        }
    }

    var number: Int32 {
        switch self {
        case .tls12: TLS1_2_VERSION
        case .tls13: TLS1_3_VERSION
        }
    }
}
