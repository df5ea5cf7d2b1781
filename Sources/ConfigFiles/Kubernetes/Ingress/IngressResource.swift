import Configuration

/// One Ingress (networking.k8s.io/v1) as its manifest has it.
struct IngressResource {
    let manifest: Manifest
    let policies: IngressPolicies
    /// Of its rules, in their order, each once; `""` stands for any host.
    var hosts: [String] = []
    var paths: [Path] = []
    /// Of the next path.
    var nextIndex = 0
    /// Takes what no path takes.
    var defaultService: Service?
    /// The hosts of `tls`; `nil` without `tls`, empty if it is there and names none.
    var secureHosts: [String]?

    var annotations: IngressAnnotations { policies.annotations }

    struct Path {
        var host: String
        /// As it is written: what it means depends on its type and on its neighbours.
        var text: String
        var type: PathType
        var service: Service
        /// In the Ingress, from 0: what its route is called by.
        var index: Int
        var position: Position
    }

    enum PathType: String, CaseIterable {
        case exact = "Exact"
        case prefix = "Prefix"
        case implementationSpecific = "ImplementationSpecific"
    }

    struct Service: Equatable {
        var reference: ServiceReference
        var position: Position

        static func == (left: Service, right: Service) -> Bool { left.reference == right.reference }
    }

    /// Whether `tls` speaks of a host. `*.example.com` there stands for one label.
    func isSecure(_ host: String) -> Bool {
        guard let secureHosts else { return false }
        let parent = host.firstIndex(of: ".").map { "*" + host[$0...] }
        return secureHosts.isEmpty || secureHosts.contains(host) || parent.map(secureHosts.contains) == true
    }
}

extension FieldSchema {
    static let ingressSpec = FieldSchema(
        name: "an Ingress", fields: ["rules", "defaultBackend", "tls", "ingressClassName"])
    static let ingressRule = FieldSchema(name: "an Ingress rule", fields: ["host", "http"])
    static let ingressHTTP = FieldSchema(name: "'http'", fields: ["paths"])
    static let ingressPath = FieldSchema(name: "an Ingress path", fields: ["path", "pathType", "backend"])
    static let ingressBackend = FieldSchema(
        name: "an Ingress backend", fields: ["service"],
        refused: [
            "resource": "only services get requests, write 'service'",
            "serviceName":
                "that is how networking.k8s.io/v1beta1 had it, write 'service: { name: …, port: { number: … } }'",
            "servicePort":
                "that is how networking.k8s.io/v1beta1 had it, write 'service: { name: …, port: { number: … } }'",
        ])
    static let ingressService = FieldSchema(name: "a service", fields: ["name", "port"])
    static let ingressPort = FieldSchema(name: "a port", fields: ["number", "name"])
    static let ingressTLS = FieldSchema(name: "an item of 'tls'", fields: ["hosts", "secretName"])
}
