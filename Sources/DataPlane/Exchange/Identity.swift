import Base
import HTTP

/// A request's id and trace context: the client's own where they can be passed on, made here otherwise.
struct Identity: ~Copyable {
    private let storage = UnsafeMutablePointer<UInt8>.allocate(capacity: 32 + TraceParent.textCount)
    private var clientID: HeadRange?
    private var clientTrace: HeadRange?
    /// Where the client has named none.
    private var made = TraceParent(traceHigh: 0, traceLow: 0, span: 0, flags: 0)
    /// What the text says of span and flags, where the trace was made here.
    private var written: (span: UInt64, flags: UInt8) = (0, 0)
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
            writeHex16(random.next(), to: storage)
            writeHex16(random.next(), to: storage + 16)
        }
        if clientTrace == nil {
            // All zeros is not a valid id.
            made = TraceParent(
                traceHigh: random.next() | 1, traceLow: random.next(), span: random.next() | 1, flags: 0)
            made.write(to: storage + 32)
            written = (made.span, 0)
        }
    }

    /// Inlined, like its neighbour, so that the rest of this is not copied for it.
    @inline(__always)
    func requestID(_ head: MessageHead) -> UnsafeRawBufferPointer {
        if let clientID { return head.slice(clientID) }
        return UnsafeRawBufferPointer(start: storage, count: isSet ? 32 : 0)
    }

    @inline(__always)
    func traceID(_ head: MessageHead) -> UnsafeRawBufferPointer {
        guard isSet else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let whole = clientTrace.map(head.slice) ?? madeTraceparent
        return UnsafeRawBufferPointer(rebasing: whole[3..<35])
    }

    /// What was made here, where the client's own is not passed on.
    var madeRequestID: UnsafeRawBufferPointer? {
        clientID == nil && isSet ? UnsafeRawBufferPointer(start: storage, count: 32) : nil
    }

    /// What the next hop is told of the trace where this one has no spans; `nil` where the client's own is passed on.
    var newTraceparent: UnsafeRawBufferPointer? { clientTrace == nil && isSet ? madeTraceparent : nil }

    /// A `tracestate` belongs to the `traceparent` beside it.
    var keepsTracestate: Bool { clientTrace != nil }

    /// The trace as the client names it; `nil` where it was made here.
    func received(_ head: MessageHead) -> TraceParent? { clientTrace.flatMap { TraceParent(head.slice($0)) } }

    /// The trace, whoever named it; `nil` before `choose`.
    func trace(_ head: MessageHead) -> TraceParent? {
        isSet ? received(head) ?? made : nil
    }

    /// The span that a trace made here begins with, to be used once; `nil` where it was not.
    var madeSpan: UInt64? { clientTrace == nil && isSet ? made.span : nil }

    /// The text of `parent`, which has to be of the same trace; valid until the next call.
    mutating func text(of parent: TraceParent) -> UnsafeRawBufferPointer {
        if clientTrace != nil || !isSet {
            parent.write(to: storage + 32)
        } else if written != (parent.span, parent.flags) {
            // The trace is there already.
            parent.writeEnd(to: storage + 32)
            written = (parent.span, parent.flags)
        }
        return madeTraceparent
    }

    private var madeTraceparent: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: storage + 32, count: TraceParent.textCount)
    }
}
