import Base
import Telemetry

/// The line of a request that was mirrored, until the last of its copies has ended. As many wait as the mirrors'
/// `maxInFlight` allow, and no longer than their `timeout`. Used again for another line afterwards.
final class MirroredLine {
    /// Room for a usual line if all of it had to be escaped.
    private static let keptBytes = 8 * 1024

    private var beginning = ByteBuffer()
    private var format = AccessLogFormatter.Format.json
    private var mirrors: [MirrorNote] = []
    private let log: AccessLogBuffer
    private var left = 0

    init(_ log: AccessLogBuffer) { self.log = log }

    /// - Parameters:
    ///   - lost: copies that never began.
    ///   - copies: those that did.
    func write(
        _ record: AccessLogRecord, _ formatter: inout AccessLogFormatter, lost: [MirrorNote],
        copies: ContiguousArray<MirrorCopy>
    ) {
        formatter.begin(record, to: &beginning)
        format = formatter.format
        mirrors.append(contentsOf: lost)
        left = copies.count + 1
        for copy in copies {
            if let note = copy.note { ended(note) } else { copy.line = self }
        }
        countDown()
    }

    func ended(_ note: MirrorNote) {
        mirrors.append(note)
        countDown()
    }

    private func countDown() {
        left -= 1
        guard left == 0 else { return }
        if mirrors.count > 1 { mirrors.sort { $0.place < $1.place } }
        log.add {
            $0.append(beginning.bytes)
            AccessLogFormatter.end(mirrors, format, to: &$0)
        }
        beginning.removeAll(keepingAtMost: Self.keptBytes)
        mirrors.removeAll(keepingCapacity: true)
        log.give(self)
    }
}
