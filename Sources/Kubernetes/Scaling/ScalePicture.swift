package import Configuration
package import Models

/// Everything that autoscalers are served is made of, at one moment.
package struct ScalePicture: Sendable {
    package struct Endpoint: Sendable {
        package var address: String
        package var pod: PodIdentity?
        /// Of the pod; `nil` where nobody can say.
        package var labels: [String: String]?
        /// Requests are sent there.
        package var isReady: Bool
        /// `nil` where there are no fresh numbers.
        package var reading: EndpointReading?
        /// Utilisation of the pod's processors, from elsewhere.
        package var gpu: Double?

        package init(
            address: String, pod: PodIdentity?, labels: [String: String]?, isReady: Bool, reading: EndpointReading?,
            gpu: Double?
        ) {
            self.address = address
            self.pod = pod
            self.labels = labels
            self.isReady = isReady
            self.reading = reading
            self.gpu = gpu
        }
    }

    package struct Backend: Sendable {
        package var name: String
        /// Whose pods are endpoints.
        package var services: [ObjectKey]
        package var endpoints: [Endpoint]
        /// Requests in the gateway that wait for a place.
        package var queued: Int
        /// Requests that wait for an endpoint to be started, or a model to be loaded.
        package var held: Int

        package init(name: String, services: [ObjectKey], endpoints: [Endpoint], queued: Int, held: Int) {
            self.name = name
            self.services = services
            self.endpoints = endpoints
            self.queued = queued
            self.held = held
        }

        fileprivate var waiting: Double { Double(queued + held) }
    }

    package var backends: [Backend]
    /// In which backends are objects of their own; `nil` means none.
    package var namespace: String?

    package init(backends: [Backend], namespace: String?) {
        self.backends = backends
        self.namespace = namespace
    }

    // MARK: Pods

    /// The pods of a namespace that have fresh numbers, in the order of their names.
    package func pods(
        in namespace: String, _ selector: LabelSelector, model: ModelChoice?
    ) -> [(name: String, numbers: ScaleNumbers)] {
        var found: [String: ScaleNumbers] = [:]
        var counted: Set<String> = []
        for backend in backends {
            let share = backend.endpoints.isEmpty ? 0 : backend.waiting / Double(backend.endpoints.count)
            for endpoint in backend.endpoints {
                guard let pod = endpoint.pod, pod.namespace == namespace, let reading = endpoint.reading,
                    endpoint.labels.map(selector.matches) ?? true
                else { continue }
                // What is an endpoint of two backends tells both of them the same.
                if counted.insert(endpoint.address).inserted {
                    found[pod.name, default: ScaleNumbers()].add(reading, model: model, gpu: endpoint.gpu)
                }
                found[pod.name]?.addWaiting(share)
            }
        }
        return found.sorted { $0.key < $1.key }.map { (name: $0.key, numbers: $0.value) }
    }

    // MARK: What is more than a pod

    /// - Returns: `nil` where no backend is, or has endpoints of, a Service of this name; and whether there is no endpoint that
    ///   could be asked, so that what is not known is nothing.
    package func service(
        _ name: String, in namespace: String, model: ModelChoice?
    ) -> (numbers: ScaleNumbers, isEmpty: Bool)? {
        let key = ObjectKey(namespace: namespace, name: name)
        let chosen = backends.filter {
            $0.services.contains(key) || ($0.name == name && namespace == self.namespace)
        }
        return chosen.isEmpty ? nil : (Self.sum(chosen, model), chosen.allSatisfy(\.endpoints.isEmpty))
    }

    /// The pods of a namespace, all together.
    package func all(in namespace: String, model: ModelChoice?) -> ScaleNumbers {
        Self.sum(
            backends.compactMap { backend in
                var backend = backend
                backend.endpoints.removeAll { $0.pod?.namespace != namespace }
                let isThere = backend.services.contains { $0.namespace == namespace }
                return backend.endpoints.isEmpty && !isThere ? nil : backend
            }, model)
    }

    /// - Returns: `nil` where there is no such backend.
    package func backend(_ name: String, model: ModelChoice?) -> (backend: Backend, numbers: ScaleNumbers)? {
        backends.first { $0.name == name }.map { ($0, Self.sum([$0], model)) }
    }

    private static func sum(_ backends: [Backend], _ model: ModelChoice?) -> ScaleNumbers {
        var numbers = ScaleNumbers()
        var counted: Set<String> = []
        for backend in backends {
            numbers.addWaiting(backend.waiting)
            for endpoint in backend.endpoints where counted.insert(endpoint.address).inserted {
                guard let reading = endpoint.reading else { continue }
                numbers.add(reading, model: model, gpu: endpoint.gpu)
            }
        }
        return numbers
    }
}

extension ScalePicture.Backend {
    package var readyEndpoints: Int { endpoints.count(where: \.isReady) }
}
