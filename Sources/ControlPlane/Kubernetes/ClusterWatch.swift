import Base
import Configuration
import Dispatch
import EventLoop
import Kubernetes
import Logging
import Synchronization
import Telemetry

/// Watches the Services whose pods are endpoints, and the labels of pods where somebody scales by them.
///
/// What was seen last stays in force while the API is away. Unchecked: everything but `labels` and `counts` happens
/// on the control queue; what comes from the API is read on a queue of its own.
final class ClusterWatch: @unchecked Sendable {
    private let queue: DispatchQueue
    private let logger: Logger
    private let changed: () -> Void
    private let reading = DispatchQueue(label: "sluice.kubernetes", qos: .utility)
    private var api: KubernetesAPI?
    private var services: [ServicePort: Service] = [:]
    private var watchedPods: [String: PodLabels] = [:]
    private var waiting: [(until: Instant, done: () -> Void)] = []
    private var hasToldOfNoCluster = false
    private let outcomes = Mutex(OutcomeCounts<ClusterOutcome>())
    /// By namespace and pod.
    private let labels = Mutex<[String: [String: [String: String]]]>([:])

    private struct Service {
        var watch: ServiceWatch
        /// `nil` before the first list.
        var pods: [PodAddress]?
    }

    /// Pods that a log line shows.
    private static let shownPods = 8

    /// - Parameter changed: the pods behind some Service are others than before.
    init(queue: DispatchQueue, logger: Logger, changed: @escaping () -> Void) {
        self.queue = queue
        self.logger = logger
        self.changed = changed
    }

    // MARK: What is wanted

    /// - Parameters:
    ///   - ports: of the Services wanted from now on.
    ///   - namespaces: where the labels of pods are wanted.
    func use(_ ports: Set<ServicePort>, podsOf namespaces: Set<String>) {
        for (port, service) in services where !ports.contains(port) {
            services[port] = nil
            service.watch.stop()
        }
        for (namespace, pods) in watchedPods where !namespaces.contains(namespace) {
            watchedPods[namespace] = nil
            pods.stop()
            labels.withLock { $0[namespace] = nil }
        }
        let isWanted = !ports.isEmpty || !namespaces.isEmpty
        if isWanted, api == nil { api = KubernetesAPI(queue: reading) }
        guard let api else {
            if !ports.isEmpty { tellOfNoCluster(ports) }
            return
        }
        for port in ports where services[port] == nil { begin(port, api) }
        for namespace in namespaces where watchedPods[namespace] == nil { begin(podsOf: namespace, api) }
    }

    private func tellOfNoCluster(_ ports: Set<ServicePort>) {
        guard !hasToldOfNoCluster, let port = ports.min(by: { $0.service < $1.service }) else { return }
        hasToldOfNoCluster = true
        logger.error(
            "the Service \(port.service) has no endpoints, because this process is in no pod of a cluster with a service account: KUBERNETES_SERVICE_HOST is not set, or there is no token"
        )
    }

    private func begin(_ port: ServicePort, _ api: KubernetesAPI) {
        let watch = ServiceWatch(port, api, queue: reading) { [weak self] news in
            guard let self else { return }
            count(news)
            queue.async { [weak self] in self?.take(news, of: port) }
        }
        services[port] = Service(watch: watch)
        watch.start()
    }

    private func begin(podsOf namespace: String, _ api: KubernetesAPI) {
        let pods = PodLabels(namespace, api, queue: reading) { [weak self] news in
            guard let self else { return }
            count(news)
            switch news {
            case .found(let found):
                labels.withLock { known in
                    // One that has been given up may have had this on its way.
                    if known[namespace] != nil { known[namespace] = found }
                }
            case .failing(let reason):
                logger.warning(
                    "the labels of pods in \(namespace) are not known, so no selector chooses those that are new: \(reason)"
                )
            case .recovered: logger.info("the labels of pods in \(namespace) are known again")
            case .told(let text): logger.warning("\(text)")
            }
        }
        // Somebody could say, but has not yet.
        labels.withLock { $0[namespace] = [:] }
        watchedPods[namespace] = pods
        pods.start()
    }

    // MARK: What is known

    func pods(of port: ServicePort) -> [PodAddress] { services[port]?.pods ?? [] }

    /// The labels of a pod. Safe from any thread.
    ///
    /// - Returns: `nil` where nobody can say, because the gateway is in no cluster; empty for a pod that is not known.
    func labels(of pod: PodIdentity) -> [String: String]? {
        labels.withLock { known in
            known[pod.namespace].map { $0[pod.name] ?? [:] }
        }
    }

    var counts: OutcomeCounts<ClusterOutcome> { outcomes.withLock { $0 } }

    /// Calls `done` on the control queue when every Service has been listed, or after `patience`.
    func settle(patience: Nanoseconds, done: @escaping () -> Void) {
        waiting.append((.now() + patience, done))
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: patience.count))) { [weak self] in
            self?.endWaiting()
        }
        endWaiting()
    }

    private func endWaiting() {
        let now = Instant.now()
        let isComplete = services.values.allSatisfy { $0.pods != nil }
        let over = waiting.filter { isComplete || $0.until <= now }
        waiting.removeAll { isComplete || $0.until <= now }
        for one in over { one.done() }
    }

    // MARK: News

    private func take(_ news: ClusterNews<[PodAddress]>, of port: ServicePort) {
        guard let before = services[port] else { return }
        switch news {
        case .found(let found):
            services[port]?.pods = found
            if found != before.pods {
                let past = before.pods.map { ", before \(Self.text($0))" } ?? ""
                logger.info("the Service \(port.service) has \(Self.text(found))\(past)")
                changed()
            }
            endWaiting()
        case .failing(let reason):
            let keeps = before.pods != nil
            logger.warning(
                "\(keeps ? "no news of" : "nothing is known of") the Service \(port.service)\(keeps ? ", its last endpoints stay" : ""): \(reason)"
            )
        case .recovered: logger.info("there is news of the Service \(port.service) again")
        case .told(let text): logger.warning("\(text)")
        }
    }

    private func count(_ news: ClusterNews<some Sendable>) {
        let outcome: ClusterOutcome? =
            switch news {
            case .found: .changed
            case .recovered: .recovered
            case .failing: .failed
            case .told: nil
            }
        if let outcome { outcomes.withLock { $0.count(outcome) } }
    }

    private static func text(_ pods: [PodAddress]) -> String {
        guard !pods.isEmpty else { return "no endpoints" }
        let shown = pods.prefix(shownPods).map { "\($0.address)\($0.pod.map { " (\($0.name))" } ?? "")" }
        let left = pods.count - shown.count
        return shown.joined(separator: ", ") + (left > 0 ? " and \(left) more" : "")
    }
}

/// What a part of the cluster has to tell.
enum ClusterNews<Value: Sendable>: Sendable {
    case found(Value)
    /// The API is away, or refuses; told once until it recovers.
    case failing(String)
    case recovered
    /// Something else is wrong, in a sentence; told once until it is another.
    case told(String)
}
