import Explanation
import Foundation
import Testing

/// What programs read. Keys that are there stay.
struct JSONTests {
    private func parsed(_ explanation: Explanation) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(explanation.json.utf8)) as? [String: Any])
    }

    @Test func aRouteThatIsTaken() throws {
        let json = try Asking(RoutingTextTests.yaml).explain(
            "POST http://models.example.com:8080/v2/models/densenet_onnx/infer?debug=0", "X-Tenant: silver",
            "x-request-id: 7", client: "192.0.2.7"
        ).json
        #expect(
            json == #"""
                {
                  "request": {
                    "method": "POST",
                    "url": "http://models.example.com:8080/v2/models/densenet_onnx/infer?debug=0",
                    "scheme": "http",
                    "host": "models.example.com",
                    "path": "/v2/models/densenet_onnx/infer",
                    "listener": { "name": "public", "address": "0.0.0.0:8080" },
                    "client": "192.0.2.7",
                    "user": null,
                    "grpc": false,
                    "model": { "name": "densenet_onnx", "version": "" }
                  },
                  "routes": [
                    {
                      "route": "hello",
                      "verdict": "refused",
                      "match": null,
                      "hosts": null,
                      "matches": [
                        [
                          {
                            "of": "path",
                            "wanted": "exact /hello",
                            "seen": "/v2/models/densenet_onnx/infer",
                            "outcome": "fails"
                          }
                        ]
                      ]
                    },
                    {
                      "route": "gold",
                      "verdict": "refused",
                      "match": null,
                      "hosts": {
                        "of": "host",
                        "wanted": "models.example.com",
                        "seen": "models.example.com",
                        "outcome": "holds"
                      },
                      "matches": [
                        [
                          {
                            "of": "path",
                            "wanted": "prefix /v2/models",
                            "seen": "/v2/models/densenet_onnx/infer",
                            "outcome": "holds"
                          },
                          { "of": "header x-tenant", "wanted": "exact gold", "seen": "silver", "outcome": "fails" },
                          {
                            "of": "header authorization",
                            "wanted": "prefix Basic …",
                            "seen": null,
                            "outcome": "fails"
                          }
                        ],
                        [
                          {
                            "of": "path",
                            "wanted": "prefix /v2/models",
                            "seen": "/v2/models/densenet_onnx/infer",
                            "outcome": "holds"
                          },
                          { "of": "method", "wanted": "PUT", "seen": "POST", "outcome": "fails" },
                          { "of": "query debug", "wanted": "exact 1", "seen": "0", "outcome": "fails" }
                        ],
                        [
                          {
                            "of": "path",
                            "wanted": "exact /v2",
                            "seen": "/v2/models/densenet_onnx/infer",
                            "outcome": "fails"
                          }
                        ]
                      ]
                    },
                    {
                      "route": "densenet",
                      "verdict": "taken",
                      "match": 0,
                      "hosts": null,
                      "matches": [
                        [
                          {
                            "of": "path",
                            "wanted": "prefix /v2/models",
                            "seen": "/v2/models/densenet_onnx/infer",
                            "outcome": "holds"
                          },
                          { "of": "model", "wanted": "densenet_onnx", "seen": "densenet_onnx", "outcome": "holds" }
                        ]
                      ]
                    }
                  ],
                  "outcome": "route",
                  "answered": true,
                  "decision": {
                    "route": "densenet",
                    "match": 0,
                    "policies": [],
                    "backends": [
                      {
                        "as": "stable",
                        "backend": "stable",
                        "weight": 2,
                        "share": 66.66666666666666,
                        "chosen": false,
                        "endpoints": ["127.0.0.1:8000", "127.0.0.2:8000"],
                        "whereReady": { "name": "densenet_onnx", "version": "" },
                        "sends": {
                          "method": "POST",
                          "target": "/v2/models/densenet_onnx/infer?debug=0",
                          "host": "models.example.com:8080",
                          "headers": [
                            ["X-Tenant", "silver"],
                            ["x-request-id", "7"],
                            ["Via", "1.1 sluice"],
                            ["X-Forwarded-For", "192.0.2.7"],
                            ["X-Forwarded-Proto", "http"],
                            ["X-Forwarded-Host", "models.example.com:8080"],
                            ["traceparent", null]
                          ],
                          "changes": []
                        },
                        "responseHeaders": [],
                        "refusal": null
                      },
                      {
                        "as": "v2",
                        "backend": "canary",
                        "weight": 1,
                        "share": 33.33333333333333,
                        "chosen": false,
                        "endpoints": ["127.0.0.1:8100"],
                        "whereReady": null,
                        "sends": {
                          "method": "POST",
                          "target": "/v2/models/densenet_onnx/infer?debug=0",
                          "host": "models.example.com:8080",
                          "headers": [
                            ["X-Tenant", "silver"],
                            ["x-request-id", "7"],
                            ["Via", "1.1 sluice"],
                            ["X-Forwarded-For", "192.0.2.7"],
                            ["X-Forwarded-Proto", "http"],
                            ["X-Forwarded-Host", "models.example.com:8080"],
                            ["traceparent", null]
                          ],
                          "changes": []
                        },
                        "responseHeaders": [],
                        "refusal": null
                      }
                    ],
                    "mirrors": [
                      {
                        "backend": "shadow",
                        "percent": 12.5,
                        "endpoints": ["127.0.0.1:8200"],
                        "sends": {
                          "method": "POST",
                          "target": "/v2/models/densenet_onnx/infer?debug=0",
                          "host": "models.example.com-shadow:8080",
                          "headers": [
                            ["X-Tenant", "silver"],
                            ["x-request-id", "7"],
                            ["Via", "1.1 sluice"],
                            ["X-Forwarded-For", "192.0.2.7"],
                            ["X-Forwarded-Proto", "http"],
                            ["X-Forwarded-Host", "models.example.com:8080"],
                            ["traceparent", null],
                            ["x-sluice-mirror", "densenet"]
                          ],
                          "changes": []
                        }
                      }
                    ]
                  },
                  "shadowed": ["rest"]
                }

                """#)
    }

    @Test(arguments: [
        ("http://h/a/../b", "refused", 400), ("http://models.example.com/nowhere", "noRoute", 404),
        ("OPTIONS *", "options", 200),
    ])
    func whatNoRouteTakes(_ request: String, _ outcome: String, _ status: Int) throws {
        let yaml = RoutingTextTests.yaml.replacing("  - name: rest\n    backends: [{ name: stable }]", with: "")
        let json = try parsed(Asking(yaml).explain(request))
        #expect(json["outcome"] as? String == outcome)
        #expect(json["answered"] as? Bool == false)
        #expect((json["answer"] as? [String: Any])?["status"] as? Int == status)
    }

    @Test func whatDependsOnTheMessage() throws {
        let asking = try Asking(RoutingTextTests.calls)
        let json = try parsed(asking.explain(RoutingTextTests.call, "content-type: application/grpc"))
        #expect(json["outcome"] as? String == "depends")
        #expect(json["candidates"] as? [String] == ["new", "old", "rest"])
    }

    @Test func policiesSayWhatTheyDo() throws {
        let json = try parsed(Asking(PolicyTextTests.yaml).explain("http://h/v2/models/densenet"))
        let decision = json["decision"] as? [String: Any]
        let policies = try #require(decision?["policies"] as? [[String: Any]])
        let auth = try #require(policies.first { $0["policy"] as? String == "basicAuth" })
        #expect(auth["effect"] as? String == "refuses")
        #expect((auth["answer"] as? [String: Any])?["cause"] as? String == "unauthorized")
    }

    @Test func redirectsAndFixedAnswers() throws {
        let redirect = try parsed(Asking(PolicyTextTests.yaml).explain("http://h/admin", client: "10.1.1.1"))
        let target = (redirect["decision"] as? [String: Any])?["redirect"] as? [String: Any]
        #expect(target?["status"] as? Int == 302)
        #expect(
            target?["headers"] as? [[String]] == [
                ["Location", "https://ops.example.com/console"], ["x-frame-options", "DENY"],
            ])
        let hello = try parsed(Asking(RoutingTextTests.yaml).explain("/hello"))
        let answer = (hello["decision"] as? [String: Any])?["respond"] as? [String: Any]
        #expect(answer?["status"] as? Int == 200 && answer?["body"] as? Int == 2)
    }

    /// Whatever a request or a configuration holds, it is JSON.
    @Test func anyTextIsQuoted() throws {
        let explanation = try Asking(RoutingTextTests.yaml).explain(
            "http://models.example.com/v2/models/x?debug=%22%5c%0a%00%ff", "x-tenant: \"\\\u{7}\u{2028}é\t")
        #expect(try parsed(explanation)["outcome"] != nil)
    }
}
