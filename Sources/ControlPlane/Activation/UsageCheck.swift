import Configuration
import ControlClient
import DataPlane
import EventLoop
import Models

/// Whether anybody uses a backend's Tritons, as they count themselves: other gateways may send to them too.
///
/// Unchecked: used on the control queue, which is the client's for answers too.
final class UsageCheck: @unchecked Sendable {
    private static let timeout = Duration.seconds(2)
    /// Endpoints asked at a time: an answer may have some megabytes.
    private static let concurrency = 16

    /// Requests for all models, by endpoint, when they were last asked.
    private var counted: [String: UInt64]?
    private var found: [String: UInt64] = [:]
    private var waiting: ArraySlice<ResolvedEndpoint> = []
    private var open = 0

    /// - Parameter completion: gets whether none has come since the last call; the first tells nothing yet, and neither does one
    ///   with other endpoints than before. Not called where an earlier call is still under way.
    func ask(
        _ endpoints: [ResolvedEndpoint], of backend: Backend, _ client: ControlClient,
        completion: @escaping (_ isIdle: Bool) -> Void
    ) {
        guard open == 0 else { return }
        guard !endpoints.isEmpty else {
            completion(true)
            return
        }
        found = [:]
        waiting = endpoints[...]
        askMore(backend, client, Completion(call: completion))
    }

    private func askMore(_ backend: Backend, _ client: ControlClient, _ completion: Completion) {
        while open < Self.concurrency, let endpoint = waiting.popFirst() {
            open += 1
            let request = ControlClient.Request.statistics(of: endpoint, of: backend, timeout: Self.timeout)
            client.send(request) { [self] result in
                open -= 1
                // One that does not say is as good as one that has stopped counting.
                if case .success(let counts) = result.read(from: request.address, StatisticsReader.sum) {
                    found[endpoint.address.description] = counts.successes &+ counts.failures.sum
                }
                askMore(backend, client, completion)
            }
        }
        guard open == 0 else { return }
        let isIdle = counted == found
        counted = found
        completion.call(isIdle)
    }

    /// Unchecked: called on the control queue.
    private struct Completion: @unchecked Sendable { var call: (Bool) -> Void }
}
