import Base
import Telemetry

/// The line of a request that was mirrored, until the last of its copies has ended. As many wait as the mirrors'
/// `maxInFlight` allow, and no longer than their `timeout`.
final class MirroredLine {
    private let beginning: [UInt8]
    private let format: AccessLogFormatter.Format
    private var mirrors: [MirrorNote]
    private let log: AccessLogBuffer
    private var left = 0

    /// - Parameters:
    ///   - beginning: the line up to what it says of mirrors.
    ///   - mirrors: copies that never began.
    init(_ beginning: [UInt8], _ format: AccessLogFormatter.Format, _ mirrors: [MirrorNote], _ log: AccessLogBuffer) {
        self.beginning = beginning
        self.format = format
        self.mirrors = mirrors
        self.log = log
    }

    func wait(for copies: ContiguousArray<MirrorCopy>) {
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
        mirrors.sort { $0.place < $1.place }
        log.add {
            $0.append(beginning)
            AccessLogFormatter.end(mirrors, format, to: &$0)
        }
    }
}
