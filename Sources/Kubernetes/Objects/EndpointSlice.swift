/// Some of a Service's endpoints (kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1), as far as
/// it is of use here.
package struct EndpointSlice: WatchedObject {
    package var metadata: ObjectMeta
    /// `IPv4`, `IPv6` or `FQDN`.
    package var addressType: String
    package var endpoints: [Endpoint]
    package var ports: [Port]

    /// The label that names the Service.
    package static let serviceLabel = "kubernetes.io/service-name"

    package struct Endpoint: Decodable, Sendable, Equatable {
        package var addresses: [String]
        package var conditions: Conditions
        /// The pod it is; `nil` where it is something else.
        package var pod: String?
    }

    package struct Conditions: Decodable, Sendable, Equatable {
        /// What is not said counts as yes.
        package var ready: Bool?
        package var serving: Bool?
        package var terminating: Bool?
    }

    package struct Port: Decodable, Sendable, Equatable {
        /// As the Service names it; empty where it has one port alone.
        package var name: String
        /// At the pod; `nil` means every port.
        package var port: Int?
        /// `TCP` where none is written.
        package var `protocol`: String
    }

    private enum Keys: String, CodingKey { case metadata, addressType, endpoints, ports }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
        addressType = try container.decodeIfPresent(String.self, forKey: .addressType) ?? ""
        endpoints =
            try container.decodeIfPresent([Lenient<Endpoint>].self, forKey: .endpoints)?
            .compactMap(\.value) ?? []
        ports = try container.decodeIfPresent([Lenient<Port>].self, forKey: .ports)?.compactMap(\.value) ?? []
    }
}

extension EndpointSlice.Endpoint {
    private enum Keys: String, CodingKey { case addresses, conditions, targetRef }
    private struct Target: Decodable {
        var kind: String?
        var name: String?
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        addresses = try container.decode([String].self, forKey: .addresses)
        conditions =
            try container.decodeIfPresent(EndpointSlice.Conditions.self, forKey: .conditions)
            ?? EndpointSlice.Conditions()
        let target = try container.decodeIfPresent(Target.self, forKey: .targetRef)
        pod = target?.kind == "Pod" ? target?.name : nil
    }

    /// Whether new requests may go there.
    var takesRequests: Bool { conditions.ready != false && conditions.terminating != true }
}

extension EndpointSlice.Port {
    private enum Keys: String, CodingKey { case name, port, `protocol` }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        name = try container.decodeIfPresent(String.self, forKey: .name) ?? ""
        port = try container.decodeIfPresent(Int.self, forKey: .port)
        `protocol` = try container.decodeIfPresent(String.self, forKey: .protocol) ?? "TCP"
    }

    /// - Parameter wanted: a name, or a number at the pod.
    func number(for wanted: String) -> UInt16? {
        guard `protocol` == "TCP" else { return nil }
        let number = port.flatMap { UInt16(exactly: $0) }.flatMap { $0 == 0 ? nil : $0 }
        if name == wanted, !wanted.isEmpty { return number }
        guard let asked = UInt16(wanted), asked > 0 else { return nil }
        return port == nil || number == asked ? asked : nil
    }
}
