import Base
import Configuration
import EventLoop
import Telemetry

/// One loop's log lines on their way to the writer: gathered, so that a line costs no call.
final class AccessLogBuffer: Timed {
    /// Handed over from this size on.
    private static let batchBytes = 32 * 1024
    /// Handed over at the latest after this time, so that whoever follows the log sees the present.
    private static let delay = Nanoseconds.milliseconds(50)

    private let loop: Loop
    private var writer: LogWriter?
    private var formatter = AccessLogFormatter(format: .json)
    private var percent: Double = 0
    private var text = ByteBuffer()
    private var lines: UInt64 = 0
    private var spareLines: ContiguousArray<MirroredLine> = []
    /// As many copies as a mirror has under way by default.
    private static let spareLimit = 64

    init(loop: Loop) { self.loop = loop }

    func apply(_ settings: AccessLog?, writer: LogWriter?) {
        flush()
        self.writer = settings == nil ? nil : writer
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

    /// - Parameters:
    ///   - mirrors: copies that never began.
    ///   - copies: those that did. Where some have not ended, the line is written when the last of them has.
    func append(_ record: AccessLogRecord, mirrors: [MirrorNote], copies: ContiguousArray<MirrorCopy>) {
        guard !copies.isEmpty || !mirrors.isEmpty else {
            add { formatter.append(record, to: &$0) }
            return
        }
        let line = spareLines.popLast() ?? MirroredLine(self)
        line.write(record, &formatter, lost: mirrors, copies: copies)
    }

    /// It has been written.
    func give(_ line: MirroredLine) { if spareLines.count < Self.spareLimit { spareLines.append(line) } }

    func add(_ write: (inout ByteBuffer) -> Void) {
        if lines == 0 { loop.setDeadline(self, loop.now + Self.delay) }
        write(&text)
        lines += 1
        if text.count >= Self.batchBytes { flush() }
    }

    override func expired(now: Instant) { flush() }

    func flush() {
        guard lines > 0 else { return }
        writer?.write(Array(text.bytes), lines: lines)
        text.removeAll()
        lines = 0
    }
}
