import CLinux
import Dispatch
import Glibc

/// Reads what comes through a pipe, on a queue of its own, for as long as somebody may write.
///
/// Unchecked: its state belongs to its queue.
package final class PipeReader: @unchecked Sendable {
    private let descriptor: Int32
    private let queue = DispatchQueue(label: "sluice.pipe", qos: .utility)
    private let source: any DispatchSourceRead
    private let read: @Sendable (UnsafeRawBufferPointer) -> Void
    private static let pieceBytes = 16 * 1024
    /// Of what is left at the end: a pipe holds 64 KiB.
    private static let mostPieces = 8

    /// - Parameters:
    ///   - descriptor: does not wait; this object's from here on.
    ///   - read: called on the reader's queue.
    package init(_ descriptor: Int32, read: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
        self.descriptor = descriptor
        self.read = read
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setCancelHandler { close(descriptor) }
        source.setEventHandler { [weak self] in if self?.readPiece() == false { self?.source.cancel() } }
        source.activate()
    }

    deinit { source.cancel() }

    /// - Returns: false where nobody writes any more.
    private func readPiece() -> Bool {
        withUnsafeTemporaryAllocation(byteCount: Self.pieceBytes, alignment: 8) { buffer in
            guard let base = buffer.baseAddress else { return false }
            let count = sluice_read(descriptor, base, buffer.count)
            if count > 0 { read(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
            return count > 0 || count == -Int(EAGAIN)
        }
    }

    /// Reads what is there, and then no more.
    package func finish() {
        queue.sync {
            guard !source.isCancelled else { return }
            for _ in 0..<Self.mostPieces where !readPiece() { break }
            source.cancel()
        }
    }

    /// Leaves what is there to another process that has the same pipe.
    package func stop() { queue.sync { source.cancel() } }
}
