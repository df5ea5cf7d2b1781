import Configuration

/// One Kubernetes object as a file holds it, without `status` and what else a cluster writes into it.
struct Manifest {
    var kind: Kind
    var name: String
    var namespace: String
    var annotations: [YAMLNode.Entry]
    /// `metadata.creationTimestamp`, which sorts as text (RFC 3339, always UTC in Kubernetes); empty where there is none.
    var created: String
    /// Where the object begins.
    var position: Position
    /// All keys of the object beside `apiVersion`, `kind`, `metadata` and `status`: `spec`, or those of a Secret.
    var body: [YAMLNode.Entry]

    /// The kinds that are read.
    enum Kind: String, CaseIterable {
        case virtualService = "VirtualService"
        case destinationRule = "DestinationRule"
        case httpRoute = "HTTPRoute"
        case grpcRoute = "GRPCRoute"
        case ingress = "Ingress"
        case secret = "Secret"

        /// Every version is read alike; the first is what to write.
        var apiVersions: [String] {
            switch self {
            case .virtualService, .destinationRule:
                ["networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"]
            case .httpRoute:
                [
                    "gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1",
                    "gateway.networking.k8s.io/v1alpha2",
                ]
            case .grpcRoute: ["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1alpha2"]
            case .ingress: ["networking.k8s.io/v1"]
            case .secret: ["v1"]
            }
        }
    }

    /// `VirtualService 'kafka-dev/kafka-ui'`, for messages.
    var title: String { Self.title(kind, name, namespace: namespace) }

    /// Names are bounded, so nothing is cut from them, and two objects never share a title.
    static func title(_ kind: Kind, _ name: String, namespace: String) -> String {
        "\(kind.rawValue) \(Wording.quoted("\(namespace)/\(name)", upTo: Bounds.nameBytes))"
    }

    /// The fields of `spec`, or `nil` after a report.
    func spec(_ schema: FieldSchema, _ report: Report) -> Fields? {
        for entry in body where entry.key != "spec" {
            report.error(
                entry.position,
                "unknown field \(Wording.quoted(entry.key)) of a \(kind.rawValue), there are apiVersion, kind, metadata and spec"
            )
        }
        guard let spec = body.first(where: { $0.key == "spec" }), !spec.value.isNull else {
            report.error(position, "\(title) has no 'spec', add it or leave the manifest out")
            return nil
        }
        return Fields(spec.value, schema, title: "'spec'", report)
    }
}
