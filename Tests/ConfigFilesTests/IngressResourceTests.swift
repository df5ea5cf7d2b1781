import Configuration
import Testing

@testable import ConfigFiles

/// What an Ingress is besides its annotations, and how several of them are put together.
@Suite struct IngressResourceTests {
    private static func canary(
        _ annotations: [String], name: String = "web-canary", service: String = "web-v2", path: String = "/"
    )
        -> String
    {
        let text = IngressText(annotations: ["canary: 'true'"] + annotations, name: name, path: path, service: service)
        return "---\n" + text.yaml
    }

    @Test(arguments: [
        (
            "no main Ingress", IngressText(others: canary(["canary-weight: '5'"], path: "/api")),
            [
                "b.yaml:24:19: error: this canary has no main Ingress: none has the host 'web.example.com', type Prefix and path '/api'; add it or leave out 'canary'"
            ]
        ),
        (
            "two canaries",
            IngressText(
                others: canary(["canary-weight: '5'"])
                    + canary(["canary-weight: '6'"], name: "other", service: "web-v3")),
            [
                "b.yaml:39:19: error: this path has a canary already, in line 24; ingress-nginx uses only one, keep one of them"
            ]
        ),
        (
            "the main service again", IngressText(others: canary(["canary-weight: '5'"], service: "web")),
            [
                "b.yaml:24:19: warning: the canary is the service that the path has anyway, so it does nothing; name another one"
            ]
        ),
        (
            "a canary without requests", IngressText(others: canary([])),
            [
                "b.yaml:16:5: warning: this canary gets no requests, add 'canary-weight', 'canary-by-header' or 'canary-by-cookie'"
            ]
        ),
        (
            "a small total", IngressText(others: canary(["canary-weight: '5'", "canary-weight-total: '10'"])),
            ["b.yaml:18:5: warning: a total below 100 counts as 100, in ingress-nginx too"]
        ),
        (
            "look-around", IngressText(others: canary(["canary-by-header: x", "canary-by-header-pattern: '(?=a)'"])),
            [
                "b.yaml:18:5: error: 'canary-by-header-pattern' is no regular expression here: look-ahead is not supported"
            ]
        ),
        (
            "a path twice", IngressText(others: "---\n" + IngressText(name: "other", service: "other").yaml),
            [
                "b.yaml:21:19: warning: the path '/' of this host is already in the Ingress 'default/web' in line 9, which gets its requests; leave one of them out"
            ]
        ),
        (
            "a wildcard", IngressText(host: "*.example.com"),
            ["b.yaml:6:13: note: '*.example.com' takes names of any depth here, not of one label alone"]
        ),
        (
            "no host", IngressText(host: "no host"),
            ["b.yaml:6:13: error: 'no host' is no host of a rule, write a name, or '*.' and a name"]
        ),
        (
            "an address", IngressText(host: "10.0.0.1"),
            ["b.yaml:6:13: error: '10.0.0.1' is no host of a rule, write a name, or '*.' and a name"]
        ),
        (
            "a path without a slash", IngressText(path: "api"),
            ["b.yaml:9:19: error: the path 'api' must begin with '/', write '/api'"]
        ),
        (
            "no type", IngressText(type: "~"),
            ["b.yaml:9:13: error: a path needs a type, write 'pathType: Prefix'"]
        ),
        (
            "another type", IngressText(type: "Regex"),
            ["b.yaml:10:23: error: 'pathType' must be Exact, Prefix or ImplementationSpecific, not 'Regex'"]
        ),
        (
            "alternatives", IngressText(annotations: ["use-regex: 'true'"], path: "/a|/b"),
            [
                "b.yaml:11:19: error: the path '/a|/b' has '|' outside of parentheses, put the alternatives into '(' and ')'"
            ]
        ),
        (
            "no expression", IngressText(annotations: ["use-regex: 'true'"], path: "/a("),
            [
                "b.yaml:11:19: error: the path '/a(' is no regular expression here: '(' without ')'; write '\\(' for the character"
            ]
        ),
    ])
    func isToldOf(title: String, text: IngressText, expected: [String]) throws {
        let said = try text.said(withPlaces: true)
        #expect(said == expected)
    }

    @Test(arguments: [
        (
            "rules: [{ http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { name: http } } } }] } }]",
            "error: the port 'http' has a name, which only Kubernetes knows, write 'number: 80', or where the service is: 'resolve: { web.default.svc.cluster.local: HOST:PORT }'"
        ),
        (
            "rules: [{ http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: {} } } }] } }]",
            "error: a port needs a number, write 'number: 80'"
        ),
        (
            "rules: [{ http: { paths: [{ path: /, pathType: Prefix, backend: { serviceName: web, servicePort: 80 } }] } }]",
            "error: 'serviceName' cannot be honoured: that is how networking.k8s.io/v1beta1 had it, write 'service: { name: …, port: { number: … } }'"
        ),
        (
            "rules: [{ http: { paths: [{ path: /, pathType: Prefix, backend: { resource: { kind: Bucket } } }] } }]",
            "error: 'resource' cannot be honoured: only services get requests, write 'service'"
        ),
        (
            "rules: [{ http: { paths: [{ path: /, pathType: Prefix }] } }]",
            "error: a path needs a backend, write 'backend: { service: … }'"
        ),
        ("rules: []", "error: Ingress 'default/web' has neither 'rules' nor 'defaultBackend', add one of them"),
        (
            "backend: {}",
            "error: unknown field 'backend', the fields of an Ingress are rules, defaultBackend, tls and ingressClassName"
        ),
        (
            "{ ingressClassName: traefik, defaultBackend: { service: { name: web, port: { number: 80 } } } }",
            "warning: the class 'traefik' may be meant for another controller; it is read as nginx would read it, leave the Ingress out if it is not for this gateway"
        ),
    ])
    func spec(text: String, message: String) throws {
        let spec = text.hasPrefix("{") ? text : "{ \(text) }"
        let yaml = """
            listeners: [{ address: 127.0.0.1:8080 }]
            ---
            apiVersion: networking.k8s.io/v1
            kind: Ingress
            metadata: { name: web, annotations: { nginx.ingress.kubernetes.io/proxy-body-size: "0" } }
            spec: \(spec)
            """
        let scratch = try ScratchDirectory(["sluice.yaml": yaml])
        let said = scratch.lines(scratch.load()).map {
            $0.split(separator: ": ", maxSplits: 1).last.map(String.init) ?? ""
        }
        #expect(said.contains(message), "\(said)")
    }

    /// Where `resolve` says where a service is, the name of its port is not asked.
    @Test func aPinnedServiceMayHaveANamedPort() throws {
        let yaml = """
            listeners: [{ address: 127.0.0.1:8080 }]
            resolve: { web: 127.0.0.1:9000 }
            ---
            apiVersion: networking.k8s.io/v1
            kind: Ingress
            metadata: { name: web }
            spec: { defaultBackend: { service: { name: web, port: { name: http } } } }
            """
        let scratch = try ScratchDirectory(["sluice.yaml": yaml])
        let gateway = try #require(scratch.load().gateway)
        #expect(
            gateway.backends.first?.endpoints.first?.address
                == .tcp(HostPort(host: "web.default.svc.cluster.local", port: 80)))
    }

    @Test func redirectsNeedSomebodyWhoSpeaksTLS() throws {
        let said = try IngressText(annotations: ["force-ssl-redirect: 'true'"]).said(withPlaces: true)
        #expect(
            said == [
                "b.yaml:4:5: warning: clients that speak http are sent to https, and no listener speaks it: give one 'tls', or write 'ssl-redirect: \"false\"'"
            ])
    }

    /// A Secret's mistakes are told without what it holds.
    @Test(arguments: [
        ("data: { auth: '!!!' }", "error: 'auth' is no text in base64, encode it or write it under 'stringData'"),
        (
            "stringData: { users: x }",
            "error: the Secret 'default/people' has no key 'auth', put lines of 'sluice passwd' there, or write 'auth-secret-type: auth-map' in the Ingress"
        ),
        (
            "stringData: { auth: 'ann' }",
            "error: line 1 of 'auth': no colon; a line is 'name:hash', as 'sluice passwd' writes it"
        ),
        ("stringData: { auth: '' }", "warning: the Secret 'default/people' has no users, so nobody gets through"),
        ("stringData: { auth: [] }", "error: 'auth' of a Secret must be text, not a list"),
        ("strings: {}", "error: unknown field 'strings' of a Secret, leave it out"),
    ])
    func secrets(body: String, message: String) throws {
        let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: { name: people }\n\(body)\n"
        let said = try IngressText(annotations: ["auth-type: basic", "auth-secret: people"], others: secret).said()
        #expect(said.contains(message), "\(said)")
    }

    @Test func stringDataWins() throws {
        let secret = """
            ---
            apiVersion: v1
            kind: Secret
            metadata: { name: people }
            type: Opaque
            data: { auth: YW5uOntTSEF9VzZwaDVNbTVQejhHZ2lVTGJQZ3pHMzdtajlnPQ== }
            stringData: { auth: "bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=" }
            """
        let text = IngressText(annotations: ["auth-type: basic", "auth-secret: default/people"], others: secret)
        let gateway = try #require(try text.loaded().outcome.gateway)
        #expect(gateway.routes.first?.basicAuth?.users.keys.sorted() == ["bob"])
    }

    @Test(arguments: [
        ("50m", Int64(50) << 20), ("1K", 1 << 10), ("2g", 2 << 30), ("7", 7), ("8b", 8), ("", nil), ("m", nil),
        ("-1", nil),
        ("1.5m", nil), ("99999999999g", nil), ("1mm", nil),
    ])
    func sizes(text: String, bytes: Int64?) { #expect(AnnotationText.size(text) == bytes) }
}
