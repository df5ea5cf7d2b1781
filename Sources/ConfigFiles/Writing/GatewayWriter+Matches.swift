import Base
import Configuration

/// What a route's requests must have.
extension GatewayWriter {
    /// Nothing where one of the alternatives takes every request, because then all of them together do.
    func matches(_ matches: [Match]) -> YAMLOutline? {
        let outlines = matches.map(match)
        return outlines.isEmpty || outlines.contains(where: \.isEmpty) ? nil : .list(outlines)
    }

    private func match(_ match: Match) -> YAMLOutline {
        .mapping([
            ("path", match.path.map { path($0, ignoringCase: match.ignoresPathCase) }),
            ("host", match.host.map(value)), ("scheme", match.scheme.map { .word($0.rawValue) }),
            ("port", match.port.map { .word(Int($0)) }), ("method", match.method.map { .text($0) }),
            ("headers", named(match.headers)), ("withoutHeaders", named(match.withoutHeaders)),
            ("query", named(match.query)), ("model", match.model.map { .text($0) }),
            ("version", match.version.map { .text($0) }),
        ])
    }

    private func path(_ path: Match.PathMatch, ignoringCase: Bool) -> YAMLOutline {
        let (key, text) =
            switch path {
            case .exact(let text): ("exact", text)
            case .prefix(let text): ("prefix", text)
            case .startsWith(let text): ("startsWith", text)
            case .regex(let pattern): ("regex", pattern.source)
            }
        return .mapping([(key, .text(text)), ("ignoreCase", ignoringCase ? .word(true) : nil)])
    }

    private func named(_ matches: [Match.NamedMatch]) -> YAMLOutline? {
        matches.isEmpty ? nil : .mapping(matches.map { ($0.name, value($0.value)) })
    }

    private func value(_ value: Match.ValueMatch) -> YAMLOutline {
        switch value {
        case .exact(let text): .text(text)
        case .prefix(let text): .mapping([("prefix", .text(text))])
        case .regex(let pattern): .mapping([("regex", .text(pattern.source))])
        case .present(let flag): .mapping([("present", .word(flag))])
        }
    }
}
