import Configuration
import ControlClient
import DataPlane
import EventLoop
import Foundation
import TLS

/// Whether anybody uses a backend's Tritons, as they count themselves: other gateways may send to them too.
///
/// Unchecked: used on the control queue, which is the client's for answers too.
final class UsageCheck: @unchecked Sendable {
    private static let timeout = Duration.seconds(2)

    /// Inferences of all models, by endpoint, when they were last asked.
    private var counted: [String: UInt64]?
    private var found: [String: UInt64] = [:]
    private var left = 0

    /// - Parameter completion: gets whether none has run since the last call; the first tells nothing yet, and neither does one
    ///   with other endpoints than before.
    func ask(
        _ endpoints: [ResolvedEndpoint], of backend: Backend, _ client: ControlClient,
        completion: @escaping (_ isIdle: Bool) -> Void
    ) {
        guard left == 0 else { return }
        found = [:]
        left = endpoints.count
        guard left > 0 else {
            completion(true)
            return
        }
        let done = Completion(call: completion)
        for endpoint in endpoints {
            var request = ControlClient.Request(
                ControlClient.Address(endpoint.address), path: "/v2/models/stats")
            request.tls = backend.tls
            if request.tls != nil, request.tls?.serverName == nil {
                request.tls?.serverName = endpoint.serverName?.text
            }
            request.protocol = backend.protocol
            request.connectTimeout = Self.timeout
            request.timeout = Self.timeout
            request.reusesConnection = false
            let name = endpoint.address.description
            client.send(request) { [self] result in
                // One that does not say is as good as one that has stopped counting.
                if case .success(let response) = result, response.status == 200 {
                    found[name] = Self.inferences(response.body)
                }
                left -= 1
                guard left == 0 else { return }
                let isIdle = counted == found
                counted = found
                done.call(isIdle)
            }
        }
    }

    /// Unchecked: called on the control queue.
    private struct Completion: @unchecked Sendable { var call: (Bool) -> Void }

    private struct Answer: Decodable {
        struct Model: Decodable {
            struct Statistics: Decodable {
                struct Count: Decodable { var count: UInt64? }
                var success: Count?
                var fail: Count?
            }
            var statistics: Statistics?

            enum CodingKeys: String, CodingKey { case statistics = "inference_stats" }
        }
        var models: [Model]

        enum CodingKeys: String, CodingKey { case models = "model_stats" }
    }

    /// `nil` for what is no such answer.
    static func inferences(_ body: [UInt8]) -> UInt64? {
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(body)) else { return nil }
        return answer.models.reduce(0) { sum, model in
            sum &+ (model.statistics?.success?.count ?? 0) &+ (model.statistics?.fail?.count ?? 0)
        }
    }
}
