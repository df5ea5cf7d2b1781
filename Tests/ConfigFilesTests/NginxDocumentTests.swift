import Configuration
import Foundation
import Testing

@testable import ConfigFiles

/// docs/from-nginx-conf.md: its example is loaded, and its table has every directive that snippets are told of.
@Suite struct NginxDocumentTests {
    private static func document() throws -> String {
        let file = URL(fileURLWithPath: ExampleTests.repository + "/docs/from-nginx-conf.md")
        return try String(contentsOf: file, encoding: .utf8)
    }

    @Test func theExampleIsRight() throws {
        let text = try Self.document()
        let blocks = text.components(separatedBy: "```yaml\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
        // Certificates and users are none of its business.
        var yaml = try #require(blocks.first)
        yaml = yaml.replacing("    tls: { certificates: [{ certificate: tls.crt, privateKey: tls.key }] }\n", with: "")
        let scratch = try ScratchDirectory([
            "sluice.yaml": yaml, "users.htpasswd": "ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n",
        ])
        let outcome = scratch.load()
        #expect(scratch.lines(outcome) == [])
        let gateway = try #require(outcome.gateway)
        #expect(gateway.routes.map(\.name) == ["https", "infer", "old", "hello"])
        #expect(gateway.backends.map(\.name).sorted() == ["canary", "shadow", "stable"])
    }

    @Test func theTableIsComplete() throws {
        let text = try Self.document()
        for directive in SnippetAdvice.keys.keys {
            #expect(text.contains("`\(directive)`"), "docs/from-nginx-conf.md does not speak of '\(directive)'")
        }
    }

    @Test(arguments: [
        ("add_header X-A 1;", ": 'responseHeaders' instead of add_header"),
        ("# add_header X-A 1;\nrewrite ^/a /b break;", ": 'rewrite' or 'redirect' instead of rewrite"),
        (
            "if ($http_a) { return 403; }\nadd_header A b;\nmore_set_headers 'C: d';",
            ": further routes with 'match' instead of if, 'redirect' or 'respond' instead of return, 'responseHeaders' instead of add_header and more_set_headers"
        ),
        ("allow 10.0.0.0/8;\ndeny all;", ": 'allowFrom' instead of allow, 'denyFrom' instead of deny"),
        ("limit_req zone=a;", ": 'rateLimit' instead of limit_req"),
        ("sub_filter a b;", "; nothing here does what 'sub_filter' does"),
        (
            "sub_filter a b;\ngzip on;\nadd_header A b;",
            ": 'responseHeaders' instead of add_header; nothing here does what 'sub_filter' and 'gzip' do"
        ),
        (
            "proxy_set_header Host x;\n    \"and more\"\n",
            ": 'requestHeaders' ('rewrite: { host: … }' for Host) instead of proxy_set_header"
        ),
        ("", ""), ("{{{;;;###", ""), ("§ §;", ""),
    ])
    func snippets(text: String, advice: String) { #expect(SnippetAdvice.advice(for: text) == advice) }
}
