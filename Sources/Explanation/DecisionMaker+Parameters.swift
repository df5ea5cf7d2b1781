import Configuration
import HTTP
import Inference
import Telemetry
import Traffic

/// What Triton is told of a request's urgency.
extension DecisionMaker {
    /// `priority 1, timeout what is left of 300s, put into the JSON`
    var tritonParameters: Decision.Policy? {
        guard let parameters = route.tritonParameters, let rule = ParameterRule(route) else { return nil }
        let user = Array((user ?? "").utf8)
        guard !rule.isSilent(for: user) else { return Decision.Policy("tritonParameters", "what the client says") }
        var says: [String] = []
        if let priority = rule.priority(of: user) { says.append("priority \(priority)") }
        switch parameters.timeout {
        case .route: says.append("timeout what is left of \(DurationText.format(route.timeout ?? .zero))")
        case .fixed(let span): says.append("timeout \(DurationText.format(span))")
        case nil: break
        }
        let words = says.joined(separator: ", ")
        let path = rewriting(nil).path
        if reading.isGRPC {
            let isInference = path.withUnsafeBytes { GRPCMethod.inference($0) } != nil
            return policy(words, isInference ? "put into each message" : nil)
        }
        switch path.withUnsafeBytes({ ParameterRule.place(in: reading.head, path: $0, assumesBody: true) }) {
        case .none: return policy(words, nil)
        case .json: return policy(words, "put into the JSON")
        case .malformed(let reason):
            return Decision.Policy("tritonParameters", words, .refuses(.init(.badRequest, "\(reason)")))
        case .impossible(let reason):
            return Decision.Policy("tritonParameters", words, .refuses(.init(.notImplemented, "\(reason)")))
        }
    }

    var fanOut: Decision.Policy? {
        route.fanOut ? Decision.Policy("fanOut", "to every endpoint of the backends, whose answers become one") : nil
    }

    private func policy(_ words: String, _ place: String?) -> Decision.Policy {
        Decision.Policy("tritonParameters", place.map { "\(words), \($0)" } ?? "\(words), only for inference requests")
    }
}
