import Base
import Configuration
import EventLoop
import Tracing

/// One loop's spans on their way to the exporter: gathered, so that a span costs no call.
final class TraceRecorder: Timed {
    /// Handed over from this size, or this number of spans, on: several of them make a batch of the exporter's.
    private static let chunkBytes = 32 * 1024
    private static let chunkSpans = 128
    /// Handed over at the latest after this time.
    private static let delay = Nanoseconds.milliseconds(250)

    private let loop: Loop
    /// Set before the loops start.
    var sink: SpanSink?
    private var writer = SpanWriter()
    /// Traces are recorded.
    private(set) var isOn = false
    private(set) var percent: Double = 0

    init(loop: Loop) { self.loop = loop }

    func apply(_ settings: TracingSettings?) {
        flush()
        isOn = settings != nil && sink != nil
        percent = settings?.samplePercent ?? 0
    }

    /// Whether there is room for this many spans; if not, they count as dropped.
    func hasRoom(for spans: Int) -> Bool {
        guard let sink, !sink.isFull else {
            sink?.drop(spans)
            return false
        }
        return true
    }

    /// - Parameter body: writes spans.
    func write(_ body: (inout SpanWriter) -> Void) {
        if writer.spans == 0 { loop.setDeadline(self, loop.now + Self.delay) }
        body(&writer)
        if writer.count >= Self.chunkBytes || writer.spans >= Self.chunkSpans { flush() }
    }

    override func expired(now: Instant) { flush() }

    func flush() {
        guard writer.spans > 0 else { return }
        sink?.write(writer.take())
    }
}
