/// Finds the messages in a gRPC body, which arrives in pieces of any size: each has a byte of flags, its length in four
/// bytes, and its content (gRPC over HTTP/2, "Length-Prefixed-Message").
///
///     prefix --five bytes--> start, content --all read--> end, prefix
package struct GRPCMessageScanner {
    /// A byte of flags and four of length.
    package static let prefixBytes = 5

    private enum State: UInt8 { case prefix, content }

    package enum Step {
        /// Everything given is used up.
        case needMore
        /// A message begins; `length` is that of its content.
        case start(length: UInt32, isCompressed: Bool)
        /// Content: this many bytes from the offset on, which the caller advances over them.
        case data(Int)
        /// The message is complete. Reported as soon as its last byte is, without waiting for the next one.
        case end
        /// A prefix that gRPC does not have. Nothing can be read after it.
        case failed(StaticString)
    }

    private var state = State.prefix
    private var prefixCount = 0
    private var isCompressed = false
    private var length: UInt32 = 0
    private var remaining: UInt32 = 0

    package init() {}

    /// Whether the body may not end here: a message, or its prefix, is incomplete.
    package var isInsideMessage: Bool { state == .content || prefixCount > 0 }

    /// - Parameter offset: advanced over the bytes of prefixes. To be called until it says `needMore`.
    package mutating func next(_ bytes: UnsafeRawBufferPointer, from offset: inout Int) -> Step {
        if state == .content {
            if remaining == 0 {
                state = .prefix
                return .end
            }
            let amount = min(Int(remaining), bytes.count &- offset)
            if amount <= 0 { return .needMore }
            remaining &-= UInt32(truncatingIfNeeded: amount)
            return .data(amount)
        }
        while offset < bytes.count {
            let byte = bytes[offset]
            offset &+= 1
            if prefixCount == 0 {
                guard byte <= 1 else { return .failed("a gRPC message with unknown flags") }
                isCompressed = byte == 1
            } else {
                // Four bytes push those of the message before out.
                length = length << 8 | UInt32(byte)
            }
            prefixCount &+= 1
            if prefixCount == Self.prefixBytes { return start() }
        }
        return .needMore
    }

    private mutating func start() -> Step {
        prefixCount = 0
        remaining = length
        state = .content
        return .start(length: length, isCompressed: isCompressed)
    }
}
