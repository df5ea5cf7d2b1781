package import Base
package import Configuration
package import HTTP

/// What a route says of Triton's own parameters, and where in a request they go.
package struct ParameterRule: Sendable {
    /// Of users that are not listed.
    package let priority: UInt32?
    private let userPriorities: [[UInt8]: UInt32]
    private let timeout: Route.TritonParameters.Timeout?

    /// - Returns: `nil` for a route that says nothing of them.
    package init?(_ route: Route) {
        guard let parameters = route.tritonParameters else { return nil }
        switch parameters.priority {
        case .level(let level): priority = level
        case .route: priority = route.priority == .high ? 1 : 0
        case nil: priority = nil
        }
        userPriorities = Dictionary(
            uniqueKeysWithValues: parameters.userPriorities.map { (Array($0.key.utf8), $0.value) })
        timeout = parameters.timeout
    }

    /// - Parameter user: empty where there is none.
    package func priority(of user: [UInt8]) -> UInt32? {
        userPriorities.isEmpty ? priority : userPriorities[user] ?? priority
    }

    /// Whether it leaves all to the client.
    package func isSilent(for user: [UInt8]) -> Bool { priority(of: user) == nil && timeout == nil }

    /// Microseconds, rounded down, but at least one, for 0 would be none; `nil` where the client's own stays.
    ///
    /// - Parameter left: until the exchange is over.
    package func timeout(left: Nanoseconds) -> UInt64? {
        switch timeout {
        case .route: max(left.count / 1000, 1)
        case .fixed(let span): max(Nanoseconds(span).count / 1000, 1)
        case nil: nil
        }
    }

    /// Where the parameters of a request go.
    package enum Place: Sendable {
        /// It is no inference request, or one that has none, as `generate` has not: it passes as it came.
        case none
        /// Into the JSON that the body is, or that is as long in front of binary tensors.
        case json(headerBytes: UInt64?)
        /// 400 `bad_request`
        case malformed(StaticString)
        /// 501 `not_implemented`: what the operator asks for cannot be done, and is not left out in silence.
        case impossible(StaticString)
    }

    /// - Parameters:
    ///   - head: of a request that is no gRPC call, with its framing known.
    ///   - path: as the endpoint gets it.
    ///   - assumesBody: whether a head that announces no body stands for one that does.
    package static func place(
        in head: MessageHead, path: UnsafeRawBufferPointer, assumesBody: Bool = false
    ) -> Place {
        guard head.method == .post, InferencePath(path)?.isInfer == true else { return .none }
        switch head.framing {
        // For the endpoint to refuse.
        case .none, .length(0): if !assumesBody { return .none }
        case .length, .chunked, .close: break
        }
        var length: UInt64?
        for index in 0..<head.fieldCount {
            if equalsIgnoringCase(head.name(index), "content-encoding") {
                guard equalsIgnoringCase(head.value(index), "identity") else {
                    return .impossible("a compressed body cannot be given Triton's parameters, send it uncompressed")
                }
            } else if equalsIgnoringCase(head.name(index), inferenceHeader) {
                guard let value = parseDecimal(head.value(index)), length == nil || length == UInt64(value) else {
                    return .malformed("Inference-Header-Content-Length must be one whole number")
                }
                length = UInt64(value)
            }
        }
        if length == 0 {
            return .impossible("a raw binary body cannot be given Triton's parameters, send JSON in front of it")
        }
        if let length, case .length(let whole) = head.framing, length > whole, !assumesBody {
            return .malformed("Inference-Header-Content-Length is longer than the body")
        }
        return .json(headerBytes: length)
    }

    /// How long the JSON is that stands in front of binary tensors
    /// (github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md).
    package static let inferenceHeader: StaticString = "inference-header-content-length"
}
