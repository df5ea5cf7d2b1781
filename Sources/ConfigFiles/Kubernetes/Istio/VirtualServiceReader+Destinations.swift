import Configuration

/// Where the requests of a rule go, and where copies of them go.
extension VirtualServiceReader {
    struct Destinations {
        var entries: [Route.WeightedBackend] = []
        /// The `Host` that a lone destination's headers set.
        var host: String?
        /// What a DestinationRule says of retries, 0...100.
        var retryBudget: Double?
    }

    func destinations(_ rule: Fields) -> Destinations {
        let list = rule.list("route", .httpDestination)
        let isAlone = list.count == 1
        var result = Destinations()
        var hasWeight = false
        for (index, fields) in list.enumerated() {
            let weight = fields.integer("weight", in: Bounds.routeWeight)
            hasWeight = hasWeight || weight ?? 1 > 0 && fields.has("weight")
            let headers = fields.fields("headers", .headers)
            let request = headers.map { headerOperations($0, of: .request) } ?? Operations()
            let response = headers.map { headerOperations($0, of: .response) } ?? Operations()
            guard let service = destination(fields) else { continue }
            let position = fields.position(of: "destination")
            guard let backend = conversion.backends.use(service, at: position) else { continue }
            if index == 0 { result.retryBudget = conversion.destinationRules.retryBudget(of: service) }
            if !isAlone, !fields.has("weight") {
                report.warning(fields.position, "a destination without 'weight' beside others has weight 0, write one")
            }
            var entry = Route.WeightedBackend(backend: backend, label: backend)
            // A lone destination gets everything, whatever its weight.
            entry.weight = isAlone ? 1 : weight ?? 0
            entry.requestHeaders = request.operations
            entry.responseHeaders = response.operations
            if let host = request.host {
                if isAlone {
                    result.host = host
                } else {
                    report.error(
                        headers?.position ?? fields.position,
                        "'host' cannot be set for one of several destinations, set it in 'rewrite.authority' of the rule"
                    )
                }
            }
            result.entries.append(entry)
        }
        if !isAlone, !hasWeight, !list.isEmpty {
            report.error(
                rule.position(of: "route"),
                "the weights add up to 0, so no request could go anywhere: give each destination a 'weight'")
        }
        return result
    }

    func mirrors(_ rule: Fields) -> [Route.Mirror] {
        if rule.has("mirror"), rule.has("mirrors") {
            report.error(rule.position(of: "mirrors"), "a rule has either 'mirror' or 'mirrors', keep one of them")
        }
        var mirrors: [Route.Mirror] = []
        var known: Set<String> = []
        if let service = service(rule, "mirror") {
            let percent = rule.fields("mirrorPercentage", .percentValue).map { $0.number("value", in: 0...100) ?? 0 }
            let whole = rule.integer("mirrorPercent", in: 0...100).map(Double.init)
            add(service, percent ?? whole ?? 100, at: rule.position(of: "mirror"), to: &mirrors, &known)
        } else if !rule.has("mirror") {
            for key in rule.written(["mirrorPercentage", "mirrorPercent"]) {
                report.note(rule.position(of: key), "'\(key)' means nothing without 'mirror'")
            }
        }
        for fields in rule.list("mirrors", .mirrorPolicy) {
            let percent = fields.fields("percentage", .percentValue).map { $0.number("value", in: 0...100) ?? 0 }
            guard let service = destination(fields) else { continue }
            add(service, percent ?? 100, at: fields.position(of: "destination"), to: &mirrors, &known)
        }
        return mirrors
    }

    /// A mirror that gets nothing is none.
    private func add(
        _ service: ServiceReference, _ percent: Double, at position: Position, to mirrors: inout [Route.Mirror],
        _ known: inout Set<String>
    ) {
        guard percent > 0, let backend = conversion.backends.use(service, at: position) else { return }
        guard known.insert(backend).inserted else {
            report.error(position, "this is a mirror of the rule already, keep one")
            return
        }
        var mirror = Route.Mirror(backend: backend)
        mirror.percent = percent
        mirrors.append(mirror)
    }

    private func destination(_ fields: Fields) -> ServiceReference? {
        guard fields.has("destination") else {
            report.error(
                fields.position, "a destination is missing, write 'destination: { host: …, port: { number: 80 } }'")
            return nil
        }
        return service(fields, "destination")
    }

    private func service(_ fields: Fields, _ key: String) -> ServiceReference? {
        guard let destination = fields.fields(key, .destination) else { return nil }
        let number = destination.fields("port", .portSelector)
        let port = number?.integer("number", in: Bounds.port).flatMap { UInt16(exactly: $0) }
        guard let host = destination.text("host") else {
            if !destination.has("host") { report.error(destination.position, "'\(key)' needs a host, write 'host: …'") }
            return nil
        }
        let service = ServiceReference(
            host: host, namespace: manifest.namespace, port: port ?? Self.assumedPort,
            subset: destination.text("subset"))
        if let subset = service.subset {
            guard
                conversion.destinationRules.checkSubset(
                    subset, of: service, at: destination.valuePosition(of: "subset"))
            else { return nil }
        }
        if !destination.has("port"), !conversion.backends.isPinned(service) {
            report.warning(
                destination.position,
                "no port is written, and the ports of \(Wording.quoted(service.host)) are known in a cluster only: "
                    + "\(Self.assumedPort) is taken, write 'port: { number: … }'")
        }
        return service
    }

    /// Istio takes the service's only port. Most services of HTTP have this one.
    private static let assumedPort: UInt16 = 80
}
