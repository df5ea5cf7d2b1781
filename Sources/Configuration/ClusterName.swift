/// Names of services inside a Kubernetes cluster, with the domain that clusters have unless somebody changed it.
package enum ClusterName {
    private static let domain = "svc.cluster.local"

    /// What a host in a manifest of a namespace means: a name without a dot is a service of that namespace, every other is
    /// whole. Lower case.
    package static func full(_ host: String, namespace: String) -> String {
        let host = host.lowercased()
        return host.contains(".") || host.contains(":") ? host : "\(host).\(namespace).\(domain)"
    }

    /// The shorter names that people write for `a.b.svc.cluster.local`, longest first: `a.b.svc`, `a.b`, `a`. None for other
    /// names.
    package static func shorterForms(of name: String) -> [String] {
        guard name.hasSuffix("." + domain) else { return [] }
        let elements = name.split(separator: ".").dropLast(3)
        guard elements.count > 1 else { return [] }
        let qualified = elements.joined(separator: ".")
        return [qualified + ".svc", qualified, elements.dropLast().joined(separator: ".")]
    }
}

/// `resolve`: names that stand for a fixed place, ahead of DNS.
package enum Pins {
    /// The place a host is pinned to, by its name as written, fully qualified or, for a service of a cluster, in one of its
    /// shorter forms.
    package static func place(of host: String, in pins: [String: HostPort]) -> HostPort? {
        guard !pins.isEmpty else { return nil }
        let name = host.lowercased()
        let bare = name.hasSuffix(".") ? String(name.dropLast()) : name
        if let place = pins[name] ?? pins[bare] ?? pins[bare + "."] { return place }
        return ClusterName.shorterForms(of: bare).lazy.compactMap { pins[$0] }.first
    }
}
