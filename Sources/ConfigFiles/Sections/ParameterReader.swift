import Configuration
import Credentials

/// What a route tells Triton of its requests' urgency.
extension GatewayReader {
    /// - Parameter route: with its `timeout` and `basicAuth` as they were read.
    func tritonParameters(_ entry: YAMLNode.Entry, of route: Route) -> Route.TritonParameters? {
        guard let section = Section(entry.value, .tritonParameters, title: "'tritonParameters'", report) else {
            return nil
        }
        var parameters = Route.TritonParameters()
        if let entry = section.entry("priority", report) {
            parameters.priority =
                entry.value.text == "route"
                ? .route : section.integer("priority", report).map { .level(UInt32($0)) }
        }
        parameters.timeout = tritonTimeout(section, of: route)
        if let entry = section.entry("users", report) {
            parameters.userPriorities = userPriorities(entry, hasUsers: route.basicAuth != nil)
        }
        if section.written(["priority", "users", "timeout"]).isEmpty {
            report.error(
                section.position, "'tritonParameters' says nothing, add 'priority: 1', 'users' or 'timeout: 250ms'")
        }
        return parameters
    }

    private func tritonTimeout(_ section: Section, of route: Route) -> Route.TritonParameters.Timeout? {
        guard let entry = section.entry("timeout", report) else { return nil }
        guard entry.value.text == "route" else {
            return section.duration("timeout", report).map { .fixed($0) }
        }
        if route.timeout == nil {
            report.error(
                entry.value.position,
                "'timeout: route' is what is left of the route's timeout, and it has none, write 'timeout' on the route "
                    + "or a duration here")
        }
        return .route
    }

    private func userPriorities(_ entry: YAMLNode.Entry, hasUsers: Bool) -> [String: UInt32] {
        if !hasUsers {
            report.error(
                entry.position, "'users' needs to know who asks, add 'basicAuth' to the route or leave it out")
        }
        var priorities: [String: UInt32] = [:]
        for pair in Section.pairs(entry, "{ ann: 1 }", report) {
            if let problem = HtpasswdFile.problem(withUser: pair.key) {
                report.error(pair.position, "'users': \(problem)")
                continue
            }
            let text = pair.value.text ?? ""
            let digits = text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
            guard digits, let level = Int(text), Bounds.tritonPriority.contains(level) else {
                let (least, most) = (Bounds.tritonPriority.lowerBound, Bounds.tritonPriority.upperBound)
                report.error(
                    pair.value.position,
                    "the priority of \(Wording.quoted(pair.key)) must be a whole number from \(least) to \(most), not "
                        + (pair.value.text.map { Wording.quoted($0) } ?? pair.value.kind))
                continue
            }
            priorities[pair.key] = UInt32(level)
        }
        return priorities
    }
}

extension Bounds {
    /// Levels of a model's `priority_levels`; 0 stands for its default one.
    static let tritonPriority = 0...Int(UInt32.max)
    /// Triton counts in microseconds, and 0 of them would be no timeout.
    static let tritonTimeout: ClosedRange<Duration> = .microseconds(1)...timeout.upperBound
}
