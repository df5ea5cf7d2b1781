import Base
import Configuration
import Credentials
import HTTP
import Inference
import Telemetry
import Traffic

/// The policies of a route, in the order in which they are applied, and what they do to this request.
extension DecisionMaker {
    func policies() -> [Decision.Policy] {
        var policies: [Decision.Policy?] = [denyFrom, allowFrom, cors]
        // Addresses are counted before anybody is asked for a password.
        let isByAddress = route.rateLimit?.key == .clientAddress
        policies += isByAddress ? [rateLimit, basicAuth] : [basicAuth, rateLimit]
        policies += [
            responseHeaders, priority, timeout, idleTimeout, maxBodySize, retries, fault, sticky, whenDown,
            tritonParameters, fanOut,
        ]
        return policies.compactMap(\.self)
    }

    // MARK: Access

    private var denyFrom: Decision.Policy? {
        guard let rules = AccessRules(deny: route.denyFrom, allow: []) else { return nil }
        guard let client = reading.client else { return byAddress("denyFrom", route.denyFrom) }
        if rules.admits(client) { return Decision.Policy("denyFrom", "\(client) is not in \(list(route.denyFrom))") }
        let network = route.denyFrom.first { $0.contains(client) }
        return Decision.Policy("denyFrom", "\(client) is in \(network?.text ?? "")", .refuses(.init(.forbidden)))
    }

    private var allowFrom: Decision.Policy? {
        guard let rules = AccessRules(deny: [], allow: route.allowFrom) else { return nil }
        guard let client = reading.client else { return byAddress("allowFrom", route.allowFrom) }
        if rules.admits(client) {
            let network = route.allowFrom.first { $0.contains(client) }
            return Decision.Policy("allowFrom", "\(client) is in \(network?.text ?? "")")
        }
        return Decision.Policy(
            "allowFrom", "\(client) is not in \(list(route.allowFrom))", .refuses(.init(.forbidden)))
    }

    private func byAddress(_ key: String, _ networks: [CIDR]) -> Decision.Policy {
        Decision.Policy(key, "\(list(networks)); --client ADDRESS says who asks", .depends)
    }

    private func list(_ networks: [CIDR]) -> String { Shown.list(networks.map(\.text)) }

    private var basicAuth: Decision.Policy? {
        guard let basicAuth = route.basicAuth else { return nil }
        let realm = "realm \(Shown.word(basicAuth.realm))"
        func refused(_ says: String) -> Decision.Policy {
            Decision.Policy("basicAuth", "\(says), \(realm)", .refuses(.init(.unauthorized)))
        }
        switch reading.credentials {
        case .missing: return refused("no credentials, -u USER gives some")
        case .malformed: return refused("the Authorization header cannot be read")
        case .found(let name, let password):
            let user = Shown.word(name)
            guard let hash = basicAuth.users[name] else { return refused("there is no user \(user)") }
            if isPasswordGiven, !password.withUnsafeBytes({ PasswordHash.verify(password: $0, against: hash) }) {
                return refused("the password of \(user) is wrong")
            }
            if let allowed = basicAuth.allow, !allowed.contains(name) {
                return Decision.Policy(
                    "basicAuth",
                    "\(user) is not allowed, \(Shown.list(allowed, "and")) \(allowed.count == 1 ? "is" : "are")",
                    .refuses(.init(.forbidden)))
            }
            let condition = isPasswordGiven ? "" : " with the right password"
            return Decision.Policy("basicAuth", "\(user)\(condition), \(realm)")
        }
    }

    private var rateLimit: Decision.Policy? {
        guard let limit = route.rateLimit else { return nil }
        let key =
            switch limit.key {
            case .route: "for the whole route"
            case .user: "for each user" + (reading.user.map { " (\(Shown.word($0)))" } ?? "")
            case .clientAddress: "for each client address" + (reading.client.map { " (\($0))" } ?? "")
            case .header(let name): "for each value of header \(name)"
            }
        return Decision.Policy(
            "rateLimit",
            "\(limit.requests) in \(DurationText.format(limit.per)), up to \(limit.burst) at once, \(key)")
    }

    /// Answers made here are shown with them.
    private var responseHeaders: Decision.Policy? {
        guard case .forward = route.action else { return nil }
        let operations = Shown.operations(route.responseHeaders)
        return operations.isEmpty ? nil : Decision.Policy("responseHeaders", operations.joined(separator: ", "))
    }

    // MARK: Limits

    private var priority: Decision.Policy? {
        route.priority == .high ? Decision.Policy("priority", "high, in the queue of the backend") : nil
    }

    private var timeout: Decision.Policy? {
        route.timeout.map { Decision.Policy("timeout", "\(DurationText.format($0)) for the whole exchange") }
    }

    private var idleTimeout: Decision.Policy? {
        guard route.idleTimeout != Route(name: "", action: route.action).idleTimeout else { return nil }
        return Decision.Policy(
            "idleTimeout", route.idleTimeout.map { "\(DurationText.format($0)) without a byte either way" } ?? "none")
    }

    private var maxBodySize: Decision.Policy? {
        guard let limit = route.maxBodySize else { return nil }
        let size = SizeText.format(limit)
        if reading.isGRPC { return Decision.Policy("maxBodySize", "\(size) for each message") }
        if case .length(let length) = reading.head.framing, length > UInt64(max(limit, 0)) {
            return Decision.Policy(
                "maxBodySize", "a body of \(length) bytes is more than \(size)",
                .refuses(.init(.bodyTooLarge)))
        }
        return Decision.Policy("maxBodySize", size)
    }

    // MARK: Trouble

    private var retries: Decision.Policy? {
        guard let retries = route.retries else { return nil }
        let triggers = retries.on.map { trigger in
            switch trigger {
            case .connectFailure: "connectFailure"
            case .refusedStream: "refusedStream"
            case .reset: "reset"
            case .timeout: "timeout"
            case .status(let status): "\(status)"
            }
        }
        var says = "\(retries.attempts) more \(retries.attempts == 1 ? "try" : "tries") after "
        says += Shown.list(triggers, most: 8)
        if let limit = retries.perTryTimeout { says += ", \(DurationText.format(limit)) each" }
        says += ", within \(Shown.percent(retries.budgetPercent)) % of the requests"
        return Decision.Policy("retries", says)
    }

    private var fault: Decision.Policy? {
        guard let fault = route.fault else { return nil }
        var parts: [String] = []
        if let delay = fault.delay {
            parts.append("\(Shown.percent(delay.percent)) % wait \(DurationText.format(delay.duration))")
        }
        if let abort = fault.abort {
            let answer =
                switch abort.answer {
                case .status(let status): "status \(status)"
                case .grpcStatus(let status): "gRPC status \(status)"
                }
            parts.append("\(Shown.percent(abort.percent)) % end with \(answer)")
        }
        let says = parts.joined(separator: ", ")
        guard let abort = fault.abort, abort.percent >= 100 else { return Decision.Policy("fault", says) }
        let status =
            switch abort.answer {
            case .status(let status): status
            case .grpcStatus(let code): (GRPCStatus(rawValue: UInt8(clamping: code)) ?? .unknown).httpStatus
            }
        return Decision.Policy("fault", says, .refuses(Explanation.Refusal(.fault, status: status)))
    }
}
