import Explanation
import Testing

/// Which routes took a request and which did not, word for word.
struct RoutingTextTests {
    static let yaml = """
        listeners:
          - { name: public, address: 0.0.0.0:8080 }
        backends:
          stable: { endpoints: [127.0.0.1:8000, 127.0.0.2:8000] }
          canary: { endpoints: [127.0.0.1:8100] }
          shadow: { endpoints: [127.0.0.1:8200] }
        routes:
          - name: hello
            match: [{ path: { exact: /hello } }]
            respond: { status: 200, body: hi }
          - name: gold
            hosts: [models.example.com]
            match:
              - { path: { prefix: /v2/models }, headers: { x-tenant: gold, authorization: { prefix: "Basic " } } }
              - { path: { prefix: /v2/models }, method: PUT, query: { debug: "1" } }
              - { path: { exact: /v2 } }
            backends: [{ name: stable }]
          - name: densenet
            match: [{ path: { prefix: /v2/models }, model: densenet_onnx }]
            backends:
              - { name: stable, weight: 2 }
              - { name: canary, weight: 1, as: v2 }
            mirrors: [{ backend: shadow, percent: 12.5 }]
          - name: rest
            backends: [{ name: stable }]
        """

    @Test func everyRouteSaysWhyNot() throws {
        let text = try Asking(Self.yaml).explain(
            "POST http://models.example.com/v2/models/densenet_onnx/infer?debug=0", "X-Tenant: silver",
            "Authorization: Bearer secret"
        ).text()
        #expect(
            text == """
                POST http://models.example.com/v2/models/densenet_onnx/infer?debug=0
                  over http by listener public (0.0.0.0:8080), for model densenet_onnx

                  hello     path is /v2/models/densenet_onnx/infer, wants exact /hello
                  gold      match 1: header x-tenant is silver, wants exact gold; header authorization is Bearer …, wants
                            prefix Basic …
                            match 2: method is POST, wants PUT; query debug is 0, wants exact 1
                            the other is for another path
                  densenet  takes it: path prefix /v2/models, model densenet_onnx
                  later     rest would take it too

                → densenet: stable or v2
                  backends  66.7 %  stable       127.0.0.1:8000 and 127.0.0.2:8000, where densenet_onnx is READY
                            33.3 %  v2 (canary)  127.0.0.1:8100
                  mirrors   12.5 %  shadow  127.0.0.1:8200

                """)
    }

    @Test func otherHostsAndPathsInOneLine() throws {
        let asking = try Asking(Self.yaml.replacing("  - name: rest\n    backends: [{ name: stable }]", with: ""))
        #expect(
            try asking.explain("http://other/v3").text() == """
                GET http://other/v3
                  over http by listener public (0.0.0.0:8080)

                  hello     path is /v3, wants exact /hello
                  gold      host is other, wants models.example.com
                  densenet  path is /v3, wants prefix /v2/models

                No route: 404 no_route, nothing is served at this address

                """)
        let gold = try asking.explain("http://models.example.com/v3").text()
        #expect(gold.contains("gold      path is /v3, wants prefix /v2/models, prefix /v2/models or exact /v2\n"))
    }

    @Test func aRouteForEverything() throws {
        let rest = try Asking(Self.yaml).explain("/elsewhere")
        #expect(rest.isAnswered)
        #expect(rest.text().contains("  rest      takes it, as any request\n\n→ rest: stable\n"))
        let hello = try Asking(Self.yaml).explain("/hello")
        #expect(hello.isAnswered && hello.text().contains("→ hello: 200, written in the configuration\n"))
    }

    @Test(arguments: [
        ("http://h/a/../b", "400 bad_request, a dot segment in the path"),
        ("http://h/a%2fb", "400 bad_request, an encoded slash, backslash or NUL in the path"),
        ("http://h:x/", "400 bad_request, an invalid Host"),
        ("TRACE http://h/", "501 not_implemented, CONNECT and TRACE are not served"),
        (
            "http://h/" + String(repeating: "a", count: 70_000),
            "414 uri_too_long, the request line is longer than the limit"
        ),
    ])
    func refusedBeforeAnyRoute(_ request: String, _ words: String) throws {
        let explanation = try Asking(Self.yaml).explain(request)
        #expect(!explanation.isAnswered && explanation.trials.isEmpty)
        #expect(explanation.text().hasSuffix("\n\nRefused before any route: \(words)\n"))
    }

    @Test func headersThatAreRefused() throws {
        let twice = try Asking(Self.yaml).explain("http://h/", "Host: a", "Host: b")
        #expect(twice.text().hasSuffix("Refused before any route: 400 bad_request, more than one Host\n"))
        let timeout = try Asking(Self.yaml).explain(
            "POST http://h/a.B/C", "content-type: application/grpc", "grpc-timeout: soon")
        #expect(timeout.text().hasSuffix("400 bad_request, grpc-timeout is no time\n"))
    }

    @Test func whatTheGatewayAnswersItself() throws {
        let options = try Asking(Self.yaml).explain("OPTIONS *")
        #expect(options.text().hasSuffix("Answered by the gateway itself: 200, with the methods it serves\n"))
    }

    // MARK: gRPC

    static let call = "POST http://h/inference.GRPCInferenceService/ModelInfer"
    static let calls = """
        backends:
          a: { endpoints: [127.0.0.1:8000], triton: { grpcPort: 8001 } }
          b: { endpoints: [127.0.0.1:8100] }
        routes:
          - { name: new, match: [{ model: m, version: "2" }], backends: [{ name: a }] }
          - { name: old, match: [{ model: m }], backends: [{ name: a }] }
          - { name: rest, backends: [{ name: b }] }
        listeners: [{ address: 127.0.0.1:80 }]
        """

    @Test func theModelInTheMessageIsUnknown() throws {
        let explanation = try Asking(Self.calls).explain(Self.call, "content-type: application/grpc")
        #expect(!explanation.isAnswered)
        #expect(
            explanation.text() == """
                POST http://h/inference.GRPCInferenceService/ModelInfer
                  over http by listener 127.0.0.1:80, a gRPC call

                  new   takes it if the message names model m and version 2
                  old   takes it if the message names model m
                  rest  takes it, as any request

                It depends on the model that the message names, which --grpc-model NAME[:VERSION] says:
                  new, old or rest

                """)
    }

    @Test func theModelInTheMessageIsKnown() throws {
        let asking = try Asking(Self.calls)
        let old = try asking.explain(Self.call, model: "m:1")
        #expect(
            old.text() == """
                POST http://h/inference.GRPCInferenceService/ModelInfer
                  over http by listener 127.0.0.1:80, a gRPC call, for model m version 1

                  new    version is 1, wants 2
                  old    takes it: model m
                  later  rest would take it too

                → old: a
                  backends  100 %  a  127.0.0.1:8001

                """)
        let rest = try asking.explain(Self.call, model: "n")
        #expect(!rest.isAnswered && rest.text().contains("501 not_implemented, this backend speaks no gRPC\n"))
    }

    @Test func theModelDoesNotMatterToOtherCalls() throws {
        let live = try Asking(Self.calls).explain(
            "POST http://h/inference.GRPCInferenceService/ServerLive", "content-type: application/grpc")
        #expect(live.text().contains("  new   model is missing, wants m; version is missing, wants 2\n"))
    }

    // MARK: Many

    @Test func thousandsOfRoutesStayAScreen() throws {
        let many = (0..<1000).map {
            "  - { name: r\($0), match: [{ path: { exact: /p\($0) } }], respond: { status: 200 } }"
        }
        let near = "  - { name: near, match: [{ path: { prefix: /v2 }, method: PUT }], respond: { status: 200 } }"
        let yaml = "listeners: [{ address: 127.0.0.1:80 }]\nroutes:\n"
        let asking = try Asking(yaml + (many[..<100] + [near] + many[100...]).joined(separator: "\n"))
        let explanation = try asking.explain("/v2/x")
        #expect(
            explanation.text().split(separator: "\n", omittingEmptySubsequences: false).dropFirst(3).joined(
                separator: "\n") == """
                      r0          path is /v2/x, wants exact /p0
                      … 99 more   host or path differs; --all shows them
                      near        method is GET, wants PUT
                      … 900 more  host or path differs; --all shows them

                    No route: 404 no_route, nothing is served at this address

                    """)
        #expect(explanation.text(isWhole: true).split(separator: "\n").count == 1001 + 3)
    }

    @Test func manyAlternativesStayAScreen() throws {
        let matches = (0..<1000).map { "{ path: { prefix: /v2 }, headers: { x-a: v\($0) } }" }.joined(separator: ", ")
        let asking = try Asking(
            "listeners: [{ address: 127.0.0.1:80 }]\nroutes: [{ name: r, match: [\(matches)], respond: { status: 200 } }]"
        )
        let text = try asking.explain("/v2").text()
        #expect(text.contains("     match 8: header x-a is missing, wants exact v7\n     992 others come as near;"))
        #expect(text.split(separator: "\n").count < 20)
    }

    @Test func longNamesDoNotPushTheRestAside() throws {
        let name = "kafka-dev/a-very-long-virtual-service-name/rule-1"
        let asking = try Asking(
            """
            listeners: [{ address: 127.0.0.1:80 }]
            routes:
              - { name: \(name), match: [{ path: { exact: /a } }], respond: { status: 200 } }
              - { name: short, respond: { status: 200 } }
            """)
        #expect(
            try asking.explain("/b").text().contains(
                "\n  \(name)\n         path is /b, wants exact /a\n  short  takes it, as any request\n"))
    }
}
