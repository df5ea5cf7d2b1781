import ConfigFiles
import Configuration
import Explanation
import Glibc
import Testing

/// A configuration that is asked about.
struct Asking {
    let gateway: Gateway

    init(_ yaml: String) throws {
        let outcome = try Self.load(yaml)
        gateway = try #require(outcome.gateway, "\(outcome.diagnostics)")
    }

    /// - Returns: `nil` for what is refused.
    init?(ifValid yaml: String) throws {
        guard let gateway = try Self.load(yaml).gateway else { return nil }
        self.gateway = gateway
    }

    private static func load(_ yaml: String) throws -> ConfigurationLoader.Outcome {
        let path = "/tmp/sluice-explain-\(getpid())-\(UInt64.random(in: 0 ... .max)).yaml"
        try #require(write(yaml, to: path))
        defer { unlink(path) }
        return ConfigurationLoader.load(path: path)
    }

    private static func write(_ text: String, to path: String) -> Bool {
        guard let file = fopen(path, "w") else { return false }
        defer { fclose(file) }
        return fputs(text, file) >= 0
    }

    /// - Parameter request: `[METHOD] URL`, and then headers.
    func explain(
        _ request: String, _ headers: String..., user: String? = nil, client: String? = nil, model: String? = nil,
        listener: String? = nil
    ) throws -> Explanation {
        let words = request.split(separator: " ").map(String.init)
        var question = try Question(
            method: words.count > 1 ? words[0] : "GET", url: try RequestURL(parsing: words.last ?? ""))
        for header in headers { try question.addHeader(header) }
        question.credentials = user
        question.client = client.flatMap { IPAddress($0) }
        question.messageModel = try model.map(MessageModel.init)
        question.listener = listener
        return try Explainer.explain(question, gateway)
    }
}

extension Explanation {
    /// What is said of one policy.
    func policy(_ key: String) throws -> Decision.Policy {
        guard case .route(let decision) = outcome else {
            Issue.record("\(outcome)")
            return Decision.Policy(key, "")
        }
        return try #require(decision.policies.first { $0.key == key }, "\(decision.policies)")
    }
}
