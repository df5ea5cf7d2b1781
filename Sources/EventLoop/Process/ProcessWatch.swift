import CLinux
package import Dispatch
import Glibc

/// Tells when another process ends.
package final class ProcessWatch: @unchecked Sendable {
    private let source: any DispatchSourceRead

    /// - Parameter ended: called on `queue` once.
    /// - Returns: `nil` where there is no such process any more, or it cannot be watched.
    package init?(_ process: Int32, queue: DispatchQueue, ended: @escaping @Sendable () -> Void) {
        let result = sluice_watch_process(process)
        guard result >= 0 else { return nil }
        let descriptor = Int32(result)
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setCancelHandler { close(descriptor) }
        source.setEventHandler { [weak self] in
            guard let self, !source.isCancelled else { return }
            source.cancel()
            ended()
        }
        source.activate()
    }

    deinit { source.cancel() }
}
