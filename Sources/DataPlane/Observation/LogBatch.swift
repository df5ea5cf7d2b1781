package import Base
import Synchronization

/// Lines on their way to the sink. It belongs to the loop that fills it, then to the writer, and then to the loop again: the
/// lines are copied by nobody but the kernel, and the memory stays the same.
///
/// Unchecked: `isTaken` says whose it is.
package final class LogBatch: @unchecked Sendable {
    /// What the memory of a full batch grows to; a hostile line makes it grow to more.
    static let keptBytes = 512 * 1024

    package var text = ByteBuffer()
    package var lines: UInt64 = 0
    private let taken = Atomic<Bool>(false)

    package init() {}

    /// The writer has it.
    package var isTaken: Bool { taken.load(ordering: .acquiring) }

    func take() { taken.store(true, ordering: .relaxed) }

    /// Gives it back, empty.
    func finish() {
        text.removeAll(keepingAtMost: Self.keptBytes)
        lines = 0
        taken.store(false, ordering: .releasing)
    }
}
