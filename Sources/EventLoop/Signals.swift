import CLinux
package import Dispatch
import Glibc

/// Signals as events on a Dispatch queue.
///
/// Caught by a handler that writes to a pipe, which a dispatch source reads. A dispatch signal source would need the signal
/// ignored, and the kernel throws an ignored signal away whenever some thread does not block it: one in a few hundred is
/// then lost while the process starts.
package final class Signals {
    private let source: any DispatchSourceRead

    /// - Parameter handlers: by signal number, called on `queue`.
    /// - Returns: `nil` where the kernel gives no descriptors.
    package init?(queue: DispatchQueue, _ handlers: [Int32: @Sendable () -> Void]) {
        // A closed connection is an error of the write, never the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let descriptor = Int32(sluice_signal_pipe())
        guard descriptor >= 0 else { return nil }
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler {
            var number: UInt8 = 0
            while sluice_read(descriptor, &number, 1) == 1 { handlers[Int32(number)]?() }
        }
        source.activate()
        for number in handlers.keys { _ = sluice_catch_signal(number) }
    }
}
