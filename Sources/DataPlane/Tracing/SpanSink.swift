package import Synchronization
package import Tracing

/// Where loops leave finished spans. An exporter that is slow or gone costs spans, never time on a loop.
package final class SpanSink: Sendable {
    /// Bytes that may wait for the exporter, all loops together: some 30,000 spans, and no more memory than that.
    package static let pendingLimit = 8 * 1024 * 1024

    private let pending = Atomic<Int>(0)
    /// Spans given up because there was no room.
    package let dropped = Atomic<UInt64>(0)
    private let deliver: @Sendable (SpanChunk) -> Void

    /// - Parameter deliver: called on any loop; returns at once.
    package init(deliver: @escaping @Sendable (SpanChunk) -> Void) { self.deliver = deliver }

    /// Nothing more is taken for the moment.
    var isFull: Bool { pending.load(ordering: .relaxed) >= Self.pendingLimit }

    func write(_ chunk: SpanChunk) {
        guard pending.add(chunk.bytes.count, ordering: .relaxed).newValue <= Self.pendingLimit else {
            pending.subtract(chunk.bytes.count, ordering: .relaxed)
            drop(chunk.spans)
            return
        }
        deliver(chunk)
    }

    func drop(_ spans: Int) { dropped.add(UInt64(spans), ordering: .relaxed) }

    /// The exporter is done with as many bytes as it was given.
    package func release(_ bytes: Int) { pending.subtract(bytes, ordering: .relaxed) }
}
