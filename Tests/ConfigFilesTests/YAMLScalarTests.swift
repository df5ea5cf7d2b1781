import Base
import Testing

@testable import ConfigFiles

/// Text that is written into YAML and read back.
@Suite struct YAMLScalarTests {
    @Test(arguments: [
        "kafka-ui", "/v2/models", "10.0.0.7:8000", "127.0.0.1:8000", "kafka-ui.kafka-dev.svc.cluster.local:80", "300s",
        "unix:/run/x.sock", "https://example.com", "a*b", "50%", "$2y$10$abc", "(GET|POST)", "Mozilla/5.0 (X11)",
        "x-tenant", "10.0.0.0/8", "2.5.x", "yesterday", "a#b", "_", "/", "64MiB", "de,en;q=0.5", "it's",
    ])
    func needsNoQuotes(text: String) {
        #expect(YAMLScalar.line(text, inFlow: false) == text)
    }

    @Test(arguments: [
        ("yes", #""yes""#), ("No", #""No""#), ("null", #""null""#), ("~", #""~""#), ("", #""""#), ("2", #""2""#),
        ("1.10", #""1.10""#), ("1e5", #""1e5""#), ("0x1f", #""0x1f""#), ("12:30", #""12:30""#), ("-1", #""-1""#),
        ("2026-11-21", #""2026-11-21""#), ("*.example.com", #""*.example.com""#), ("%{user}", #""%{user}""#),
        ("#1", ##""#1""##), ("a: b", #""a: b""#), ("a #b", ##""a #b""##), (" a", #"" a""#), ("Basic ", #""Basic ""#),
        ("[::1]:80", #""[::1]:80""#), ("::1", #""::1""#), ("2001::1", #""2001::1""#), ("a:", #""a:""#), ("=", #""=""#),
        ("<<", #""<<""#), (#""x" y"#, #"'"x" y'"#), (#"\d+"#, #"\d+"#), (#"[a]\d"#, #"'[a]\d'"#),
        ("a\nb", #""a\nb""#), ("\u{7}", #""\x07""#), (#"'"["#, #""'\"[""#), ("@a", #""@a""#), ("`", #""`""#),
        ("{a}", #""{a}""#), ("\u{FEFF}", #""\uFEFF""#), ("\u{85}", #""\x85""#), ("\u{2028}", #""\u2028""#),
    ])
    func needsQuotes(text: String, line: String) {
        #expect(YAMLScalar.line(text, inFlow: false) == line)
    }

    @Test func bracketsMakeCommasTelling() {
        #expect(YAMLScalar.line("a, b", inFlow: false) == "a, b")
        #expect(YAMLScalar.line("a, b", inFlow: true) == #""a, b""#)
        #expect(YAMLScalar.line("/{id}", inFlow: true) == #""/{id}""#)
    }

    /// Words, numbers and marks that mean something in YAML, put together at random: as a value, in brackets, as a key, in a
    /// block and as the last thing in a file they are read as what was written. (A byte order mark at the beginning of a text is
    /// the one thing that Yams takes away.)
    @Test(arguments: 0..<40)
    func everyTextSurvives(seed: UInt64) throws {
        let pieces = [
            "", " ", "  ", "a", "b", "yes", "null", "1", "0", ".", ":", "-", "?", ",", "[", "]", "{", "}", "#", "&",
            "*",
            "!", "|", ">", "'", "\"", "%", "@", "`", "~", "=", "<", "\\", "\n", "\t", "\r", "\u{85}", "\u{2028}",
            "\u{7f}",
            "é", "日", "🙂", "\u{200d}", "\u{0}", "---", "...", "<<", "\u{301}", "e", "x", "/", "$", "\u{e000}",
        ]
        var random = RandomSource(seed: seed)
        for _ in 0..<50 {
            let count = Int.random(in: 0...6, using: &random)
            let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let mapping = YAMLOutline.mapping([
                ("value", .text(text)), ("list", .texts([text, "x", text])),
                ("nested", .mapping([(text, .text(text))])),
                ("open", YAMLOutline.mapping([(text, .text(text)), ("other" + text, .text(text))]).opened),
                (
                    "items",
                    .list([.mapping([(text, .text(text))]), .mapping([("a", .text(text)), ("b", .text(text))])])
                ),
                ("last", .text(text)),
            ])
            let yaml = YAMLPrinter.document(mapping)
            let report = Report()
            let documents = YAMLReader.documents(of: Array(yaml.utf8), file: report.add(file: "x"), report: report)
            #expect(report.sorted() == [], "\(yaml)")
            let root = try #require(documents?.first, "\(yaml)")
            #expect(documents?.count == 1)
            #expect(describe(root) == describe(mapping), "seed \(seed):\n\(yaml)")
        }
    }

    @Test func longKeys() throws {
        let key = String(repeating: "k", count: 3000)
        let mapping = YAMLOutline.mapping([
            (key, .mapping([(key, .text("a"))]).opened), ("b", .mapping([(key, .text("c"))])),
        ])
        let report = Report()
        let yaml = YAMLPrinter.document(mapping)
        let documents = YAMLReader.documents(of: Array(yaml.utf8), file: report.add(file: "x"), report: report)
        #expect(report.sorted() == [])
        #expect(documents?.first.map(describe) == describe(mapping))
    }

    private func describe(_ node: YAMLNode) -> String {
        switch node.content {
        case .plain(let text), .quoted(let text): text.debugDescription
        case .sequence(let items): "[\(items.map(describe).joined(separator: ","))]"
        case .mapping(let pairs):
            "{\(pairs.map { "\($0.key.debugDescription):\(describe($0.value))" }.joined(separator: ","))}"
        }
    }

    private func describe(_ outline: YAMLOutline) -> String {
        switch outline.content {
        case .word(let text), .text(let text): text.debugDescription
        case .list(let items): "[\(items.map { describe($0.value) }.joined(separator: ","))]"
        case .mapping(let pairs):
            "{\(pairs.map { "\($0.key.debugDescription):\(describe($0.value))" }.joined(separator: ","))}"
        }
    }
}
