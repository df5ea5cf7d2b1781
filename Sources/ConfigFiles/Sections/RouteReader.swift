import Configuration

/// Routes: which requests, and what to do with them.
extension GatewayReader {
    func routes(_ section: Section, _ references: BackendReferences) -> [Route] {
        guard let entry = section.entry("routes", report) else {
            if !section.has("routes"), !sources.isIncomplete, !hasManifests {
                report.warning(section.position, "there are no routes, so every request is answered 404; add 'routes'")
            }
            return []
        }
        var routes: [Route] = []
        var names: [String: Position] = [:]
        var catchAll: (name: String, position: Position)?
        for item in Section.items(entry, "[{ name: all, backends: [{ name: stable }] }]", report) {
            guard let section = Section(item, .route, title: "a route", report) else { continue }
            let name = section.name("name", report)
            if name == nil, !section.has("name") {
                report.error(section.position, "a route needs a name, write 'name: infer'")
            }
            let position = section.has("name") ? section.position(of: "name") : section.position
            if let name, let earlier = names.updateValue(position, forKey: name) {
                names[name] = earlier
                report.error(
                    position,
                    "a route in \(report.place(earlier, from: position)) is called \(Wording.quoted(name)) too, "
                        + "give one another name")
            }
            if let catchAll {
                report.warning(
                    position,
                    "this route never matches, because \(Wording.quoted(catchAll.name)) in "
                        + "\(report.place(catchAll.position, from: position)) takes every request; move it up")
            } else if !section.has("match"), !section.has("hosts") {
                catchAll = (name ?? "the route", position)
            }
            if let route = route(section, name: name ?? "", references) { routes.append(route) }
        }
        return routes
    }

    private func route(_ section: Section, name: String, _ references: BackendReferences) -> Route? {
        let hosts = section.entry("hosts", report).map(hosts) ?? []
        let match = section.entry("match", report).map(matches) ?? []
        let action = action(section, name: name, references)
        let basicAuth = section.entry("basicAuth", report).flatMap(basicAuth)
        let priority = section.choice("priority", Route.Priority.allCases.map { ($0.rawValue, $0) }, report)
        let timeout = section.duration("timeout", in: Bounds.timeoutOrNone, report).flatMap { $0 == .zero ? nil : $0 }
        let idleTimeout = section.duration("idleTimeout", in: Bounds.timeoutOrNone, report)
        let maxBodySize = section.size("maxBodySize", in: Bounds.bodySize, report)
        let retries = section.entry("retries", report).flatMap { self.retries($0, timeout: timeout) }
        guard let action else { return nil }
        var route = Route(name: name, action: action)
        route.hosts = hosts
        route.match = match
        route.basicAuth = basicAuth
        route.timeout = timeout
        if let idleTimeout { route.idleTimeout = idleTimeout == .zero ? nil : idleTimeout }
        route.maxBodySize = maxBodySize
        priority.map { route.priority = $0 }
        route.retries = retries
        return route
    }

    private func hosts(_ entry: YAMLNode.Entry) -> [String] {
        var seen: Set<String> = []
        return Section.items(entry, "[models.example.com, \"*.example.com\"]", report).compactMap { item in
            guard let host = hostPattern(item) else { return nil }
            guard seen.insert(host).inserted else {
                report.error(item.position, "\(Wording.quoted(host)) is in this list already, keep one")
                return nil
            }
            return host
        }
    }

    private func hostPattern(_ node: YAMLNode) -> String? {
        guard let text = node.text, text.hasPrefix("*") else { return hostName(node, "a host") }
        guard text != "*" else {
            report.error(node.position, "'*' alone would be every host, leave 'hosts' out for that")
            return nil
        }
        let suffix = text.dropFirst(2).lowercased()
        guard text.hasPrefix("*."), HostName.isValid(suffix) else {
            report.error(node.position, "\(Wording.quoted(text)) is no host, write a name or '*.' and a name")
            return nil
        }
        return "*." + suffix
    }

    /// Exactly one of the things a route can do, with the keys that only make sense beside it.
    private func action(_ section: Section, name: String, _ references: BackendReferences) -> Route.Action? {
        let title = name.isEmpty ? "this route" : "route \(Wording.quoted(name))"
        let written = section.written(["backends", "redirect", "respond"])
        if written.count > 1 {
            report.error(
                section.position(of: written[1]),
                "\(title) has both '\(written[0])' and '\(written[1])', keep one of them")
        }
        if written.isEmpty {
            report.error(section.position, "\(title) does nothing, add 'backends' or 'respond'")
        }
        var result: Route.Action?
        if let entry = section.entry("respond", report) { result = respond(entry).map { .respond($0) } }
        let forward = section.entry("backends", report).map { weightedBackends($0, references) }
        let whenDown = section.choice("whenDown", Route.WhenDown.allCases.map { ($0.rawValue, $0) }, report)
        let mirrors = section.entry("mirrors", report).map { self.mirrors($0, references) }
        if let forward {
            var action = Route.Forward(backends: forward)
            action.whenDown = whenDown ?? action.whenDown
            action.mirrors = mirrors ?? []
            result = .forward(action)
        } else if !section.has("backends"), !written.isEmpty {
            for key in section.written(["whenDown", "mirrors", "priority", "retries"]) {
                report.error(section.position(of: key), "'\(key)' means nothing without 'backends', leave it out")
            }
        }
        return result
    }
}
