import Base

/// Gives every message of a gRPC call another model or version, or Triton's own parameters, as the messages pass.
///
/// The requests of `inference.GRPCInferenceService` that name a model (`GRPCMethod.namesModel`) do so in field 1, and its
/// version in field 2; parameters are the map in field 4. Of a field that is there more than once, and of entries of a map
/// that have the same key, the last one counts (https://protobuf.dev/programming-guides/encoding/#last-one-wins), so the new
/// ones go behind each message, whose prefix tells the greater length. Nothing is held back but that prefix.
///
/// Each message is walked (`ModelFieldWalker`): one that ends inside a field could take what is added for the rest of it.
package struct GRPCModelRewriter: Sendable {
    /// What goes behind each message.
    private let suffix: [UInt8]
    /// What messages that begin from now on are to say; only where they are inference requests (`GRPCMethod.inference`).
    package var parameters = RequestParameters()
    /// Of the present message, which goes behind it too.
    private var entries = ShortText()
    private var scanner = GRPCMessageScanner()
    private var walker = ModelFieldWalker(length: 0)
    /// As much as has been read of the present message's prefix.
    private var prefix: (UInt8, UInt8, UInt8, UInt8, UInt8) = (0, 0, 0, 0, 0)
    private var prefixCount = 0
    private var refusal: GRPCRefusal?

    /// Longest name or version, in bytes, as `ModelFieldWalker` reads them.
    package static let maxNameBytes = ModelFieldWalker.maxNameBytes

    /// Ready for the first byte of a call. Made once for each entry of a route, and copied for each call.
    ///
    /// - Parameters: names of at most `maxNameBytes`; `nil` leaves what the message says.
    package init(model: String?, version: String?) {
        suffix = Self.field(1, model) + Self.field(2, version)
    }

    private static func field(_ number: UInt8, _ text: String?) -> [UInt8] {
        guard let text else { return [] }
        let bytes = Array(text.utf8)
        // A varint of two bytes holds 14 bits.
        let length =
            bytes.count < 0x80
            ? [UInt8(bytes.count)] : [UInt8(bytes.count & 0x7F) | 0x80, UInt8(truncatingIfNeeded: bytes.count >> 7)]
        return [number << 3 | 2] + length + bytes
    }

    /// Whether the body may not end here: a message, or its prefix, is incomplete.
    package var isInsideMessage: Bool { scanner.isInsideMessage }

    /// Takes the next bytes of the body and gives out what to send instead. A refusal is final: every later call repeats
    /// it. What was given out before it is part of a message that will never be complete.
    ///
    /// - Parameter emit: gets bytes that are valid during the call only, at most four runs for each message in `bytes`
    ///   and one more.
    package mutating func feed(
        _ bytes: UnsafeRawBufferPointer, emit: (UnsafeRawBufferPointer) -> Void
    ) -> GRPCRefusal? {
        if refusal == nil { refusal = rewrite(bytes, emit) }
        return refusal
    }

    /// The body is complete: gives out what was held back of a prefix that is not, so that the server finds out.
    package mutating func end(emit: (UnsafeRawBufferPointer) -> Void) {
        guard refusal == nil, prefixCount > 0 else { return }
        withUnsafeBytes(of: prefix) { emit(UnsafeRawBufferPointer(rebasing: $0[..<prefixCount])) }
        prefixCount = 0
    }

    private mutating func rewrite(
        _ bytes: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) -> Void
    ) -> GRPCRefusal? {
        var offset = 0
        while true {
            let start = offset
            let step = scanner.next(bytes, from: &offset)
            for index in start..<offset { hold(bytes[index]) }
            switch step {
            case .needMore: return nil
            case .failed(let reason): return GRPCRefusal(.invalidArgument, reason)
            case .start(let length, let isCompressed):
                if isCompressed {
                    return GRPCRefusal(.unimplemented, "compressed messages cannot be changed, send them uncompressed")
                }
                entries = parameters.entries
                let added = UInt32(truncatingIfNeeded: suffix.count &+ entries.count)
                let (sum, overflow) = length.addingReportingOverflow(added)
                if overflow { return GRPCRefusal(.resourceExhausted, "a gRPC message above the limit") }
                walker = ModelFieldWalker(length: length)
                prefixCount = 0
                withUnsafeBytes(of: sum.bigEndian) { prefix = (0, $0[0], $0[1], $0[2], $0[3]) }
                withUnsafeBytes(of: prefix) { emit($0) }
            case .data(let amount):
                let content = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset &+ amount)])
                offset &+= amount
                if let reason = walk(content) { return GRPCRefusal(.invalidArgument, reason) }
                emit(content)
            case .end:
                if !suffix.isEmpty { suffix.withUnsafeBytes { emit($0) } }
                if entries.count > 0 { entries.withBytes(emit) }
            }
        }
    }

    /// The scanner passes over the bytes of prefixes alone, five at most.
    private mutating func hold(_ byte: UInt8) {
        withUnsafeMutableBytes(of: &prefix) { $0[min(prefixCount, 4)] = byte }
        prefixCount = min(prefixCount &+ 1, GRPCMessageScanner.prefixBytes)
    }

    private mutating func walk(_ bytes: UnsafeRawBufferPointer) -> StaticString? {
        var offset = 0
        while true {
            switch walker.next(bytes, from: &offset) {
            case .needMore: return nil
            case .name, .nameEnd: break
            case .data(_, let amount): offset &+= amount
            case .failed(let reason): return reason
            }
        }
    }
}
