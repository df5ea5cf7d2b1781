import Explanation
import Testing

/// What policies do to a request, and what endpoints get.
struct PolicyTextTests {
    static let yaml = """
        listeners:
          - { name: public, address: 0.0.0.0:8080, trustedProxies: [10.9.0.0/16] }
        backends:
          stable: { endpoints: [127.0.0.1:8000], triton: { grpcPort: 8001 } }
          canary: { endpoints: [127.0.0.1:8100], triton: { grpcPort: 8101 } }
          shadow: { endpoints: [127.0.0.1:8200], triton: { grpcPort: 8201 } }
        routes:
          - name: densenet
            match: [{ path: { prefix: /v2/models/densenet } }, { path: { prefix: /api/densenet } }]
            cors: { allowOrigins: ["https://*.example.com"], allowMethods: [GET, POST], allowHeaders: ["*"], allowCredentials: true, maxAge: 10m }
            basicAuth:
              realm: Inference
              users:
                ann: "$2y$04$5DSh9X6rMB3lpKPBX1yFjuAhBZVQfGJVJ9fFHZYPRf9Kc.6C7FS0q"
                bob: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="
              allow: [ann, bob]
              forwardUser: x-user
            rateLimit: { requests: 100, per: 1s, burst: 200, key: user }
            rewrite: { prefix: /v2/models/densenet, host: triton.internal }
            requestHeaders: { set: { x-who: "%{user} at %{client.address} by %{route}" }, remove: [x-debug] }
            responseHeaders: { remove: [server] }
            backends:
              - { name: stable, weight: 90, version: "1" }
              - { name: canary, weight: 10, as: v2, model: densenet_v2, version: "2", requestHeaders: { set: { x-canary: "%{backend}" } }, responseHeaders: { add: { x-side: v2 } } }
            sticky: { header: x-user-id }
            whenDown: fail
            mirrors: [{ backend: shadow, percent: 12.5, requestHeaders: { set: { x-copy: "%{backend}" } } }, { backend: canary }]
            timeout: 300s
            idleTimeout: 1m
            priority: high
            maxBodySize: 50MiB
            retries: { attempts: 2, on: [connectFailure, timeout, 503], perTryTimeout: 2s }
            fault: { delay: { percent: 1, duration: 2s }, abort: { percent: 0.05, status: 503 } }
          - name: internal
            match: [{ path: { prefix: /admin } }]
            denyFrom: [10.6.6.6]
            allowFrom: [10.0.0.0/8, "2001:db8::/32"]
            redirect: { scheme: https, host: ops.example.com, prefix: /console, code: 302 }
            responseHeaders: { set: { x-frame-options: DENY } }
          - name: broken
            match: [{ path: { prefix: /broken } }]
            backends: [{ name: stable }]
            fault: { abort: { percent: 100, grpcStatus: 14 } }
          - name: calls
            match: [{ path: { prefix: /inference.GRPCInferenceService } }]
            backends: [{ name: stable, model: other, version: "1" }]
            maxBodySize: 1MiB
            sticky: { cookie: side, ttl: 1h }
          - name: addresses
            rateLimit: { requests: 1, per: 1m, burst: 5, key: clientAddress }
            basicAuth: { users: { bob: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" } }
            sticky: { clientAddress: true }
            backends: [{ name: stable }, { name: canary }]
        """
    let asking: Asking

    init() throws { asking = try Asking(Self.yaml) }

    @Test func allOfThem() throws {
        let text = try asking.explain(
            "POST http://models.example.com/api/densenet/infer?x=1", "x-debug: 1", "x-user-id: 7", "X-User: root",
            user: "ann", client: "10.1.2.3"
        ).text()
        #expect(
            text == """
                POST http://models.example.com/api/densenet/infer?x=1
                  over http by listener public (0.0.0.0:8080), from 10.1.2.3, as ann

                  densenet  takes it: match 2 of 2, path prefix /api/densenet
                  later     addresses would take it too

                → densenet: stable
                  cors             no Origin, nothing to say
                  basicAuth        ann with the right password, realm Inference
                  rateLimit        100 in 1s, up to 200 at once, for each user (ann)
                  responseHeaders  remove server
                  priority         high, in the queue of the backend
                  timeout          5m for the whole exchange
                  idleTimeout      1m without a byte either way
                  maxBodySize      50MiB
                  retries          2 more tries after connectFailure, timeout or 503, 2s each, within 20 % of the requests
                  fault            1 % wait 2s, 0.05 % end with status 503
                  sticky           by header x-user-id
                  whenDown         fail: the share of an entry that is down is answered 503
                  backends         90 %  stable       127.0.0.1:8000  ← this request
                                         path /v2/models/densenet/versions/1/infer?x=1
                                   10 %  v2 (canary)  127.0.0.1:8100
                                         path /v2/models/densenet_v2/versions/2/infer?x=1
                                         x-canary: v2
                                         answers: add x-side: v2
                  sends            Host: triton.internal
                                   x-who: ann at 10.1.2.3 by densenet
                                   x-user: ann
                                   without x-debug
                                   without Authorization
                  mirrors          12.5 %  shadow  127.0.0.1:8200
                                           path /v2/models/densenet/infer?x=1
                                           x-copy: shadow
                                    100 %  canary  127.0.0.1:8100
                                           path /v2/models/densenet/infer?x=1

                """)
    }

    @Test(
        arguments: [
            (nil, "401 unauthorized: no credentials, -u USER gives some, realm Inference", false),
            ("eve", "401 unauthorized: there is no user eve, realm Inference", false),
            ("bob", "bob with the right password, realm Inference", true),
            ("bob:secret", "401 unauthorized: the password of bob is wrong, realm Inference", false),
            ("bob:test", "bob, realm Inference", true),
        ] as [(String?, String, Bool)])
    func credentials(_ user: String?, _ words: String, _ passes: Bool) throws {
        let explanation = try asking.explain("http://h/v2/models/densenet", user: user)
        #expect(explanation.isAnswered == passes)
        #expect(explanation.text().contains("\n  basicAuth        \(words)\n"), "\(explanation.text())")
    }

    @Test func credentialsThatCannotBeRead() throws {
        for header in ["Authorization: Basic !", "Authorization: Bearer x"] {
            let explanation = try asking.explain("http://h/v2/models/densenet", header)
            #expect(try explanation.policy("basicAuth").says.hasPrefix("the Authorization header cannot be read"))
        }
    }

    @Test func whoIsNotAllowed() throws {
        let asking = try Asking(Self.yaml.replacing("allow: [ann, bob]", with: "allow: [ann]"))
        let explanation = try asking.explain("http://h/v2/models/densenet", user: "bob:test")
        #expect(explanation.text().contains("→ densenet: 403 forbidden by basicAuth; what passes gets stable or v2\n"))
        #expect(explanation.text().contains("403 forbidden: bob is not allowed, ann is\n"))
    }

    @Test func aPreflightIsAnsweredBeforeCredentialsAreAskedFor() throws {
        let explanation = try asking.explain(
            "OPTIONS http://h/v2/models/densenet", "Origin: https://a.example.com",
            "Access-Control-Request-Method: POST",
            "Access-Control-Request-Headers: x-a")
        #expect(explanation.isAnswered)
        let text = explanation.text()
        #expect(
            text.contains(
                """
                → densenet: 204 by cors; what passes gets stable or v2
                  cors             204: a preflight, https://a.example.com is told what it may do
                                   Access-Control-Allow-Methods: GET, POST

                """), "\(text)")
        #expect(text.contains("\n                   Access-Control-Allow-Origin: https://a.example.com\n"))
        #expect(text.contains("\n  basicAuth        401 unauthorized"))
        let elsewhere = try asking.explain("http://h/v2/models/densenet", "Origin: https://evil.com", user: "ann")
        #expect(try elsewhere.policy("cors").says == "https://evil.com is not allowed")
    }

    @Test(
        arguments: [
            ("10.6.6.6", "→ internal: 403 forbidden by denyFrom; what passes gets 302", false),
            ("192.0.2.1", "→ internal: 403 forbidden by allowFrom; what passes gets 302", false),
            ("10.1.2.3", "→ internal: 302 to https://ops.example.com/console/x?y=1\n", true),
            ("2001:db8::7", "→ internal: 302 to https://ops.example.com/console/x?y=1\n", true),
            (
                nil,
                "→ internal: 302 to https://ops.example.com/console/x?y=1, if denyFrom and allowFrom let it through\n",
                false
            ),
        ] as [(String?, String, Bool)])
    func addresses(_ client: String?, _ words: String, _ passes: Bool) throws {
        let explanation = try asking.explain("http://h/admin/x?y=1", client: client)
        #expect(explanation.text().contains(words), "\(explanation.text())")
        #expect(explanation.text().contains("\n  headers    x-frame-options: DENY\n"))
        #expect(explanation.isAnswered == passes)
    }

    @Test func theClientBehindATrustedProxy() throws {
        let trusted = try asking.explain("http://h/admin", "X-Forwarded-For: 10.6.6.6", client: "10.9.0.1")
        #expect(try trusted.policy("denyFrom").says == "10.6.6.6 is in 10.6.6.6")
        let other = try asking.explain("http://h/admin", "X-Forwarded-For: 10.6.6.6", client: "10.8.0.1")
        #expect(try other.policy("denyFrom").says == "10.8.0.1 is not in 10.6.6.6")
    }

    @Test func addressesAreCountedBeforeCredentialsAreAskedFor() throws {
        let explanation = try asking.explain("http://h/", user: "bob", client: "192.0.2.7")
        guard case .route(let decision) = explanation.outcome else { return }
        #expect(decision.policies.map(\.key) == ["rateLimit", "basicAuth", "sticky"])
        #expect(decision.policies.first?.says == "1 in 1m, up to 5 at once, for each client address (192.0.2.7)")
    }

    @Test func aBodyThatIsTooLarge() throws {
        let explanation = try asking.explain(
            "POST http://h/v2/models/densenet", "content-length: 52428801", user: "ann")
        #expect(explanation.text().contains("→ densenet: 413 body_too_large by maxBodySize;"))
        #expect(try explanation.policy("maxBodySize").says == "a body of 52428801 bytes is more than 50MiB")
        let fits = try asking.explain("POST http://h/v2/models/densenet", "content-length: 52428800", user: "ann")
        #expect(fits.isAnswered)
    }

    @Test func aFaultThatIsCertain() throws {
        let explanation = try asking.explain("http://h/broken")
        #expect(!explanation.isAnswered)
        #expect(explanation.text().contains("→ broken: 503 fault by fault; what passes gets stable\n"))
    }

    @Test func callsAreSentToTheirPortWithTheModelOfTheEntry() throws {
        let explanation = try asking.explain("POST http://h/inference.GRPCInferenceService/ModelInfer", model: "m:3")
        #expect(
            explanation.text().hasSuffix(
                """
                → calls: stable
                  maxBodySize  1MiB for each message
                  sticky       gets a cookie side and stays where it goes
                  backends     100 %  stable  127.0.0.1:8001
                  sends        messages name model other
                               messages name version 1

                """), "\(explanation.text())")
    }

    /// The same key always goes to the same entry, and the weights say to which.
    @Test func stickyRequestsFollowTheirKey() throws {
        var chosen: [String: Int] = [:]
        for key in 0..<100 {
            let explanation = try asking.explain("http://h/v2/models/densenet", "x-user-id: \(key)", user: "ann")
            guard case .route(let decision) = explanation.outcome, case .forward(let forward) = decision.action else {
                continue
            }
            chosen[try #require(forward.entries.first { $0.isChosen }).label, default: 0] += 1
        }
        #expect((75...98).contains(chosen["stable"] ?? 0) && chosen.values.reduce(0, +) == 100, "\(chosen)")
    }

    @Test func namesThatArePinned() throws {
        let asking = try Asking(
            """
            listeners: [{ address: 127.0.0.1:80 }]
            resolve: { triton.ml.svc.cluster.local: 10.0.0.7:9000 }
            backends: { a: { endpoints: [triton.ml.svc.cluster.local:8000, other:8000], triton: { grpcPort: 8001 } } }
            routes: [{ name: r, backends: [{ name: a }] }]
            """)
        let plain = try asking.explain("/").text()
        #expect(
            plain.contains("100 %  a  triton.ml.svc.cluster.local:8000 at 10.0.0.7:9000 and other:8000\n"), "\(plain)")
        let call = try asking.explain("POST /a.B/C", "content-type: application/grpc").text()
        #expect(
            call.contains("100 %  a  triton.ml.svc.cluster.local:8001 at 10.0.0.7:8001 and other:8001\n"), "\(call)")
    }

    @Test func podsOfAService() throws {
        let asking = try Asking(
            """
            listeners: [{ address: 127.0.0.1:80 }]
            backends:
              a: { endpoints: [{ kubernetes: { namespace: ml, service: triton, port: http } }], triton: { grpcPort: 8001 } }
              b: { endpoints: [{ kubernetes: { namespace: ml, service: triton, port: http } }] }
            routes:
              - { name: b, match: [{ path: { prefix: /b } }], backends: [{ name: b }] }
              - { name: r, backends: [{ name: a }] }
            """)
        #expect(try asking.explain("/").text().contains("100 %  a  pods of ml/triton, port http\n"))
        let call = try asking.explain("POST /a.B/C", "content-type: application/grpc").text()
        #expect(call.contains("100 %  a  pods of ml/triton, port 8001\n"), "\(call)")
        let none = try asking.explain("POST /b/C", "content-type: application/grpc").text()
        #expect(none.contains("501 not_implemented, this backend speaks no gRPC"), "\(none)")
    }

    @Test func pathsThatCannotBeMade() throws {
        let asking = try Asking(
            """
            listeners: [{ address: 127.0.0.1:80 }]
            backends: { a: { endpoints: [127.0.0.1:8000] } }
            routes:
              - { name: r, backends: [{ name: a }], rewrite: { regex: { match: "x", replace: "/." } } }
            """)
        #expect(try asking.explain("http://h/ax.b").isAnswered)
        let refused = try asking.explain("http://h/ax./b")
        #expect(refused.text().contains("400 bad_request, the path cannot be rewritten"), "\(refused.text())")
        #expect(!refused.isAnswered)
    }
}
