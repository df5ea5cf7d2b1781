import CLinux
package import Dispatch
import Glibc

/// Tells when files may have changed, by watching the directories they are in: a rename over the file and the swap of a
/// ConfigMap's `..data` link change the directory, not the file that was open before.
///
/// inotify's descriptor is watched by a dispatch source (libdispatch has no file-system sources on Linux).
package final class FileWatcher {
    private let descriptor: Int32
    private let source: any DispatchSourceRead
    /// The kernel's numbers of the directories; one that was removed and made again gets another.
    private var watched: Set<Int> = []

    private static let mask = UInt32(
        IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
    )

    /// - Parameter changed: called on `queue`; one call may stand for many changes, and some calls for none.
    /// - Returns: `nil` where the kernel has no more inotify instances to give.
    package init?(queue: DispatchQueue, changed: @escaping @Sendable () -> Void) {
        let result = sluice_inotify_init()
        guard result >= 0 else { return nil }
        let descriptor = Int32(result)
        self.descriptor = descriptor
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler {
            withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
                guard let base = buffer.baseAddress else { return }
                while sluice_read(descriptor, base, buffer.count) > 0 {}
            }
            changed()
        }
        source.setCancelHandler { close(descriptor) }
        source.activate()
    }

    /// Watches one more directory.
    ///
    /// - Returns: false where it was watched already, or cannot be.
    package func watch(directory: String) -> Bool {
        let watch = sluice_inotify_add(descriptor, directory, Self.mask)
        return watch >= 0 && watched.insert(watch).inserted
    }

    deinit { source.cancel() }
}
