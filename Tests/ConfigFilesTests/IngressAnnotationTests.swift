import Configuration
import Foundation
import Testing

@testable import ConfigFiles

/// Annotations that are wrong, refused, or do nothing, and what is said of them.
@Suite struct IngressAnnotationTests {
    @Test(arguments: [
        (
            ["proxy-read-timeout: 60s"],
            "error: 'proxy-read-timeout' must be whole seconds without a unit, not '60s', write \"60\""
        ),
        (
            ["proxy-send-timeout: 5m"],
            "error: 'proxy-send-timeout' must be whole seconds without a unit, not '5m', write \"300\""
        ),
        (
            ["proxy-connect-timeout: '0'"],
            "error: 'proxy-connect-timeout' must be whole seconds without a unit, not '0', write \"60\""
        ),
        (
            ["proxy-read-timeout: soon"],
            "error: 'proxy-read-timeout' must be whole seconds without a unit, not 'soon', write \"60\""
        ),
        (
            ["proxy-read-timeout: '99999999'"],
            "note: 'proxy-read-timeout' is longer than any timeout here, so it is 168h"
        ),
        (["proxy-body-size: lots"], "error: 'proxy-body-size' must be a size such as \"50m\", not 'lots'"),
        (["proxy-body-size: 50MiB"], "error: 'proxy-body-size' must be a size such as \"50m\", not '50MiB'"),
        (
            ["proxy-body-size: 9999999999999999999g"],
            "error: 'proxy-body-size' must be a size such as \"50m\", not '9999999999999999999g'"
        ),
        (["enable-cors: 'yes'"], "error: 'enable-cors' must be \"true\" or \"false\", not 'yes'"),
        (["enable-cors: ''"], "error: 'enable-cors' is empty, write a value or leave it out"),
        (["enable-cors: [a]"], "error: 'enable-cors' must be text, not a list, write it in quotes"),
        (["enable-cors: ~"], "error: 'enable-cors' must be text, not nothing, write it in quotes"),
        (["enable-cros: 'true'"], "error: ingress-nginx has no annotation 'enable-cros', did you mean 'enable-cors'?"),
        (["frobnicate: 'true'"], "error: ingress-nginx has no annotation 'frobnicate', leave it out"),
        (
            ["enable-cors: 'true'", "cors-allow-origin: example.com"],
            "error: 'cors-allow-origin': 'example.com' is no origin, write one such as https://example.com or https://*.example.com"
        ),
        (
            ["cors-allow-methods: 'GET, P UT'"],
            "error: 'cors-allow-methods': 'P UT' is no method, write one such as GET"
        ),
        (
            ["cors-allow-headers: 'a b'"],
            "error: 'cors-allow-headers': 'a b' is no header name, write one such as Content-Type"
        ),
        (
            ["auth-type: digest"],
            "error: digest authentication is not done here, write \"basic\" and passwords hashed by 'sluice passwd'"
        ),
        (["auth-type: basic"], "error: 'auth-type' needs users, add 'auth-secret' and the Secret that it names"),
        (["auth-secret: users"], "error: 'auth-secret' asks for no password by itself, add 'auth-type: basic'"),
        (
            ["auth-type: basic", "auth-secret: users"],
            "error: there is no Secret 'default/users' in the files, add its manifest to them"
        ),
        (
            ["auth-type: basic", "auth-secret: a/b/c"],
            "error: 'auth-secret' must be the name of a Secret, or namespace/name"
        ),
        (
            ["backend-protocol: FCGI"],
            "error: 'backend-protocol' must be HTTP, HTTPS, GRPC or GRPCS, not 'FCGI', write one of them"
        ),
        (
            ["backend-protocol: AUTO_HTTP"],
            "error: 'AUTO_HTTP' leaves the scheme to the client, write \"HTTP\" or \"HTTPS\""
        ),
        (
            ["upstream-hash-by: $request_uri"],
            "error: 'upstream-hash-by' has '$request_uri', write $remote_addr, one header such as $http_x_user or one cookie such as $cookie_session"
        ),
        (
            ["upstream-hash-by: $http_a$http_b"],
            "error: 'upstream-hash-by' has '$http_a$http_b', write $remote_addr, one header such as $http_x_user or one cookie such as $cookie_session"
        ),
        (
            ["load-balance: fastest"],
            "error: 'load-balance' must be round_robin, ewma, least_conn or ip_hash, not 'fastest'"
        ),
        (
            ["mirror-target: https://shadow.example.com"],
            "error: 'mirror-target' must end in $request_uri, because copies keep their path, write it such as https://shadow.example.com$request_uri"
        ),
        (
            ["mirror-target: shadow$request_uri"],
            "error: 'mirror-target' has no scheme, write it such as https://shadow.example.com$request_uri"
        ),
        (
            ["mirror-target: 'http://a b$request_uri'"],
            "error: 'mirror-target': 'a b' is no host, write it such as https://shadow.example.com$request_uri"
        ),
        (
            ["mirror-target: 'http://shadow:0$request_uri'"],
            "error: 'mirror-target': 'shadow:0' is no host, write it such as https://shadow.example.com$request_uri"
        ),
        (
            ["mirror-request-body: 'off'"],
            "error: 'mirror-request-body' cannot be \"off\": copies are whole, leave it out"
        ),
        (
            ["mirror-host: x.example.com"],
            "error: 'mirror-host' cannot be set: leave it out, copies have the host of the request with '-shadow' behind it"
        ),
        (
            ["whitelist-source-range: 10.0.0.0/33"],
            "error: 'whitelist-source-range': '10.0.0.0/33' is no network, write an address and a prefix length such as 10.0.0.0/8"
        ),
        (
            ["denylist-source-range: ','"],
            "error: 'denylist-source-range' has no items, write them with commas between or leave it out"
        ),
        (
            ["limit-rps: '10'", "limit-rpm: '10'"],
            "error: a route has one limit: keep one of 'limit-rps' and 'limit-rpm'"
        ),
        (["limit-rps: many"], "error: 'limit-rps' must be a whole number from 0 to 1000000, not 'many'"),
        (
            ["proxy-next-upstream-tries: '0'"],
            "error: 'proxy-next-upstream-tries' cannot be unlimited, write \"1\" to \"11\""
        ),
        (
            ["proxy-next-upstream: error sometimes"],
            "error: 'proxy-next-upstream' has 'sometimes', write error, timeout, off or statuses such as http_503"
        ),
        (
            ["proxy-next-upstream: error non_idempotent"],
            "error: 'non_idempotent' may run a request twice: leave it out, and write 'retries: { inference: true }' in a native route for inferences, which may be"
        ),
        (
            ["rewrite-target: /$host"],
            "error: 'rewrite-target' may hold $1 to $9 for what the groups of the path have taken, and no other variables, not '/$host'"
        ),
        (
            ["rewrite-target: '/a?b=c'"],
            "error: 'rewrite-target' may hold $1 to $9 for what the groups of the path have taken, and no other variables, not '/a?b=c'"
        ),
        (["rewrite-target: https://x/y"], "error: 'rewrite-target' is a URL, write it as 'temporal-redirect'"),
        (
            ["rewrite-target: '/a b'"],
            "error: 'rewrite-target' has a blank, control or non-ASCII character, write it percent-encoded"
        ),
        (["app-root: start"], "error: 'app-root' must begin with '/', write '/start'"),
        (
            ["permanent-redirect: there"],
            "error: 'permanent-redirect': 'there' is no URL, write a URL such as https://example.com/new, or https://example.com$request_uri to keep the path"
        ),
        (
            ["permanent-redirect: 'https://x.com/$uri'"],
            "error: 'permanent-redirect': of nginx's variables only $request_uri at the end is known, write a URL such as https://example.com/new, or https://example.com$request_uri to keep the path"
        ),
        (
            ["temporal-redirect-code: '304'"],
            "error: 'temporal-redirect-code' must be 301, 302, 303, 307 or 308, not 304"
        ),
        (
            ["upstream-vhost: $service_name"],
            "error: 'upstream-vhost' must be a host name, not '$service_name'; variables of nginx are not known"
        ),
        (["server-alias: '~^www'"], "error: 'server-alias': '~^www' is no host name, write names with commas between"),
        (
            ["canary-weight: '10'"],
            "error: 'canary-weight' means nothing by itself, add 'canary: \"true\"' or leave it out"
        ),
        (["affinity: ip"], "error: 'affinity' must be cookie, not 'ip'"),
        (
            ["affinity: cookie", "session-cookie-name: 'a b'"],
            "error: 'a b' is no name of a cookie, write one such as route"
        ),
        (
            ["proxy-ssl-verify: 'off'", "backend-protocol: https"],
            "error: 'proxy-ssl-verify' cannot be \"off\": leave it out and give the service a certificate for its name, or write a native backend with 'tls: { ca: … }'"
        ),
        (
            ["x-forwarded-prefix: /a"],
            "note: 'x-forwarded-prefix' does nothing without 'rewrite-target', in nginx neither"
        ),
        (
            ["limit-connections: '5'"],
            "error: 'limit-connections' counts connections, which the listener does here: leave it out and write 'perClient' in the listener's 'limits'"
        ),
        (
            ["auth-url: http://auth/"],
            "error: 'auth-url' asks another service who gets through, which is not done here: use 'auth-type: basic' with a Secret, or put an authenticating proxy between the gateway and the service"
        ),
        (
            ["backend-protocol: HTTPS"],
            "warning: the service's certificate is verified, which ingress-nginx did not do: it needs one for its name from an authority that the system trusts"
        ),
        (
            ["proxy-buffering: 'on'"],
            "note: 'proxy-buffering' does nothing here: bodies are passed on as they arrive and nothing is buffered"
        ),
    ])
    func isToldOf(annotations: [String], message: String) throws {
        let said = try IngressText(annotations: annotations).said()
        #expect(said == [message])
    }

    /// Values that ask for nothing, or for what is so anyway.
    @Test(arguments: [
        "proxy-buffering: 'off'", "proxy-request-buffering: 'off'", "satisfy: all", "limit-connections: '0'",
        "enable-modsecurity: 'false'", "ssl-passthrough: 'false'", "proxy-http-version: '1.1'", "limit-rps: '0'",
        "enable-access-log: 'true'", "proxy-redirect-from: default", "service-upstream: 'True'", "canary: 'false'",
        "enable-cors: 'false'", "proxy-next-upstream: 'off'", "force-ssl-redirect: 'false'", "use-regex: 'false'",
        "proxy-body-size: '0'", "upstream-hash-by: $binary_remote_addr", "canary-weight: '0'",
        "affinity-mode: balanced",
    ])
    func isNotSpokenOf(annotation: String) throws {
        #expect(try IngressText(annotations: [annotation]).said() == [])
    }

    /// Each refused annotation says so, at its place, and none is forgotten.
    @Test func refusals() throws {
        let refused = AnnotationTable.treatments.filter { if case .refused = $0.value { true } else { false } }.keys
            .sorted()
        let said = try IngressText(annotations: refused.map { "\($0): something" }).said(withPlaces: true)
        #expect(said.count == refused.count && refused.count > 40)
        for (index, line) in said.enumerated() {
            #expect(line.hasPrefix("b.yaml:\(4 + index):5: error: '\(refused[index])' "))
        }
    }

    /// Nonsense in an annotation that is read is noticed, whatever stands beside it.
    @Test func nonsenseIsNoticed() throws {
        for (name, treatment) in AnnotationTable.treatments {
            guard case .read = treatment else { continue }
            let said = try IngressText(annotations: ["\(name): '\u{a7} \u{a7}'"]).said()
            #expect(!said.isEmpty, "\(name)")
        }
    }

    /// Each annotation stands in the section that says what becomes of it, and no other does.
    @Test func theTableIsInTheDocument() throws {
        let file = URL(fileURLWithPath: ExampleTests.repository + "/docs/from-ingress-nginx.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        var sections: [String: Set<String>] = [:]
        for section in text.components(separatedBy: "\n## ") {
            let title = section.prefix { $0 != "\n" }
            for line in section.split(separator: "\n") where line.hasPrefix("| `") {
                let cell = line.split(separator: "|")[0]
                for name in cell.matches(of: /`([a-z0-9-]+)`/) {
                    sections[String(title), default: []].insert(String(name.1))
                }
            }
        }
        var expected: [String: Set<String>] = [:]
        for (name, treatment) in AnnotationTable.treatments {
            let title =
                switch treatment {
                case .read where !AnnotationTable.snippets.contains(name): "Annotations that are carried over"
                case .read, .refused: "Annotations that are refused"
                case .idle: "Annotations that need nothing here"
                }
            expected[title, default: []].insert(name)
        }
        for (title, names) in expected {
            #expect(names.symmetricDifference(sections[title] ?? []) == [], "\(title)")
        }
    }
}
