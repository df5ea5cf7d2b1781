import Configuration

/// Istio's DestinationRules: how the backends of a service are used, whichever kind of manifest mentions it.
final class DestinationRules {
    private struct Rule {
        var host: String
        var position: Position
        var title: String
        var policy: TrafficPolicy
        var subsets: [String: (policy: TrafficPolicy, position: Position)]
        var isUsed = false
    }

    private let report: Report
    private var rules: [Rule] = []
    /// By host, or by `.example.com` for `*.example.com` and `.` for `*`.
    private var indices: [String: Int] = [:]

    init(_ conversion: ManifestConversion) {
        report = conversion.report
        for manifest in conversion.manifests.ofKinds(.destinationRule) {
            guard let spec = manifest.spec(.destinationRule, report) else { continue }
            read(manifest, spec, TrafficPolicyReader(report: report, sources: conversion.sources))
        }
    }

    private func read(_ manifest: Manifest, _ spec: Fields, _ reader: TrafficPolicyReader) {
        let policy = spec.fields("trafficPolicy", .trafficPolicy).map(reader.policy) ?? TrafficPolicy()
        var subsets: [String: (policy: TrafficPolicy, position: Position)] = [:]
        for fields in spec.list("subsets", .subset) {
            let policy = fields.fields("trafficPolicy", .trafficPolicy).map(reader.policy) ?? TrafficPolicy()
            guard let name = fields.text("name") else {
                if !fields.has("name") { report.error(fields.position, "a subset needs a name, write 'name: v1'") }
                continue
            }
            let position = fields.position(of: "name")
            if let earlier = subsets.updateValue((policy, position), forKey: name) {
                report.error(
                    position,
                    "the subset \(Wording.quoted(name)) is already in \(report.place(earlier.position, from: position)), keep one"
                )
            }
        }
        guard let text = spec.text("host") else {
            if !spec.has("host") { report.error(spec.position, "\(manifest.title) has no host, write 'host: …'") }
            return
        }
        let host = ClusterName.full(text, namespace: manifest.namespace)
        let key = host.hasPrefix("*") ? (host == "*" ? "." : String(host.dropFirst())) : host
        let name = host == "*" ? "a" : host.hasPrefix("*.") ? String(host.dropFirst(2)) : host
        guard HostName.isValid(name) || IPAddress(name) != nil else {
            report.error(
                spec.valuePosition(of: "host"),
                "\(Wording.quoted(text)) is no host, write a name, '*.' and a name, or '*'")
            return
        }
        let position = spec.valuePosition(of: "host")
        if let earlier = indices[key] {
            let place = report.place(rules[earlier].position, from: position)
            report.error(
                position, "\(rules[earlier].title) in \(place) is for \(Wording.quoted(host)) too, put them together")
            return
        }
        indices[key] = rules.count
        rules.append(Rule(host: host, position: position, title: manifest.title, policy: policy, subsets: subsets))
    }

    func apply(_ service: ServiceReference, to backend: inout Backend) {
        policy(of: service)?.apply(to: &backend)
    }

    /// The share of requests that may be retries, 0...100, if a rule says so.
    func retryBudget(of service: ServiceReference) -> Double? { policy(of: service)?.retryBudget }

    /// Whether a subset can be meant: a service whose rule has none of this name has a slip in it.
    func checkSubset(_ subset: String, of service: ServiceReference, at position: Position) -> Bool {
        guard let index = index(of: service), rules[index].subsets[subset] == nil else { return true }
        let names = rules[index].subsets.keys
        report.error(
            position,
            "\(rules[index].title) has no subset \(Wording.quoted(subset))\(report.suggestion(for: subset, among: names))"
        )
        return false
    }

    private func policy(of service: ServiceReference) -> TrafficPolicy? {
        guard let index = index(of: service) else { return nil }
        rules[index].isUsed = true
        let whole = rules[index].policy.at(port: service.port)
        guard let subset = service.subset, let own = rules[index].subsets[subset]?.policy else { return whole }
        // What a subset says of a port takes the place of everything.
        return own.ports[service.port] ?? whole.overridden(by: own)
    }

    /// The rule for the host itself, or for the longest wildcard that takes it.
    private func index(of service: ServiceReference) -> Int? {
        guard !indices.isEmpty else { return nil }
        if let index = indices[service.host] { return index }
        var rest = service.host[...]
        while let dot = rest.firstIndex(of: ".") {
            if let index = indices[String(rest[dot...])] { return index }
            rest = rest[rest.index(after: dot)...]
        }
        return indices["."]
    }

    /// Says nothing while there are errors: the route that should use it may be what is wrong.
    func warnAboutUnused() {
        guard !report.hasErrors else { return }
        for rule in rules where !rule.isUsed {
            report.warning(
                rule.position, "no route sends anything to \(Wording.quoted(rule.host)), so \(rule.title) does nothing")
        }
    }
}
