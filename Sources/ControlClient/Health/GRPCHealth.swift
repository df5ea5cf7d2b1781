import Inference

/// The two messages of gRPC's health protocol, written and read by hand: they have one field each.
///
///     message HealthCheckRequest { string service = 1; }
///     message HealthCheckResponse { enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2;
///                                                        SERVICE_UNKNOWN = 3; } ServingStatus status = 1; }
enum GRPCHealth {
    /// A flag and four bytes of length in front of each message (gRPC over HTTP/2, "Length-Prefixed-Message").
    private static let prefixBytes = 5

    static func request(service: String) -> [UInt8] {
        let name = Array(service.utf8)
        // Field 1, length-delimited; the default value is not written.
        let message = name.isEmpty ? [] : [0x0A] + varint(name.count) + name
        let count = UInt32(message.count)
        return [0] + (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * UInt32($0))) } + message
    }

    static func judge(
        _ response: ControlClient.Response, address: ControlClient.Address, service: String
    ) -> HealthProbeResult {
        guard response.status == 200 else { return .failed("\(address) answered \(response.status) to gRPC") }
        // An answer without a message has its status among the headers.
        guard let written = response.trailer("grpc-status") ?? response.header("grpc-status") else {
            return .failed("\(address) answered without a gRPC status")
        }
        var bytes = Array(written.utf8)
        let status = bytes.withUnsafeMutableBytes { GRPCStatus.parse(UnsafeRawBufferPointer($0)) }
        guard status == .ok else {
            let text = response.trailer("grpc-message") ?? response.header("grpc-message") ?? ""
            let words = text.isEmpty ? "" : ": \(quote(text))"
            let sentence = "\(address) answered with gRPC status \(status.map { "\($0)" } ?? quote(written))\(words)"
            if status == .unimplemented { return .unsupported(sentence) }
            // The words have their spaces escaped by some servers.
            let plain = text.lowercased().split(separator: "%20", omittingEmptySubsequences: false)
            let saysSo = status == .unavailable && plain.joined(separator: " ").contains("not ready")
            return saysSo ? .notReady(sentence) : .failed(sentence)
        }
        guard let number = servingStatus(response.body) else {
            return .failed("\(address) answered with what is no HealthCheckResponse")
        }
        switch number {
        case 1: return .ready
        case 0: return .notReady("\(address) does not know yet whether it serves")
        case 2: return .notReady("\(address) says that it does not serve")
        case 3: return .failed("\(address) does not know the service '\(quote(service))'")
        default: return .failed("\(address) answered with serving status \(number)")
        }
    }

    /// The last field 1 of the message, 0 where there is none, as protobuf has it. Fields that are not known are skipped.
    ///
    /// - Returns: `nil` for what is not one message, uncompressed and well-formed.
    static func servingStatus(_ body: [UInt8]) -> UInt64? {
        guard body.count >= prefixBytes, body[0] == 0,
            body[1..<prefixBytes].reduce(0, { $0 << 8 | Int($1) }) == body.count - prefixBytes
        else { return nil }
        var rest = body[prefixBytes...]
        var status: UInt64 = 0
        while !rest.isEmpty {
            guard let tag = takeVarint(&rest), tag >> 3 > 0 else { return nil }
            switch tag & 7 {
            case 0:
                guard let value = takeVarint(&rest) else { return nil }
                if tag >> 3 == 1 { status = value }
            case 1:
                guard drop(8, &rest) else { return nil }
            case 2:
                guard let length = takeVarint(&rest), drop(length, &rest) else { return nil }
            case 5:
                guard drop(4, &rest) else { return nil }
            default:
                return nil
            }
        }
        return status
    }

    private static func drop(_ count: UInt64, _ rest: inout ArraySlice<UInt8>) -> Bool {
        guard count <= UInt64(rest.count) else { return false }
        rest.removeFirst(Int(count))
        return true
    }

    /// https://protobuf.dev/programming-guides/encoding/#varints: at most ten bytes.
    private static func takeVarint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    private static func varint(_ number: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(truncatingIfNeeded: rest)]
    }
}
