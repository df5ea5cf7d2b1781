import Base
import Configuration
import EventLoop
import HTTP
import Inference
import Telemetry
import Traffic

/// What an exchange learns about the endpoint it was sent to.
extension Exchange {
    /// How the try went, as far as the endpoint is to blame. Called when the answer begins, and again if the rest fails.
    func note(_ outcome: EndpointOutcome) {
        guard let endpoint, let pool, ticket != nil else { return }
        worker.note(outcome, of: &ticket!, at: endpoint, pool)
    }

    /// Time is over: whether it was the endpoint that did not move.
    var waitsForEndpoint: Bool {
        switch phase {
        case .sending: isRequestComplete || upstream?.isFull == true
        case .responding: client?.isBehind == false
        default: false
        }
    }

    /// Gives back what `BackendPool.acquire` took, and tells nothing more of the try.
    func givePlaceBack() {
        guard let endpoint, let pool, let ticket else { return }
        // A trial that came to nothing is somebody else's now.
        if ticket.isProbe { note(.neutral) }
        self.ticket = nil
        pool.giveBack(endpoint)
    }

    // MARK: Refusals

    /// An answer of which Triton's own words decide what it means.
    func newRefusal(_ answer: MessageHead) -> RefusalReader? {
        guard let pool, pool.backend.server == .triton, let endpoint else { return nil }
        if isGRPC {
            if let status = answer.grpcStatus, let message = answer.first(named: "grpc-message"), answer.endsMessage,
                let model = modelKey
            {
                noteRefusal(
                    TritonRefusal(grpcStatus: Int(status.rawValue), message: answer.value(message)), of: model,
                    at: endpoint)
            }
            return nil
        }
        guard [400, 404, 503].contains(answer.status) else {
            if answer.status < 400, !worker.outages.isEmpty, let model = modelKey {
                worker.modelAnswered(model, at: endpoint)
            }
            return nil
        }
        return modelKey.map { RefusalReader(worker, endpoint, $0, status: answer.status) }
    }

    private func noteRefusal(_ refusal: TritonRefusal?, of model: ModelKey, at endpoint: EndpointPool) {
        if refusal == .notReady { worker.modelRefused(model, at: endpoint) }
    }
}

extension EndpointOutcome {
    init(_ failure: UpstreamFailure) {
        if failure.wasRefused {
            self = .neutral
            return
        }
        self =
            switch failure.cause {
            case .connectFailed, .connectTimeout: .connectFailed
            case .tlsHandshake: .tlsHandshake
            case .upstreamReset: .reset
            case .upstreamProtocol: .malformed
            default: .neutral
            }
    }
}
