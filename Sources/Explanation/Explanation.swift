/// What a gateway would do with a request, and why.
package struct Explanation: Sendable, Equatable {
    package var request: Request
    /// The routes in order, up to the one that takes it.
    package var trials: [RouteTrial] = []
    package var outcome: Outcome
    /// Later routes that would take it as well, in order.
    package var shadowed: [String] = []

    package init(request: Request, outcome: Outcome) {
        self.request = request
        self.outcome = outcome
    }

    /// Whether it is certain that a route answers it: by an endpoint, a redirect or a fixed answer.
    package var isAnswered: Bool {
        guard case .route(let decision) = outcome else { return false }
        return decision.refusal == nil && decision.openPolicies.isEmpty
    }

    /// The request as it was read.
    package struct Request: Sendable, Equatable {
        package var method: String
        package var url: String
        /// Name and address; `nil` where the configuration has none.
        package var listener: ListenerName?
        package var scheme: String
        /// Lower case, without port.
        package var host: String
        /// As routes compare it.
        package var path: String
        /// The client, as policies see it.
        package var client: String?
        package var user: String?
        package var isGRPC = false
        /// Of a v2 request, in its path or its message.
        package var model: MessageModel?

        package struct ListenerName: Sendable, Equatable {
            package var name: String
            package var address: String
        }
    }

    package enum Outcome: Sendable, Equatable {
        /// Before any route was asked.
        case refused(Refusal)
        /// `OPTIONS *`, which is about the gateway itself.
        case ownOptions
        case noRoute(Refusal)
        /// It depends on the model in the message: routes that may take it, in order.
        case depends([String])
        case route(Decision)
    }

    /// An answer of the gateway's own with a cause.
    package struct Refusal: Sendable, Equatable {
        package var status: Int
        /// As in `x-sluice-cause`.
        package var cause: String
        package var reason: String
    }
}

/// What the route does that takes the request.
package struct Decision: Sendable, Equatable {
    package var route: String
    /// The entry of `match` that holds, from 0, of how many; `nil` where there is none.
    package var alternative: Int?
    /// In the order in which they are applied.
    package var policies: [Policy] = []
    package var action: Action

    /// The policy that ends the request, if one does.
    package var ending: Policy? { policies.first { $0.ending != nil } }

    /// Keys of the policies before that one of which nobody can tell, for something was not said.
    package var openPolicies: [String] {
        policies.prefix { $0.ending == nil }.filter { $0.effect == .depends }.map(\.key)
    }

    /// What it is refused by, if it is: a policy, or the action itself.
    package var refusal: Explanation.Refusal? {
        if let ending { return ending.refusal }
        switch action {
        case .refuse(let refusal): return refusal
        case .redirect, .respond: return nil
        case .forward(let forward):
            let chosen = forward.entries.filter(\.isChosen)
            let taking = chosen.isEmpty ? forward.entries.filter { $0.weight > 0 } : chosen
            return taking.allSatisfy { $0.refusal != nil } ? taking.first?.refusal : nil
        }
    }

    package init(route: String, alternative: Int?, action: Action) {
        self.route = route
        self.alternative = alternative
        self.action = action
    }

    package enum Action: Sendable, Equatable {
        case forward(Forward)
        case redirect(Answer)
        case respond(Answer)
        /// A redirect to nowhere.
        case refuse(Explanation.Refusal)
    }

    /// One policy of the route, and what it does to this request.
    package struct Policy: Sendable, Equatable {
        /// Its key in the configuration.
        package var key: String
        package var says: String
        package var effect: Effect

        package init(_ key: String, _ says: String, _ effect: Effect = .applies) {
            self.key = key
            self.says = says
            self.effect = effect
        }

        package enum Effect: Sendable, Equatable {
            /// Nothing keeps the request from going on.
            case applies
            /// It ends here with an answer of the policy that is no refusal, such as that to a preflight.
            case answers(Answer)
            case refuses(Explanation.Refusal)
            /// On something that was not said, such as the client's address.
            case depends
        }

        var refusal: Explanation.Refusal? {
            if case .refuses(let refusal) = effect { return refusal }
            return nil
        }
    }

    /// An answer made by the gateway on the operator's behalf.
    package struct Answer: Sendable, Equatable {
        package var status: Int
        package var headers: [Field] = []
        /// Bytes.
        package var body = 0
    }

    /// One header field; `nil` for a value that is made for each request.
    package struct Field: Sendable, Equatable {
        package var name: String
        package var value: String?

        package init(_ name: String, _ value: String?) {
            self.name = name
            self.value = value
        }
    }

    package struct Forward: Sendable, Equatable {
        package var entries: [Entry] = []
        package var mirrors: [Copy] = []
    }

    /// An entry of the route's `backends`.
    package struct Entry: Sendable, Equatable {
        package var label: String
        package var backend: String
        package var weight: Int
        /// Of the route's requests, 0...100.
        package var share: Double
        package var endpoints: [String]
        /// Only those of them get the request that have this model ready; `nil` where that is not asked.
        package var model: MessageModel?
        /// `sticky` sends this very request here, whatever the shares.
        package var isChosen = false
        package var request: Sent
        /// Changes to the answers of its endpoints.
        package var responseHeaders: [String] = []
        /// Why it cannot take this request at all.
        package var refusal: Explanation.Refusal?
    }

    package struct Copy: Sendable, Equatable {
        package var backend: String
        package var percent: Double
        package var endpoints: [String]
        package var request: Sent
    }

    /// The head as it arrives at an endpoint.
    package struct Sent: Sendable, Equatable {
        package var method: String
        package var target: String
        package var host: String
        /// Without `Host`, in order.
        package var headers: [Field] = []
        /// What the route has done to it, beside what any proxy does: `path /v2/x`, `x-user: ann`, `without x-debug`.
        package var changes: [String] = []
    }
}
