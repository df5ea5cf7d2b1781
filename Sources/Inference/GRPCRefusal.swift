/// Why a call cannot go on.
package struct GRPCRefusal: Sendable {
    package enum Kind: Sendable { case invalidArgument, unimplemented, resourceExhausted }

    package let kind: Kind
    /// For `grpc-message`: printable ASCII that needs no encoding, and nothing that the client has sent.
    package let reason: StaticString

    package init(_ kind: Kind, _ reason: StaticString) {
        self.kind = kind
        self.reason = reason
    }

    package var status: GRPCStatus {
        switch kind {
        case .invalidArgument: .invalidArgument
        case .unimplemented: .unimplemented
        case .resourceExhausted: .resourceExhausted
        }
    }
}
