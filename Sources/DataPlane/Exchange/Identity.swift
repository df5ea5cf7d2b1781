import Base
import HTTP

/// A request's id and trace context: the client's own where they can be passed on, made here otherwise.
struct Identity: ~Copyable {
    private static let traceparentCount = MessageHead.traceparentCount

    private let storage = UnsafeMutablePointer<UInt8>.allocate(capacity: 32 + traceparentCount)
    private var clientID: HeadRange?
    private var clientTrace: HeadRange?
    private var isSet = false

    deinit { storage.deallocate() }

    mutating func clear() {
        clientID = nil
        clientTrace = nil
        isSet = false
    }

    /// Decides once for a request; later calls keep the decision.
    mutating func choose(for head: MessageHead, random: inout RandomSource) {
        guard !isSet else { return }
        isSet = true
        clientID = head.requestID
        clientTrace = head.traceparent
        if clientID == nil {
            Self.writeHex16(random.next(), storage)
            Self.writeHex16(random.next(), storage + 16)
        }
        if clientTrace == nil {
            let trace = storage + 32
            (trace[0], trace[1], trace[2], trace[35]) = (0x30, 0x30, 0x2D, 0x2D)
            (trace[52], trace[53], trace[54]) = (0x2D, 0x30, 0x30)
            // All zeros is not a valid id.
            Self.writeHex16(random.next() | 1, trace + 3)
            Self.writeHex16(random.next(), trace + 19)
            Self.writeHex16(random.next() | 1, trace + 36)
        }
    }

    func requestID(_ head: MessageHead) -> UnsafeRawBufferPointer {
        if let clientID { return head.slice(clientID) }
        return UnsafeRawBufferPointer(start: storage, count: isSet ? 32 : 0)
    }

    func traceID(_ head: MessageHead) -> UnsafeRawBufferPointer {
        guard isSet else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let whole = clientTrace.map(head.slice) ?? madeTraceparent
        return UnsafeRawBufferPointer(rebasing: whole[3..<35])
    }

    /// What was made here, where the client's own is not passed on.
    var madeRequestID: UnsafeRawBufferPointer? {
        clientID == nil && isSet ? UnsafeRawBufferPointer(start: storage, count: 32) : nil
    }

    var newTraceparent: UnsafeRawBufferPointer? { clientTrace == nil && isSet ? madeTraceparent : nil }

    private var madeTraceparent: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: storage + 32, count: Self.traceparentCount)
    }

    private static func writeHex16(_ value: UInt64, _ target: UnsafeMutablePointer<UInt8>) {
        for index in 0..<16 {
            let nibble = UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * index)) & 15
            target[index] = nibble < 10 ? nibble + 0x30 : nibble + 0x57
        }
    }
}
