package import Dispatch
import Glibc

/// Signals as events on a Dispatch queue.
package final class Signals {
    private var sources: [any DispatchSourceSignal] = []

    package init() {
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
