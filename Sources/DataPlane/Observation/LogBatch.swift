package import Base
import Synchronization

/// Lines on their way to the sink. It belongs to the loop that fills it, then to the writer, and then to the loop again: the
/// lines are copied by nobody but the kernel, and the memory stays the same.
///
/// Unchecked: `isTaken` says whose it is.
package final class LogBatch: @unchecked Sendable {
    /// What the memory of a full batch grows to; a hostile line makes it grow to more.
    static let keptBytes = 512 * 1024
    /// Kept even where a batch is handed over with hardly anything in it.
    private static let leastKeptBytes = 32 * 1024

    package var text = ByteBuffer()
    package var lines: UInt64 = 0
    /// Bytes of the use before.
    private var before = 0
    private let taken = Atomic<Bool>(false)

    package init() {}

    /// The writer has it.
    package var isTaken: Bool { taken.load(ordering: .acquiring) }

    func take() { taken.store(true, ordering: .relaxed) }

    /// Gives it back, empty. It keeps as much memory as lines like those of its last two uses grow into, so that a small batch
    /// behind large ones costs nothing, and a quiet gateway holds nothing large.
    func finish() {
        let count = text.count
        text.removeAll(keepingAtMost: min(Self.keptBytes, max(4 * max(count, before), Self.leastKeptBytes)))
        before = count
        lines = 0
        taken.store(false, ordering: .releasing)
    }
}
