package import Dispatch
import Glibc

/// Signals as events on a Dispatch queue.
package final class Signals {
    private var sources: [any DispatchSourceSignal] = []

    /// Before the process starts any thread: threads inherit what is blocked here.
    ///
    /// A signal that is ignored and not blocked is thrown away by the kernel before a dispatch source can see it.
    package init() {
        var handled = sigset_t()
        sigemptyset(&handled)
        for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&handled, number) }
        pthread_sigmask(SIG_BLOCK, &handled, nil)
        // A closed connection is an error of the write, never the end of the process.
        signal(SIGPIPE, SIG_IGN)
    }

    package func on(_ number: Int32, queue: DispatchQueue, _ handler: @escaping @Sendable () -> Void) {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
        source.setEventHandler(handler: handler)
        source.activate()
        sources.append(source)
    }
}
