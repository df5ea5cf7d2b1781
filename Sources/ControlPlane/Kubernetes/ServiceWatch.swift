import Configuration
import Dispatch
import Kubernetes

/// The pods behind a port of a Service, as its EndpointSlices say.
///
/// Needs the verbs `list` and `watch` on `endpointslices` of the group `discovery.k8s.io`, in the Service's namespace.
///
/// Unchecked: it belongs to its queue.
final class ServiceWatch: @unchecked Sendable {
    private let port: ServicePort
    private let queue: DispatchQueue
    private let tell: @Sendable (ClusterNews<[PodAddress]>) -> Void
    private var watcher: ObjectWatcher<EndpointSlice>?
    private var told = ""

    /// Of a Service: a slice has room for a hundred endpoints, or a thousand.
    private static let slices = 500

    /// - Parameter tell: called on `queue`.
    init(
        _ port: ServicePort, _ api: KubernetesAPI, queue: DispatchQueue,
        tell: @escaping @Sendable (ClusterNews<[PodAddress]>) -> Void
    ) {
        self.port = port
        self.queue = queue
        self.tell = tell
        let selector = "\(EndpointSlice.serviceLabel)=\(port.service.name)"
        watcher = ObjectWatcher(
            api, queue: queue,
            path: "/apis/discovery.k8s.io/v1/namespaces/\(port.service.namespace)/endpointslices",
            query: "labelSelector=\(ObjectWatcher<EndpointSlice>.encoded(selector))",
            accept: ("application/json", "application/json"), limit: Self.slices
        ) { [weak self] in self?.take($0) }
    }

    func start() { queue.async { [self] in watcher?.start() } }

    func stop() { queue.async { [self] in watcher?.stop() } }

    private func take(_ news: ObjectWatcher<EndpointSlice>.News) {
        switch news {
        case .failing(let reason): tell(.failing(reason))
        case .recovered: tell(.recovered)
        case .changed:
            guard let watcher else { return }
            let found = ServiceEndpoints(Array(watcher.state.objects.values), port: port.port)
            tell(.found(found.endpoints.compactMap { PodAddress($0, namespace: port.service.namespace) }))
            complain(of: found, isCut: watcher.state.isCut)
        }
    }

    private func complain(of found: ServiceEndpoints, isCut: Bool) {
        let name = "the Service \(port.service)"
        var text = ""
        if isCut || found.isCut {
            text = "\(name) has more endpoints than are used, \(ServiceEndpoints.limit) in \(Self.slices) slices"
        } else if !found.otherPorts.isEmpty {
            text =
                "\(name) has no port '\(port.port)': its pods have \(found.otherPorts.joined(separator: ", ")); write the name of one, or its number at the pods"
        }
        if text != told, !text.isEmpty { tell(.told(text)) }
        told = text
    }
}

/// The labels of a namespace's pods, by which a HorizontalPodAutoscaler chooses: EndpointSlices do not have them.
///
/// Needs the verbs `list` and `watch` on `pods`, in that namespace; of the pods no more than their metadata is asked for.
///
/// Unchecked: it belongs to its queue.
final class PodLabels: @unchecked Sendable {
    private let queue: DispatchQueue
    private let tell: @Sendable (ClusterNews<[String: [String: String]]>) -> Void
    private var watcher: ObjectWatcher<MetadataOnly>?
    private let namespace: String
    private var wasCut = false

    /// More than twice what a namespace of a large cluster is meant to hold (kubernetes.io/docs/setup/best-practices).
    private static let limit = 10_000
    /// Metadata alone, or else whole pods from a server that cannot do that.
    private static let accept = (
        list: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json",
        watch: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, application/json"
    )

    /// - Parameter tell: called on `queue`.
    init(
        _ namespace: String, _ api: KubernetesAPI, queue: DispatchQueue,
        tell: @escaping @Sendable (ClusterNews<[String: [String: String]]>) -> Void
    ) {
        self.namespace = namespace
        self.queue = queue
        self.tell = tell
        watcher = ObjectWatcher(
            api, queue: queue, path: "/api/v1/namespaces/\(namespace)/pods", query: "", accept: Self.accept,
            limit: Self.limit
        ) { [weak self] in self?.take($0) }
    }

    func start() { queue.async { [self] in watcher?.start() } }

    func stop() { queue.async { [self] in watcher?.stop() } }

    private func take(_ news: ObjectWatcher<MetadataOnly>.News) {
        switch news {
        case .failing(let reason): tell(.failing(reason))
        case .recovered: tell(.recovered)
        case .changed:
            guard let state = watcher?.state else { return }
            tell(
                .found(
                    Dictionary(
                        state.objects.map { ($0.key.name, $0.value.metadata.labels) },
                        uniquingKeysWith: { first, _ in first })))
            if state.isCut, !wasCut {
                tell(.told("\(namespace) has more than \(Self.limit) pods; the labels of the others are not known"))
            }
            wasCut = state.isCut
        }
    }
}
