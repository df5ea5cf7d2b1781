/// One condition of a route, held against a request.
package struct Check: Sendable, Equatable {
    package enum Subject: Sendable, Equatable {
        /// The route's `hosts`.
        case hosts
        case path, host, scheme, port, method, model, version
        /// Names in lower case.
        case header(String)
        case withoutHeader(String)
        case query(String)

        /// What the condition looks at.
        package var words: String {
            switch self {
            case .hosts, .host: "host"
            case .path: "path"
            case .scheme: "scheme"
            case .port: "port"
            case .method: "method"
            case .model: "model"
            case .version: "version"
            case .header(let name), .withoutHeader(let name): "header \(name)"
            case .query(let name): "query \(name)"
            }
        }
    }

    package enum Outcome: Sendable, Equatable {
        case holds, fails
        /// It is about a message that nobody has shown us.
        case unknown
    }

    package var subject: Subject
    /// In the words of the configuration, such as `prefix /v2`; credentials are `…`.
    package var wanted: String
    /// `nil` where the request has none.
    package var seen: String?
    package var outcome: Outcome

    package init(subject: Subject, wanted: String, seen: String?, outcome: Outcome) {
        self.subject = subject
        self.wanted = wanted
        self.seen = seen
        self.outcome = outcome
    }
}

/// One route, held against a request.
package struct RouteTrial: Sendable, Equatable {
    package var name: String
    /// `nil` where the route takes any host.
    package var hosts: Check?
    /// The checks of each entry of `match`; empty where there is none, so that every request of its hosts is taken.
    package var alternatives: [[Check]]
    package var verdict: Verdict

    package enum Verdict: Sendable, Equatable {
        /// By the alternative of this index, or because there is none.
        case taken(alternative: Int?)
        /// It would be, if the message named the right model.
        case possible(alternative: Int)
        case refused
    }

    package init(name: String, hosts: Check?, alternatives: [[Check]]) {
        self.name = name
        self.hosts = hosts
        self.alternatives = alternatives
        verdict = .refused
        guard hosts?.outcome != .fails else { return }
        if alternatives.isEmpty {
            verdict = .taken(alternative: nil)
        } else if let index = alternatives.firstIndex(where: { $0.allSatisfy { $0.outcome == .holds } }) {
            verdict = .taken(alternative: index)
        } else if let index = alternatives.firstIndex(where: { $0.allSatisfy { $0.outcome != .fails } }) {
            verdict = .possible(alternative: index)
        }
    }
}
