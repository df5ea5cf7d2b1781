import Configuration
import Testing

@testable import ConfigFiles

/// The readers do what the tables say: each value of config/full.yaml is exchanged for what its type does not allow, and for
/// the ends of what it does.
@Suite struct SchemaTests {
    private let example: FullExample

    init() throws { example = try FullExample() }

    @Test func theExampleIsGood() {
        #expect(FullExample.load(example.root).diagnostics == [])
        for path in Set(example.mappings.map { Array($0.path.prefix(2)) }) {
            #expect(FullExample.load(example.root, near: path).errors == [], "near \(path)")
        }
    }

    @Test func everyKeyIsInTheExample() {
        var seen: [String: Set<String>] = [:]
        for occurrence in example.occurrences { seen[occurrence.schema.path, default: []].insert(occurrence.key.name) }
        for schema in Schema.all {
            let missing = schema.keys.filter { seen[schema.path]?.contains($0) != true }
            #expect(missing == [], "config/full.yaml shows no \(missing) of \(schema.path)")
        }
        #expect(Set(seen.keys) == Set(Schema.all.map(\.path)), "a schema is missing in Schema.all")
    }

    @Test func whatTheTypeDoesNotAllowIsRefused() throws {
        for occurrence in example.occurrences {
            for content in Self.wrong(occurrence.type) {
                let outcome = load(occurrence, content)
                let isRefused = !outcome.errors(at: occurrence.positions).isEmpty
                #expect(isRefused, "\(occurrence.title) may be \(content)")
            }
        }
    }

    @Test func theEndsOfRangesAreAllowed() throws {
        for occurrence in example.occurrences {
            for text in Self.ends(occurrence.type) {
                let outcome = load(occurrence, .plain(text))
                let complaints = outcome.errors(at: occurrence.positions).filter { $0.contains(" must be ") }
                #expect(complaints == [], "\(occurrence.title) may not be \(text)")
            }
        }
    }

    /// The message for a word that is none lists those of the table.
    @Test func wordsAreThoseOfTheTable() throws {
        for occurrence in example.occurrences where occurrence.isWhole {
            guard case .word(let words) = occurrence.type else { continue }
            let outcome = load(occurrence, .plain("nonsense"))
            let message = "'\(occurrence.key.name)' must be \(Wording.list(words)), not 'nonsense'"
            #expect(outcome.errors(at: occurrence.positions) == [message])
        }
    }

    @Test func aDefaultIsAsIfItWereWritten() throws {
        for occurrence in example.occurrences where occurrence.isWhole {
            guard case .value(let text) = occurrence.key.fallback else { continue }
            let without = load(occurrence, nil)
            let with = load(occurrence, try FullExample.content(text))
            #expect(without.errors == [] && with.errors == [], "\(occurrence.title)")
            let isSame = without.gateway == with.gateway
            #expect(isSame, "the default of \(occurrence.title) is not \(text)")
        }
    }

    @Test func whatIsRequiredIsMissed() {
        for occurrence in example.occurrences where occurrence.isWhole {
            let outcome = load(occurrence, nil)
            if case .required = occurrence.key.fallback {
                #expect(outcome.errors != [], "\(occurrence.title) is not required")
            }
        }
    }

    @Test func rulesHold() throws {
        for mapping in example.mappings {
            for rule in mapping.schema.rules {
                let isKept = Self.isKept(rule, by: mapping.keys)
                #expect(isKept, "\(mapping.keys) of \(mapping.schema.path) break \(rule)")
                switch rule {
                case .one(let keys):
                    try expectError("none of \(keys)", without(keys, mapping), mapping)
                    try expectAnother(of: keys, mapping)
                case .some(let keys): try expectError("none of \(keys)", without(keys, mapping), mapping)
                case .atMostOne(let keys): try expectAnother(of: keys, mapping)
                case .needs(let keys, let other):
                    guard mapping.keys.contains(other), !mapping.keys.filter(keys.contains).isEmpty else { continue }
                    try expectError("no \(other)", without([other], mapping), mapping)
                }
            }
        }
    }

    private static func isKept(_ rule: Schema.Rule, by written: [String]) -> Bool {
        switch rule {
        case .one(let keys): keys.filter(written.contains).count == 1
        case .atMostOne(let keys): keys.filter(written.contains).count <= 1
        case .some(let keys): keys.contains(where: written.contains)
        case .needs(let keys, let other): written.contains(other) || !keys.contains(where: written.contains)
        }
    }

    private func load(_ occurrence: FullExample.Occurrence, _ content: YAMLNode.Content?) -> FullExample.Outcome {
        FullExample.load(example.changed(at: occurrence.path, to: content), near: occurrence.path)
    }

    private func without(_ keys: [String], _ mapping: FullExample.Mapping) throws -> YAMLNode {
        guard case .mapping(var entries) = example.node(at: mapping.path)?.content else { return example.root }
        entries.removeAll { keys.contains($0.key) }
        return example.changed(at: mapping.path, to: .mapping(entries))
    }

    private func expectError(_ what: String, _ root: YAMLNode, _ mapping: FullExample.Mapping) throws {
        #expect(FullExample.load(root, near: mapping.path).errors != [], "there may be \(what)")
    }

    /// A second one of the keys, with a value from elsewhere in the example.
    private func expectAnother(of keys: [String], _ mapping: FullExample.Mapping) throws {
        guard mapping.keys.contains(where: keys.contains) else { return }
        for key in keys where !mapping.keys.contains(key) {
            let sample = example.occurrences.first { $0.schema.path == mapping.schema.path && $0.key.name == key }
            let content = try #require(sample.flatMap { example.node(at: $0.path) }).content
            try expectError(
                "\(key) beside \(mapping.keys) of \(mapping.schema.path)",
                example.changed(at: mapping.path + [.key(key)], to: content), mapping)
        }
    }

    private static var list: YAMLNode.Content {
        .sequence([
            YAMLNode(position: Position(file: 0, line: 1, column: 1), content: .sequence([]))
        ])
    }

    private static func wrong(_ type: ValueType) -> [YAMLNode.Content] {
        switch type {
        case .text(let kind): [list] + (wrongText[kind].map { [.plain($0)] } ?? [])
        case .word: [list, .plain("nonsense")]
        case .flag: [list, .plain("yes")]
        case .onlyTrue: [list, .plain("false")]
        case .integer(let range):
            [list, .plain("\(range.lowerBound - 1)"), .plain("\(range.upperBound + 1)"), .plain("x")]
        case .percent: [list, .plain("-1"), .plain("100.1"), .plain("x")]
        case .duration(let range, _):
            [list, .plain("1"), .plain(DurationText.format(range.upperBound + .nanoseconds(1)))]
                + (range.lowerBound > .nanoseconds(1)
                    ? [.plain(DurationText.format(range.lowerBound - .nanoseconds(1)))] : [])
        case .size(let range):
            [list, .plain("1KB"), .plain("\(range.upperBound + 1)")]
                + (range.lowerBound > 0 ? [.plain("\(range.lowerBound - 1)")] : [])
        case .object: [.plain("x"), list]
        case .list: [.plain("x"), .sequence([])]
        case .map: [.plain("x"), list]
        case .either(let types): types.contains { if case .list = $0 { true } else { false } } ? [] : [list]
        }
    }

    private static let wrongText: [TextKind: String] = [
        .name: "", .host: "a b", .hostPattern: "*", .authority: "http://a", .headerName: "a b",
        .changedHeader: "Connection", .cookieName: "a b",
        .headerValue: " a", .template: "%{nobody}", .method: "get", .path: "a", .target: "/a?b",
        .targetWithQuery: "/a?b#c",
        .pattern: "(", .replacement: "\\", .origin: "a", .user: "a:b", .passwordHash: "x", .listeningAddress: "a",
        .endpointAddress: "systemd:a", .hostPort: "a", .network: "a", .rateKey: "a", .pathElement: "a/b", .realm: "ä",
        .healthPath: "a", .socketPath: "unix:a", .retryStatus: "399",
        .kubernetesName: "A_b", .podName: "A", .servicePort: "0",
    ]

    private static func ends(_ type: ValueType) -> [String] {
        switch type {
        case .integer(let range): ["\(range.lowerBound)", "\(range.upperBound)"]
        case .percent: ["0", "100", "12.5"]
        case .duration(let range, let orZero):
            [DurationText.format(range.lowerBound), DurationText.format(range.upperBound)] + (orZero ? ["0s"] : [])
        case .size(let range): [SizeText.format(range.lowerBound), SizeText.format(range.upperBound)]
        case .either(let types): types.flatMap(ends)
        case .word(let words): words
        default: []
        }
    }
}
