import CLinux

/// The calling thread.
package enum Thread {
    /// Lets other threads go first; cannot be undone without privileges, so only for threads that do nothing else.
    package static func lowerPriority(_ niceness: Int32) { _ = sluice_lower_thread_priority(niceness) }
}
