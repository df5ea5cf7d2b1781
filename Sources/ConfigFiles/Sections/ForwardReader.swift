import Configuration

/// The backends of a route and its mirrors.
extension GatewayReader {
    func weightedBackends(_ entry: YAMLNode.Entry, _ references: BackendReferences) -> [Route.WeightedBackend] {
        var backends: [Route.WeightedBackend] = []
        var labels: [String: Position] = [:]
        var isComplete = true
        for item in Section.items(entry, "[{ name: stable, weight: 80 }]", isRequired: true, report) {
            guard let section = Section(item, .weightedBackend, title: "a route's backend", report) else {
                isComplete = false
                continue
            }
            let name = section.name("name", report)
            let weight = section.integer("weight", report)
            let label = section.name("as", report)
            let model = element("model", section)
            let version = element("version", section)
            let requestHeaders = headerOperations("requestHeaders", of: .request, section)
            let responseHeaders = headerOperations("responseHeaders", of: .response, section)
            guard let name else {
                if !section.has("name") {
                    report.error(section.position, "a route's backend needs a name, write 'name: stable'")
                }
                isComplete = false
                continue
            }
            if section.has("weight"), weight == nil { isComplete = false }
            references.use(name, at: section.entry("name", report)?.value.position ?? section.position)
            let position = section.position(of: label == nil ? "name" : "as")
            if let earlier = labels.updateValue(position, forKey: label ?? name) {
                report.error(
                    position,
                    "\(Wording.quoted(label ?? name)) is already in this route in \(report.place(earlier, from: position)), "
                        + "tell them apart with 'as'")
            }
            var backend = Route.WeightedBackend(backend: name, label: label ?? name, weight: weight ?? 1)
            backend.model = model
            backend.version = version
            backend.requestHeaders = requestHeaders
            backend.responseHeaders = responseHeaders
            backends.append(backend)
        }
        if isComplete, !backends.isEmpty, backends.allSatisfy({ $0.weight == 0 }) {
            report.error(
                entry.position, "every weight is 0, so no request could go anywhere: give one a weight above 0")
        }
        return backends
    }

    func mirrors(_ entry: YAMLNode.Entry, _ references: BackendReferences) -> [Route.Mirror] {
        var mirrors: [Route.Mirror] = []
        var seen: Set<String> = []
        for item in Section.items(entry, "[{ backend: shadow, percent: 10 }]", report) {
            guard let section = Section(item, .mirror, title: "a mirror", report) else { continue }
            let backend = section.name("backend", report)
            var mirror = Route.Mirror(backend: backend ?? "")
            section.percent("percent", report).map { mirror.percent = $0 }
            section.integer("maxInFlight", report).map { mirror.maxInFlight = $0 }
            section.size("maxBufferedBytes", report).map {
                mirror.maxBufferedBytes = Int($0)
            }
            section.duration("timeout", report).map { mirror.timeout = $0 }
            mirror.requestHeaders = headerOperations("requestHeaders", of: .request, section)
            guard let backend else {
                if !section.has("backend") {
                    report.error(section.position, "a mirror needs a backend, write 'backend: shadow'")
                }
                continue
            }
            let position = section.entry("backend", report)?.value.position ?? section.position
            references.use(backend, at: position)
            if !seen.insert(backend).inserted {
                report.error(position, "\(Wording.quoted(backend)) is a mirror of this route already, keep one")
            }
            mirrors.append(mirror)
        }
        return mirrors
    }
}
