import Base
import CLinux
package import Configuration
import Dispatch
import Glibc
package import Synchronization

/// Writes finished log lines to a file or stream, away from the loops. A sink that is slow, full or gone costs lines, never
/// time on a loop.
package final class LogWriter: Sendable {
    /// Bytes of lines that may wait for the sink, for each of the loops, so that all may hand over at once. Fewer loops have
    /// the room of eight: a part of a second at full load, several at the usual one.
    private static let roomOfLoop = 2 * LogBatch.keptBytes
    private static let fewLoops = 8

    package let sink: AccessLog.Sink
    /// Below the loops: a batch that waits a moment costs nobody anything, one that takes a loop's core delays answers.
    private let queue = DispatchQueue(label: "sluice.access-log", qos: .utility)
    private let pending = Atomic<Int>(0)
    private let room: Int
    /// Lines given up.
    package let dropped = Atomic<UInt64>(0)
    private let target: Mutex<Target>

    /// - Parameter loops: how many write.
    /// - Throws: an errno value where the file cannot be opened for appending.
    package init(_ sink: AccessLog.Sink, loops: Int) throws(OpenFailure) {
        self.sink = sink
        room = max(Self.fewLoops, loops) * Self.roomOfLoop
        target = Mutex(Target(descriptor: try Self.open(sink)))
    }

    package struct OpenFailure: Error, CustomStringConvertible {
        package var path: String
        package var code: Int32
        package var description: String { "cannot open the access log \(path): \(String(cString: strerror(code)))" }
    }

    private static func open(_ sink: AccessLog.Sink) throws(OpenFailure) -> Int32 {
        switch sink {
        case .standardOutput: return 1
        case .standardError: return 2
        case .file(let path):
            let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw OpenFailure(path: path, code: errno) }
            return descriptor
        }
    }

    deinit {
        let last = target.withLock { $0.descriptor }
        if last > 2 { close(last) }
    }

    /// Opens the file anew, after it has been rotated away. Keeps the old one where that fails, and says so.
    package func reopen(failed: @escaping @Sendable (OpenFailure) -> Void) {
        guard case .file = sink else { return }
        queue.async { [self] in
            let fresh: Int32
            do throws(OpenFailure) {
                fresh = try Self.open(sink)
            } catch {
                failed(error)
                return
            }
            let old = target.withLock { present in
                defer { present = Target(descriptor: fresh) }
                return present.descriptor
            }
            close(old)
        }
    }

    /// Takes a batch of whole lines until it has been written, or counts them as dropped. Safe from any loop.
    package func write(_ batch: LogBatch) {
        let count = batch.text.count
        guard pending.add(count, ordering: .relaxed).newValue <= room else {
            pending.subtract(count, ordering: .relaxed)
            dropped.add(batch.lines, ordering: .relaxed)
            batch.finish()
            return
        }
        batch.take()
        queue.async { [self] in
            if !writeAll(batch.text.bytes) { dropped.add(batch.lines, ordering: .relaxed) }
            batch.finish()
            pending.subtract(count, ordering: .relaxed)
        }
    }

    private func writeAll(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let descriptor = target.withLock { $0.descriptor }
        var offset = 0
        while offset < bytes.count, let base = bytes.baseAddress {
            let written = sluice_write(descriptor, base + offset, bytes.count - offset)
            if written == -Int(EAGAIN) {
                // A non-blocking pipe: wait for room, here nobody is kept waiting but the log.
                var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&poller, 1, 1000)
                continue
            }
            guard written > 0 else { return false }
            offset += written
        }
        target.withLock { $0.release(after: bytes.count) }
        return true
    }

    /// Waits until what was taken has been written, at most `seconds`.
    package func flush(seconds: Double) {
        let done = DispatchSemaphore(value: 0)
        queue.async { done.signal() }
        _ = done.wait(timeout: .now() + seconds)
    }
}

/// Where the lines go, and how much of it the system keeps in memory.
private struct Target {
    let descriptor: Int32
    /// Bytes written since the system was last told.
    private var unreleased = 0

    /// Whoever follows the log reads its last megabytes from memory; those before make room again, for models, and for the
    /// lines to come: fresh pages for these cost a gateway under load more than making the lines.
    private static let window = 4 * 1024 * 1024

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Lets go of what is older than the last window, once for each window that was written.
    ///
    /// Dirty pages are sent on their way to the disk the first time, and dropped when they are clean: hence three windows. What
    /// is no file, or has no pages, does not care.
    mutating func release(after written: Int) {
        unreleased += written
        guard unreleased >= Self.window else { return }
        unreleased = 0
        let end = lseek(descriptor, 0, SEEK_CUR)
        guard end > 0 else { return }
        let start = max(0, end - 3 * Self.window)
        _ = posix_fadvise(descriptor, start, end - start, POSIX_FADV_DONTNEED)
    }
}
