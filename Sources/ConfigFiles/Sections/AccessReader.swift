import Configuration

/// From where a route may be used, and how often.
extension GatewayReader {
    /// Networks in CIDR notation, or addresses, which are networks of one.
    func networks(_ entry: YAMLNode.Entry, _ title: String) -> [CIDR] {
        Section.items(entry, "[10.0.0.0/8]", report).compactMap { item in
            guard let text = Section.scalar(item, title, "a network such as 10.0.0.0/8", report) else { return nil }
            do throws(InvalidValue) {
                return try CIDR(parsing: text)
            } catch {
                report.error(item.position, "'\(entry.key)': \(Wording.quoted(text)) \(error.message)")
                return nil
            }
        }
    }

    /// - Parameter hasUsers: whether the route asks for passwords, so that a request has a user.
    func rateLimit(_ entry: YAMLNode.Entry, hasUsers: Bool) -> Route.RateLimit? {
        guard let section = Section(entry.value, .rateLimit, title: "'rateLimit'", report) else { return nil }
        let requests = section.integer("requests", report)
        let per = section.duration("per", report)
        let burst = section.integer("burst", report)
        let key = rateKey(section, hasUsers: hasUsers)
        for (key, example) in [("requests", "100"), ("per", "1s")] where !section.has(key) {
            report.error(section.position, "'rateLimit' needs '\(key)', write it such as '\(key): \(example)'")
        }
        guard let requests, let per else { return nil }
        guard per >= .nanoseconds(requests) else {
            report.error(
                section.valuePosition(of: "per", report),
                "\(requests) requests in \(DurationText.format(per)) are more than clocks can tell apart, write at most "
                    + "one in a nanosecond")
            return nil
        }
        var limit = Route.RateLimit(requests: requests, per: per, burst: burst ?? requests)
        key.map { limit.key = $0 }
        return limit
    }

    private func rateKey(_ section: Section, hasUsers: Bool) -> Route.RateLimit.Key? {
        guard let text = section.text("key", report) else { return nil }
        let position = section.valuePosition(of: "key", report)
        switch text {
        case "route": return .route
        case "clientAddress": return .clientAddress
        case "user":
            if !hasUsers {
                report.error(position, "'key: user' needs users, add 'basicAuth' or write 'key: clientAddress'")
            }
            return .user
        case _ where text.hasPrefix("header:"):
            let name = text.dropFirst("header:".count)
            guard HeaderText.isToken(String(name)) else {
                report.error(
                    position, "\(Wording.quoted(String(name))) is no header name, write it such as header:x-tenant")
                return nil
            }
            return .header(name.lowercased())
        default:
            report.error(
                position, "'key' must be route, user, clientAddress or header:NAME, not \(Wording.quoted(text))")
            return nil
        }
    }
}

extension Bounds {
    /// Beyond this a limit is none: no process answers a billion requests.
    static let rate = 1...1_000_000_000
    /// Timers are no finer than a millisecond; what is counted for longer than a day is a quota, which must survive the process.
    static let ratePeriod: ClosedRange<Duration> = .milliseconds(1) ... .seconds(24 * 3600)
}
