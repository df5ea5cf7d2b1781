import Base
import EventLoop
import Telemetry
import Tracing

/// The span of a copy, which may end long after the exchange it was made of.
struct CopyTrace {
    let trace: ExchangeTrace
    let span: SpanID
    let start: Instant
}

extension Exchange {
    /// Before the head of a copy is written.
    func traceCopy() -> CopyTrace? {
        trace.map { CopyTrace(trace: $0, span: $0.beginCopy(span: worker.random.next()), start: worker.loop.now) }
    }
}

extension Worker {
    /// A copy has ended. While its exchange has not, nobody knows whether its trace is exported.
    func record(_ copy: CopyTrace, _ make: (SpanID, Instant) -> ExchangeTrace.Copy) {
        guard let isExported = copy.trace.verdict else {
            copy.trace.add(make(copy.span, copy.start))
            return
        }
        guard isExported, traces.hasRoom(for: 1) else { return }
        traces.write { copy.trace.write(make(copy.span, copy.start), to: &$0) }
    }
}
