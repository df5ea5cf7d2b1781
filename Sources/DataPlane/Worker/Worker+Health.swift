import Base
import Configuration
package import EventLoop
package import Traffic

/// Something a loop has seen of an endpoint that the control plane has to judge.
package struct HealthReport: Sendable {
    package var backend: String
    package var address: SocketAddress
    package var finding: EndpointHealth.Report
}

/// What one loop learns about endpoints from the requests it sends there.
extension Worker {
    /// How a try went.
    func note(
        _ outcome: EndpointOutcome, of ticket: inout EndpointHealth.Ticket, at endpoint: EndpointPool,
        _ pool: BackendPool
    ) {
        let finding = endpoint.health.record(
            outcome, of: &ticket, threshold: pool.errorThreshold, suspends: pool.endpoints.count > 1, now: loop.now)
        guard let finding else { return }
        reportHealth(HealthReport(backend: pool.backend.name, address: endpoint.address, finding: finding))
    }

    /// An endpoint has said that it does not serve the model now: its requests go elsewhere for a while, from every loop.
    func modelRefused(_ model: ModelKey, at endpoint: EndpointPool, of pool: BackendPool) {
        if pool.board.isListed { lookAtModels(of: pool) }
        let identity = endpoint.identity
        for sibling in siblings where sibling !== self {
            sibling.loop.post { sibling.refused(model, at: identity) }
        }
        refused(model, at: identity)
    }

    private func refused(_ model: ModelKey, at endpoint: ModelOutages.Endpoint) {
        outages.refused(model, at: endpoint, now: loop.now)
        if nextPurge == .never { nextPurge = loop.now + ModelOutages.memory }
    }

    /// Asked for each request, so that the table is empty again, and nobody looks into it, soon after it could be.
    var hasOutages: Bool {
        if outages.isEmpty { return false }
        if nextPurge <= loop.now {
            outages.purge(now: loop.now)
            nextPurge = outages.isEmpty ? .never : loop.now + ModelOutages.memory
        }
        return !outages.isEmpty
    }

    /// It serves the model.
    func modelAnswered(_ model: ModelKey, at endpoint: EndpointPool) {
        let identity = endpoint.identity
        guard outages.answered(model, at: identity) else { return }
        for sibling in siblings where sibling !== self {
            sibling.loop.post { _ = sibling.outages.answered(model, at: identity) }
        }
    }

    /// The endpoint has come back, perhaps with other models than before.
    package func forgetOutages(_ health: EndpointHealth) { outages.forget(health.identity) }
}
