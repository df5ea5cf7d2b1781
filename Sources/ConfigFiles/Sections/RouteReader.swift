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
            if let name, let entry = section.entry("backends", report), case .sequence(let items) = entry.value.content
            {
                weights.add(name, .entries(items))
            }
        }
        return routes
    }

    private func route(_ section: Section, name: String, _ references: BackendReferences) -> Route? {
        let hosts = section.entry("hosts", report).map(hosts) ?? []
        let match = section.entry("match", report).map(matches) ?? []
        let action = action(section, name: name, of: match, references)
        // Whatever came of the action, all of the policies are read.
        var route = Route(name: name, action: action ?? .respond(Route.FixedResponse(status: 200)))
        route.hosts = hosts
        route.match = match
        readAccess(section, into: &route)
        readLimits(section, into: &route)
        readChanges(section, into: &route)
        return action == nil ? nil : route
    }

    /// Who may pass.
    private func readAccess(_ section: Section, into route: inout Route) {
        route.denyFrom = section.entry("denyFrom", report).map { networks($0, "a client to refuse") } ?? []
        route.allowFrom = section.entry("allowFrom", report).map { networks($0, "a client to let in") } ?? []
        route.cors = section.entry("cors", report).flatMap(cors)
        route.basicAuth = section.entry("basicAuth", report).flatMap(basicAuth)
        route.rateLimit = section.entry("rateLimit", report).flatMap {
            rateLimit($0, hasUsers: section.has("basicAuth"))
        }
    }

    /// How long, how much, and how often.
    private func readLimits(_ section: Section, into route: inout Route) {
        section.choice("priority", Route.Priority.allCases.map { ($0.rawValue, $0) }, report)
            .map { route.priority = $0 }
        route.timeout = section.duration("timeout", report).flatMap { $0 == .zero ? nil : $0 }
        if let idleTimeout = section.duration("idleTimeout", report) {
            route.idleTimeout = idleTimeout == .zero ? nil : idleTimeout
        }
        route.maxBodySize = section.size("maxBodySize", report)
        route.retries = section.entry("retries", report).flatMap { retries($0, timeout: route.timeout) }
        route.fault = section.entry("fault", report).flatMap(fault)
        route.tritonParameters = section.entry("tritonParameters", report)
            .flatMap { tritonParameters($0, of: route) }
        readFanOut(section, into: &route)
    }

    private func readFanOut(_ section: Section, into route: inout Route) {
        guard let fanOut = section.flag("fanOut", report) else { return }
        route.fanOut = fanOut
        guard fanOut else { return }
        for key in section.written(Schema.keysWithoutFanOut) {
            report.error(
                section.position(of: key),
                "'\(key)' means nothing beside 'fanOut', because the request goes to every endpoint, leave it out")
        }
    }

    /// What becomes of the message.
    private func readChanges(_ section: Section, into route: inout Route) {
        route.rewrite = section.entry("rewrite", report).flatMap { rewrite($0, of: route.match) }
        route.requestHeaders = headerOperations("requestHeaders", of: .request, section)
        route.responseHeaders = headerOperations("responseHeaders", of: .response, section)
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
    private func action(
        _ section: Section, name: String, of matches: [Match], _ references: BackendReferences
    ) -> Route.Action? {
        let title = name.isEmpty ? "this route" : "route \(Wording.quoted(name))"
        let written = section.written(["backends", "redirect", "respond"])
        if written.count > 1 {
            report.error(
                section.position(of: written[1]),
                "\(title) has both '\(written[0])' and '\(written[1])', keep one of them")
        }
        if written.isEmpty {
            report.error(section.position, "\(title) does nothing, add 'backends', 'redirect' or 'respond'")
        }
        var result: Route.Action?
        if let entry = section.entry("respond", report) { result = respond(entry).map { .respond($0) } }
        if let entry = section.entry("redirect", report) { result = redirect(entry, of: matches).map { .redirect($0) } }
        let forward = section.entry("backends", report).map { weightedBackends($0, references) }
        let whenDown = section.choice("whenDown", Route.WhenDown.allCases.map { ($0.rawValue, $0) }, report)
        let sticky = section.entry("sticky", report).flatMap(sticky)
        let mirrors = section.entry("mirrors", report).map { self.mirrors($0, references) }
        if let forward {
            var action = Route.Forward(backends: forward)
            action.whenDown = whenDown ?? action.whenDown
            action.sticky = sticky
            action.mirrors = mirrors ?? []
            result = .forward(action)
        } else if !section.has("backends"), !written.isEmpty {
            for key in section.written(Schema.keysOfForwarding) {
                report.error(section.position(of: key), "'\(key)' means nothing without 'backends', leave it out")
            }
        }
        return result
    }
}
