import CLinux
import Glibc
import Synchronization

/// Jobs for a loop from other threads, and the eventfd that wakes it. Not for the data path: it locks and allocates.
package final class Mailbox: Sendable {
    let descriptor: Int32
    private let jobs = Mutex<[@Sendable () -> Void]>([])

    init?() {
        let descriptor = sluice_eventfd()
        guard descriptor >= 0 else { return nil }
        self.descriptor = Int32(descriptor)
    }

    deinit { close(descriptor) }

    func post(_ job: @escaping @Sendable () -> Void) {
        let wasEmpty = jobs.withLock {
            $0.append(job)
            return $0.count == 1
        }
        if wasEmpty { _ = sluice_eventfd_signal(descriptor) }
    }

    /// Runs what has been posted so far; what the jobs themselves post waits for the next turn.
    func drain() {
        _ = sluice_eventfd_clear(descriptor)
        let batch = jobs.withLock {
            let batch = $0
            $0 = []
            return batch
        }
        for job in batch { job() }
    }
}
