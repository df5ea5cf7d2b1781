import Configuration

/// Reads the rules of one VirtualService.
struct VirtualServiceReader {
    let conversion: ManifestConversion
    let manifest: Manifest

    var report: Report { conversion.report }

    /// The hosts of the routes; none for any host. A service's own name stands for all of its names.
    func hosts(_ spec: Fields) -> [String] {
        var hosts: [String] = []
        var seen: Set<String> = []
        var isAny = false
        for (text, position) in spec.texts("hosts") {
            let host = text.lowercased()
            let name = host.hasPrefix("*.") ? host.dropFirst(2) : host[...]
            if host == "*" {
                isAny = true
            } else if host.hasPrefix("*.") ? HostName.isValid(name) : HostName.isValid(name) || IPAddress(name) != nil {
                let whole = ClusterName.full(host, namespace: manifest.namespace)
                var forms = [whole] + ClusterName.shorterForms(of: whole)
                // The bare name is only good where it was written so.
                if forms.count > 1, host.contains(".") { forms.removeLast() }
                if host.contains(":") { forms = ["[\(host)]"] }
                for form in forms.reversed() where seen.insert(form).inserted { hosts.append(form) }
            } else {
                report.error(position, "\(Wording.quoted(text)) is no host, write a name, '*.' and a name, or '*'")
            }
        }
        return isAny ? [] : hosts
    }

    /// A route without name and hosts, or `nil` after a report.
    func route(_ rule: Fields) -> Route? {
        let written = rule.written(["route", "redirect", "directResponse"])
        guard written.count < 2 else {
            report.error(
                rule.position(of: written[1]), "a rule has either '\(written[0])' or '\(written[1])', keep one of them")
            return nil
        }
        let changesPrefix = Self.changesPrefix(rule)
        var match = matches(rule, keepingRoot: changesPrefix)
        if match.isEmpty, changesPrefix {
            // What is replaced is the slash that every path begins with.
            var any = Match()
            any.path = .startsWith("/")
            match = [any]
        }
        let headers = rule.fields("headers", .headers)
        let request = headers.map { headerOperations($0, of: .request) } ?? Operations()
        let response = headers.map { headerOperations($0, of: .response) } ?? Operations()
        var route: Route?
        switch written.first {
        case "route": route = forward(rule, match, request: request)
        case "redirect": route = redirect(rule, match).map { Route(name: "", action: .redirect($0)) }
        case "directResponse": route = directResponse(rule).map { Route(name: "", action: .respond($0)) }
        default: report.error(rule.position, "a rule needs 'route', 'redirect' or 'directResponse', add one of them")
        }
        if written.first != "route" { checkIdle(rule, beside: written.first) }
        route?.match = match
        route?.responseHeaders = response.operations
        route?.cors = rule.fields("corsPolicy", .corsPolicy).flatMap(cors)
        if var answer = route, case .respond(let fixed) = answer.action {
            answer.action = .respond(withHeaders(fixed, &answer.responseHeaders))
            return answer
        }
        return route
    }

    private func forward(_ rule: Fields, _ match: [Match], request: Operations) -> Route? {
        let destinations = destinations(rule)
        let mirrors = mirrors(rule)
        let rewrite = rewrite(rule, match, host: request.host ?? destinations.host)
        var forward = Route.Forward(backends: destinations.entries)
        forward.whenDown = .fail
        forward.mirrors = mirrors
        var route = Route(name: "", action: .forward(forward))
        route.requestHeaders = request.operations
        route.rewrite = rewrite
        route.timeout = rule.duration("timeout", in: Bounds.timeoutOrNone).flatMap { $0 == .zero ? nil : $0 }
        route.retries = rule.fields("retries", .httpRetry).flatMap {
            retries($0, budgetPercent: destinations.retryBudget)
        }
        route.fault = rule.fields("fault", .httpFault).flatMap(fault)
        if let timeout = route.timeout {
            // As long as the request itself may take (Envoy's shadows have the route's timeout).
            for index in forward.mirrors.indices { forward.mirrors[index].timeout = timeout }
            route.action = .forward(forward)
        }
        return destinations.entries.isEmpty ? nil : route
    }

    /// Whether the path a request goes on with depends on how much of it was matched.
    private static func changesPrefix(_ rule: Fields) -> Bool {
        rule.entry("rewrite")?.value.names("uri") == true
            || rule.entry("redirect")?.value.names("prefixRewrite") == true
            || rule.entry("redirect")?.value.names("prefix_rewrite") == true
    }

    private func checkIdle(_ rule: Fields, beside action: String?) {
        guard let action else { return }
        for key in rule.written(["rewrite", "fault", "mirror", "mirrors"]) {
            report.error(rule.position(of: key), "'\(key)' means nothing beside '\(action)', leave it out")
        }
        for key in rule.written(["timeout", "retries", "mirrorPercent", "mirrorPercentage"]) {
            report.note(rule.position(of: key), "'\(key)' means nothing beside '\(action)'")
        }
    }
}
