import Base
import Configuration
import EventLoop
import HTTP
import Inference
import Telemetry
import Traffic

/// What an exchange learns about the endpoint it was sent to.
extension Exchange {
    /// How the try went, as far as the endpoint is to blame: a failure as soon as it is seen, an answer when it is complete.
    func note(_ outcome: EndpointOutcome) {
        guard let endpoint, let pool, ticket != nil else { return }
        worker.note(outcome, of: &ticket!, at: endpoint, pool)
    }

    /// Time is over: whether it was the endpoint that did not move.
    var waitsForEndpoint: Bool {
        switch phase {
        case .sending: isRequestComplete || upstream?.isFull == true
        case .responding: tunnel == nil && client?.isBehind == false
        default: false
        }
    }

    /// Gives back what `BackendPool.acquire` took, and tells nothing more of the try.
    func givePlaceBack(isError: Bool) {
        guard let endpoint, let pool, let ticket else { return }
        endpoint.counters.record(duration: worker.loop.now.since(triedAt).count, isError: isError)
        // A trial that came to nothing is somebody else's now.
        if ticket.isProbe { note(.neutral) }
        self.ticket = nil
        pool.giveBack(endpoint, modelLoad)
        modelLoad = nil
    }

    // MARK: Models

    /// An answer of which Triton's own words decide what it means.
    func newRefusal(_ answer: MessageHead) -> RefusalReader? {
        guard let pool, pool.backend.server == .triton, let endpoint else { return nil }
        if isGRPC {
            guard answer.endsMessage, let status = answer.grpcStatus, status != .ok,
                let message = answer.first(named: "grpc-message"), let model = modelKey
            else { return nil }
            let text = answer.value(message)
            if TritonRefusal(grpcStatus: Int(status.rawValue), message: text, model: model.name) == .notReady
                || (isListedHere
                    && TritonRefusal.saysUnknown(grpcStatus: Int(status.rawValue), message: text, model: model.name))
            {
                worker.modelRefused(model, at: endpoint, of: pool)
            }
            return nil
        }
        guard [400, 404, 503].contains(answer.status), InferencePath(upstreamPath)?.runsModel == true else {
            return nil
        }
        return modelKey.map {
            RefusalReader(worker, endpoint, pool, $0, status: answer.status, isListed: isListedHere)
        }
    }

    /// The endpoint has said that it has the model: if it now says that it knows none such, that has changed.
    private var isListedHere: Bool {
        guard let pool, let endpoint, pool.asksForModel,
            let place = pool.endpoints.firstIndex(where: { $0 === endpoint }),
            let entry = withServedModel({ pool.board.entry($0, version: $1) })
        else { return false }
        return pool.board.isReady(entry, at: place)
    }

    /// The endpoint has served the request, and so the model, which may have been out before.
    func noteModel() {
        guard worker.hasOutages, isGRPC ? grpcStatus == .ok : status < 400, let endpoint, let model = modelKey
        else { return }
        worker.modelAnswered(model, at: endpoint)
    }
}

extension EndpointOutcome {
    init(_ failure: UpstreamFailure) {
        if failure.wasRefused || failure.isTold {
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
