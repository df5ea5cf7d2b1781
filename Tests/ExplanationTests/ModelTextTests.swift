import Explanation
import Testing

/// Which endpoints of a backend a request goes to that names a model.
struct ModelTextTests {
    static let yaml = """
        listeners: [{ address: 0.0.0.0:8080 }]
        backends:
          pair: { endpoints: [10.0.0.1:8000, 10.0.0.2:8000], triton: { grpcPort: 8001 } }
          single: { endpoints: [10.0.0.3:8000] }
          unasked: { endpoints: [10.0.0.4:8000, 10.0.0.5:8000], triton: { interval: 0s } }
          other: { server: generic, endpoints: [10.0.0.6:80, 10.0.0.7:80] }
          pods: { endpoints: [{ kubernetes: { namespace: ml, service: triton, port: http } }] }
        routes:
          - { name: moved, match: [{ path: { prefix: /old } }], rewrite: { prefix: /v2/models/new }, backends: [{ name: pair }] }
          - { name: everybody, match: [{ path: { prefix: /v2/models/all } }], fanOut: true, backends: [{ name: pair }] }
          - name: split
            match: [{ path: { prefix: /v2 } }, { path: { prefix: /inference.GRPCInferenceService } }]
            backends:
              - { name: pair, weight: 1 }
              - { name: pair, as: named, model: "b c", version: "3" }
              - { name: single }
              - { name: unasked }
              - { name: other }
              - { name: pods }
        """
    let asking: Asking

    init() throws { asking = try Asking(Self.yaml) }

    private func models(_ request: String, _ headers: String..., model: String? = nil) throws -> [String: String] {
        let explanation = try asking.explain(request, headers.first ?? "x: y", model: model)
        guard case .route(let decision) = explanation.outcome, case .forward(let forward) = decision.action else {
            Issue.record("\(explanation.outcome)")
            return [:]
        }
        return Dictionary(
            forward.entries.compactMap { entry in entry.model.map { (entry.label, "\($0.name):\($0.version)") } },
            uniquingKeysWith: { first, _ in first })
    }

    @Test func thoseThatHaveIt() throws {
        #expect(try models("POST http://h/v2/models/m/infer") == ["pair": "m:", "named": "b c:3", "pods": "m:"])
        #expect(try models("http://h/v2/models/m/versions/2") == ["pair": "m:2", "named": "b c:3", "pods": "m:2"])
        #expect(try models("POST http://h/old/infer") == ["pair": "new:"])
        for path in ["/v2/health/ready", "/v2/models/stats", "/v2/repository/models/m/load", "/v2/models/all/infer"] {
            #expect(try models("POST http://h\(path)") == [:], "\(path)")
        }
    }

    @Test func calls() throws {
        let path = "POST http://h/inference.GRPCInferenceService/"
        let grpc = "content-type: application/grpc"
        let found = try models(path + "ModelInfer", grpc, model: "m:7")
        #expect(found == ["pair": "m:7", "named": "b c:3", "pods": "m:7"])
        // Nobody has said what the message names.
        #expect(try models(path + "ModelInfer", grpc) == [:])
        #expect(try models(path + "ServerReady", grpc, model: "m") == [:])
    }

    @Test func inWords() throws {
        let explanation = try asking.explain("POST http://h/v2/models/m/infer")
        let text = explanation.text()
        #expect(text.contains("  pair          10.0.0.1:8000 and 10.0.0.2:8000, where m is READY\n"), "\(text)")
        #expect(text.contains(", where b c version 3 is READY\n") && text.contains("  10.0.0.3:8000\n"), "\(text)")
        #expect(explanation.json.contains(#""whereReady": { "name": "m", "version": "" }"#))
    }
}
