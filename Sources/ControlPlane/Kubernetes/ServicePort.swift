import Configuration
import EventLoop
import Kubernetes

/// A port of a Service, whose pods are endpoints.
struct ServicePort: Hashable, Sendable {
    var service: ObjectKey
    /// Its name, or its number at the pods.
    var port: String

    init(_ service: Backend.KubernetesService) {
        self.service = ObjectKey(namespace: service.namespace, name: service.service)
        port = service.port
    }
}

/// Where a pod is reached.
struct PodAddress: Equatable, Sendable {
    var address: SocketAddress
    /// `nil` for an endpoint of a Service that is no pod.
    var pod: PodIdentity?
}

extension PodAddress {
    init?(_ endpoint: ServiceEndpoints.Endpoint, namespace: String) {
        guard let address = SocketAddress(literal: endpoint.address, port: endpoint.port) else { return nil }
        self.address = address
        pod = endpoint.pod.map { PodIdentity(namespace: namespace, name: $0) }
    }
}
