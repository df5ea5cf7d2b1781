import Base
import Configuration
import EventLoop
import Telemetry

/// One loop's log lines on their way to the writer: gathered, so that a line costs no call.
final class AccessLogBuffer: Timed {
    /// Handed over from this size on: with the room of one more line it is below what a batch keeps. To wake the writer costs as
    /// much as a hundred lines, and the system takes large pieces at a better price: a quarter of this costs half as much again
    /// for each line, and twice as much saves nothing more, being as large as a core's cache.
    private static let batchBytes = LogBatch.keptBytes - 16 * 1024
    /// Handed over at the latest after this time, so that whoever follows the log sees the present.
    private static let delay = Nanoseconds.milliseconds(50)
    /// With less than this in that time, the memory of a full batch is not worth keeping.
    private static let quietBytes = 32 * 1024

    private let loop: Loop
    private var writer: LogWriter?
    private var formatter = AccessLogFormatter(format: .json)
    /// Filled for each line, all of it; the user comes with the line.
    let record = AccessLogRecord()
    private var percent: Double = 0
    private(set) var text = ByteBuffer()
    private var lines: UInt64 = 0
    /// Hardly anything came in the delay before this one.
    private var wasQuiet = false
    /// What the last lines were handed over in: with the writer, or back from there.
    private(set) var batch = LogBatch()
    private var spareLines: ContiguousArray<MirroredLine> = []
    /// As many copies as a mirror has under way by default.
    private static let spareLimit = 64

    init(loop: Loop) { self.loop = loop }

    func apply(_ settings: AccessLog?, writer: LogWriter?) {
        flush()
        self.writer = settings == nil ? nil : writer
        if self.writer == nil {
            text.release()
            batch = LogBatch()
        }
        percent = settings?.samplePercent ?? 0
        let format: AccessLogFormatter.Format = settings?.format == .text ? .text : .json
        if formatter.format != format { formatter = AccessLogFormatter(format: format) }
    }

    /// Whether anything is written down.
    var isOn: Bool { writer != nil }

    /// Whether this exchange is to be written down. What went wrong always is.
    func wants(hasFailed: Bool, random: inout RandomSource) -> Bool {
        writer != nil && (hasFailed || random.chance(percent: percent))
    }

    /// The names of a route and its entry, as the lines say them.
    func names(of series: Series) -> UnsafeRawBufferPointer {
        series.logged.bytes(for: formatter.format)
            ?? series.logged.keep(route: series.route.bytes, backend: series.backend.bytes, for: formatter.format)
    }

    /// The name of an endpoint, as the lines say it.
    func name(of endpoint: EndpointPool) -> UnsafeRawBufferPointer {
        endpoint.logged.bytes(for: formatter.format)
            ?? endpoint.logged.keep(endpoint: endpoint.name.bytes, for: formatter.format)
    }

    /// Appends the line of `record`, which is of this user's request.
    func append(user: UnsafeRawBufferPointer) {
        record.user = user
        beginLine()
        formatter.append(record, to: &text)
        endLine()
    }

    /// The same of a request that was mirrored.
    ///
    /// - Parameters:
    ///   - mirrors: copies that never began.
    ///   - copies: those that did. Where some have not ended, the line is written when the last of them has.
    func append(user: UnsafeRawBufferPointer, mirrors: [MirrorNote], copies: ContiguousArray<MirrorCopy>) {
        record.user = user
        let line = spareLines.popLast() ?? MirroredLine(self)
        line.write(record, &formatter, lost: mirrors, copies: copies)
    }

    /// It has been written.
    func give(_ line: MirroredLine) { if spareLines.count < Self.spareLimit { spareLines.append(line) } }

    func add(_ write: (inout ByteBuffer) -> Void) {
        beginLine()
        write(&text)
        endLine()
    }

    private func beginLine() {
        if lines == 0 { loop.setDeadline(self, loop.now + Self.delay) }
        lines += 1
    }

    private func endLine() { if text.count >= Self.batchBytes { flush() } }

    override func expired(now: Instant) {
        // While the writer is behind, lines wait here: in small batches they would take more memory than it counts.
        if batch.isTaken {
            loop.setDeadline(self, now + Self.delay)
            return
        }
        let isQuiet = text.count < Self.quietBytes
        flush()
        // The rest of a burst is little, too, and may be followed by the next.
        if isQuiet && wasQuiet { giveMemoryBack() } else { loop.setDeadline(self, now + Self.delay) }
        wasQuiet = isQuiet
    }

    /// Keeps no memory for lines to come.
    func giveMemoryBack() {
        flush()
        text.release()
        if batch.isTaken { batch = LogBatch() } else { batch.text.release() }
        spareLines.removeAll()
    }

    func flush() {
        guard lines > 0 else { return }
        guard let writer else {
            // The line of a mirrored request whose copies outlived the log.
            text.removeAll()
            lines = 0
            return
        }
        // The writer still has the last one.
        if batch.isTaken { batch = LogBatch() }
        swap(&batch.text, &text)
        swap(&batch.lines, &lines)
        writer.write(batch)
    }
}
