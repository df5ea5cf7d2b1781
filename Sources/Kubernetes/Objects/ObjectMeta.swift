/// What all objects of Kubernetes have in common, as far as it is of use here
/// (kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta).
package struct ObjectMeta: Decodable, Sendable, Equatable {
    package var name: String
    package var namespace: String
    package var resourceVersion: String
    package var labels: [String: String]

    package init(name: String, namespace: String, resourceVersion: String = "", labels: [String: String] = [:]) {
        self.name = name
        self.namespace = namespace
        self.resourceVersion = resourceVersion
        self.labels = labels
    }

    private enum Keys: String, CodingKey { case name, namespace, resourceVersion, labels }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        name = try container.decodeIfPresent(String.self, forKey: .name) ?? ""
        namespace = try container.decodeIfPresent(String.self, forKey: .namespace) ?? ""
        resourceVersion = try container.decodeIfPresent(String.self, forKey: .resourceVersion) ?? ""
        labels = try container.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
    }

    /// Each status a pod reports makes a new version of it, which is no change of what is looked at here.
    package static func == (left: ObjectMeta, right: ObjectMeta) -> Bool {
        left.name == right.name && left.namespace == right.namespace && left.labels == right.labels
    }

    /// Tells objects of one kind apart.
    package var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }
}

package struct ObjectKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    package var namespace: String
    package var name: String

    package init(namespace: String, name: String) {
        self.namespace = namespace
        self.name = name
    }

    package var description: String { "\(namespace)/\(name)" }

    package static func < (left: ObjectKey, right: ObjectKey) -> Bool {
        (left.namespace, left.name) < (right.namespace, right.name)
    }
}

/// An object that is listed and watched.
package protocol WatchedObject: Decodable, Sendable, Equatable {
    var metadata: ObjectMeta { get }
}

/// An object of which nothing but its metadata is of interest: a pod, for its labels.
package struct MetadataOnly: WatchedObject {
    package var metadata: ObjectMeta

    package init(metadata: ObjectMeta) { self.metadata = metadata }
}

/// One object of a list that may be unlike the others: one that cannot be read does not spoil the rest.
struct Lenient<Value: Decodable & Sendable>: Decodable, Sendable {
    let value: Value?

    init(from decoder: any Decoder) throws { value = try? Value(from: decoder) }
}
