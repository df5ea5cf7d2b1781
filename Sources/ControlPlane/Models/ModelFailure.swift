import ControlClient
import Models
import Telemetry

/// Why there is no answer to use.
struct ModelFailure: Error {
    var outcome: ModelReadingOutcome
    /// A sentence that names the address.
    var reason: String
    /// It has answered, and will say the same again.
    var isLasting: Bool

    init(_ outcome: ModelReadingOutcome, _ reason: String, isLasting: Bool) {
        self.outcome = outcome
        self.reason = reason
        self.isLasting = isLasting
    }

    /// Another status than 200. A server that does not know the question, or may not answer it, says 4xx or 501; one that is
    /// about to start, or somebody in front of it, another.
    init(status: Int, at address: ControlClient.Address) {
        self.init(.refused, "\(address) answered \(status)", isLasting: 400..<500 ~= status || status == 501)
    }

    init(_ unreadable: UnreadableAnswer, at address: ControlClient.Address) {
        self.init(.unreadable, "\(address) \(unreadable.reason)", isLasting: true)
    }

    init(_ failure: ControlClient.Failure) {
        let outcome: ModelReadingOutcome =
            switch failure.kind {
            case .timeout, .cancelled: .timeout
            case .tooLarge, .protocol: .unreadable
            case .request, .resolve, .connect, .tls, .reset: .unreachable
            }
        self.init(outcome, failure.description, isLasting: outcome == .unreadable)
    }
}

extension Result where Success == ControlClient.Response, Failure == ControlClient.Failure {
    /// What an answer of `address` says, where it is one.
    func read<Value>(
        from address: ControlClient.Address, _ read: ([UInt8]) throws(UnreadableAnswer) -> Value
    ) -> Result<Value, ModelFailure> {
        switch self {
        case .failure(let failure): return .failure(ModelFailure(failure))
        case .success(let response):
            guard response.status == 200 else { return .failure(ModelFailure(status: response.status, at: address)) }
            do throws(UnreadableAnswer) {
                return .success(try read(response.body))
            } catch {
                return .failure(ModelFailure(error, at: address))
            }
        }
    }
}
