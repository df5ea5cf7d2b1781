import Base
import Configuration
import ControlClient
import Dispatch
import EventLoop
import Kubernetes
import Logging
import Synchronization

/// Asks DCGM exporters how busy the processors of pods are.
///
/// Unchecked: everything but `utilization` happens on its own queue.
final class GPUMonitor: @unchecked Sendable {
    /// From one round to the next. The exporter itself looks every thirty seconds, or more often.
    private static let interval = DispatchTimeInterval.seconds(10)
    /// Of one answer.
    private static let timeout = Duration.seconds(3)
    /// Exporters asked: one for each machine of a cluster.
    private static let limit = 256
    /// A machine with eight processors in seven slices each has some hundred kilobytes.
    private static let bodyLimit = 4 << 20

    private let queue = DispatchQueue(label: "sluice.gpus", qos: .utility)
    private let logger: Logger
    private var client: ControlClient?
    private var addresses: [SocketAddress] = []
    private var failing: Set<SocketAddress> = []
    /// Tells the rounds of the present addresses from those of earlier ones.
    private var turn = 0
    private let history = Mutex(GPUHistory())

    init(logger: Logger) { self.logger = logger }

    /// Safe from any thread.
    func utilization(of pod: PodIdentity, now: Instant) -> Double? {
        history.withLock { $0.mean(of: ObjectKey(namespace: pod.namespace, name: pod.name), now: now) }
    }

    func use(_ next: [SocketAddress]) {
        queue.async { [self] in
            let next = Array(next.prefix(Self.limit))
            guard next != addresses else { return }
            addresses = next
            failing.formIntersection(next)
            turn += 1
            round(turn)
        }
    }

    private func round(_ turn: Int) {
        guard turn == self.turn, !addresses.isEmpty else { return }
        if client == nil { client = ControlClient(label: "sluice.gpus.client", answers: queue) }
        for address in addresses { ask(address) }
        queue.asyncAfter(deadline: .now() + Self.interval) { [weak self] in self?.round(turn) }
    }

    private func ask(_ address: SocketAddress) {
        var request = ControlClient.Request(ControlClient.Address(address), path: "/metrics")
        request.timeout = Self.timeout
        request.bodyLimit = Self.bodyLimit
        client?.send(request) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let answer) where answer.status == 200:
                let page = GPUPage(answer.body)
                history.withLock { $0.add(page, now: .now()) }
                if failing.remove(address) != nil { logger.info("the DCGM exporter \(address) answers again") }
            case .success(let answer): complain("it answered \(answer.status)", of: address)
            case .failure(let failure): complain(failure.description, of: address)
            }
        }
    }

    private func complain(_ reason: String, of address: SocketAddress) {
        guard addresses.contains(address), failing.insert(address).inserted else { return }
        logger.warning("the DCGM exporter \(address) does not say how busy processors are: \(reason)")
    }
}
