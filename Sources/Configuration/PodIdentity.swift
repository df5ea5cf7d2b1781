/// Which pod of a Kubernetes cluster an endpoint is.
package struct PodIdentity: Sendable, Hashable {
    package var namespace: String
    package var name: String

    package init(namespace: String, name: String) {
        self.namespace = namespace
        self.name = name
    }
}
