package import Dispatch

/// Calls to Tritons and other control-plane servers: probes, statistics, tracing export, the Kubernetes API.
///
/// All calls share one thread: a serial queue whose one job blocks in `curl_multi_poll`, as an event loop blocks in
/// `epoll_wait`. Hundreds of endpoints that are probed every two seconds cost one `poll` set and no thread each; a
/// dispatch source for each socket (`curl_multi_socket_action`) would save walking over that set, and cost more for each
/// event. Event loops have no part in it: libcurl's callbacks may take their time.
///
/// The process must ignore SIGPIPE: older versions of libcurl write to TLS connections without MSG_NOSIGNAL.
package final class ControlClient: Sendable {
    private let mailbox: CallMailbox

    /// Starts the thread.
    ///
    /// - Parameter answers: a serial queue, on which the completions of all calls run.
    /// - Returns: `nil` where there is no memory or no descriptor for it.
    package init?(label: String, answers: DispatchQueue) {
        guard let driver = Driver(answers: answers) else { return nil }
        mailbox = driver.mailbox
        DispatchQueue(label: label, qos: .utility).async { driver.run() }
    }

    deinit { mailbox.close(nil) }

    /// Begins a call. Safe from any thread.
    ///
    /// - Parameter completion: called exactly once, always later, on the queue of `init`.
    @discardableResult
    package func send(
        _ request: Request, _ completion: @escaping @Sendable (Result<Response, Failure>) -> Void
    ) -> Call {
        Call(number: mailbox.start(request, completion), mailbox: mailbox)
    }

    /// Ends all calls with `Failure.Kind.cancelled`, closes the connections and ends the thread; calls that come later
    /// end the same way. May be called more than once.
    ///
    /// - Parameter done: called once, after the completion of every call, on the queue of `init`.
    package func close(_ done: (@Sendable () -> Void)? = nil) { mailbox.close(done) }

    /// A call that is under way, or was.
    package struct Call: Sendable {
        fileprivate let number: UInt64
        fileprivate let mailbox: CallMailbox

        /// Ends it with `Failure.Kind.cancelled`, unless it has ended. Safe from any thread.
        package func cancel() { mailbox.cancel(number) }
    }
}
