/// For programs: everything there is. Keys stay; new ones may come.
extension Explanation {
    /// An object with `request`, `routes`, `outcome`, `shadowed` and, where a route takes it, `decision`; ends with a line
    /// break.
    package var json: String {
        var members: [(String, JSON)] = [
            ("request", request.json), ("routes", .array(trials.map(\.json))), ("outcome", .string(outcome.name)),
            ("answered", .bool(isAnswered)),
        ]
        switch outcome {
        case .refused(let refusal), .noRoute(let refusal): members.append(("answer", refusal.json))
        case .ownOptions: members.append(("answer", .object([("status", .integer(200))])))
        case .depends(let routes): members.append(("candidates", .array(routes.map(JSON.string))))
        case .route(let decision):
            members.append(("decision", decision.json))
            members.append(("shadowed", .array(shadowed.map(JSON.string))))
        }
        return JSON.object(members).text() + "\n"
    }
}

extension Explanation.Outcome {
    fileprivate var name: String {
        switch self {
        case .refused: "refused"
        case .ownOptions: "options"
        case .noRoute: "noRoute"
        case .depends: "depends"
        case .route: "route"
        }
    }
}

extension Explanation.Request {
    fileprivate var json: JSON {
        .object([
            ("method", .string(method)), ("url", .string(url)), ("scheme", .string(scheme)), ("host", .string(host)),
            ("path", .string(path)),
            (
                "listener",
                listener.map { .object([("name", .string($0.name)), ("address", .string($0.address))]) } ?? .null
            ),
            ("client", .optional(client)), ("user", .optional(user)), ("grpc", .bool(isGRPC)),
            ("model", model?.json ?? .null),
        ])
    }
}

extension Explanation.Refusal {
    fileprivate var json: JSON {
        .object([("status", .integer(status)), ("cause", .string(cause)), ("reason", .string(reason))])
    }
}

extension RouteTrial {
    fileprivate var json: JSON {
        let (verdict, index) =
            switch verdict {
            case .taken(let index): ("taken", index)
            case .possible(let index): ("possible", index)
            case .refused: ("refused", nil as Int?)
            }
        return .object([
            ("route", .string(name)), ("verdict", .string(verdict)), ("match", index.map { .integer($0) } ?? .null),
            ("hosts", hosts?.json ?? .null), ("matches", .array(alternatives.map { .array($0.map(\.json)) })),
        ])
    }
}

extension Check {
    fileprivate var json: JSON {
        .object([
            ("of", .string(subject.words)), ("wanted", .string(wanted)), ("seen", .optional(seen)),
            ("outcome", .string("\(outcome)")),
        ])
    }
}

extension Decision {
    fileprivate var json: JSON {
        var members: [(String, JSON)] = [
            ("route", .string(route)), ("match", alternative.map { .integer($0) } ?? .null),
            ("policies", .array(policies.map(\.json))),
        ]
        switch action {
        case .forward(let forward):
            members.append(("backends", .array(forward.entries.map(\.json))))
            members.append(("mirrors", .array(forward.mirrors.map(\.json))))
        case .redirect(let answer): members.append(("redirect", answer.json))
        case .respond(let answer): members.append(("respond", answer.json))
        case .refuse(let refusal): members.append(("refuse", refusal.json))
        }
        return .object(members)
    }
}

extension Decision.Policy {
    fileprivate var json: JSON {
        var members: [(String, JSON)] = [("policy", .string(key)), ("says", .string(says))]
        switch effect {
        case .applies: members.append(("effect", .string("applies")))
        case .depends: members.append(("effect", .string("depends")))
        case .answers(let answer): members += [("effect", .string("answers")), ("answer", answer.json)]
        case .refuses(let refusal): members += [("effect", .string("refuses")), ("answer", refusal.json)]
        }
        return .object(members)
    }
}

extension MessageModel {
    fileprivate var json: JSON { .object([("name", .string(name)), ("version", .string(version))]) }
}

extension Decision.Answer {
    fileprivate var json: JSON {
        .object([("status", .integer(status)), ("headers", headers.json), ("body", .integer(body))])
    }
}

extension Decision.Entry {
    fileprivate var json: JSON {
        .object([
            ("as", .string(label)), ("backend", .string(backend)), ("weight", .integer(weight)),
            ("share", .number(share)), ("chosen", .bool(isChosen)),
            ("endpoints", .array(endpoints.map(JSON.string))), ("whereReady", model?.json ?? .null),
            ("sends", request.json),
            ("responseHeaders", .array(responseHeaders.map(JSON.string))), ("refusal", refusal?.json ?? .null),
        ])
    }
}

extension Decision.Copy {
    fileprivate var json: JSON {
        .object([
            ("backend", .string(backend)), ("percent", .number(percent)),
            ("endpoints", .array(endpoints.map(JSON.string))), ("sends", request.json),
        ])
    }
}

extension Decision.Sent {
    fileprivate var json: JSON {
        .object([
            ("method", .string(method)), ("target", .string(target)), ("host", .string(host)),
            ("headers", headers.json), ("changes", .array(changes.map(JSON.string))),
        ])
    }
}

extension [Decision.Field] {
    fileprivate var json: JSON { .array(map { .array([.string($0.name), .optional($0.value)]) }) }
}
