import Explanation
import Testing

/// What is said of `tritonParameters` and `fanOut`.
struct ParameterTextTests {
    static let yaml = """
        listeners: [{ address: 0.0.0.0:8080 }]
        backends: { triton: { endpoints: [127.0.0.1:8000, 127.0.0.1:8100], triton: { grpcPort: 8001 } } }
        routes:
          - name: told
            match: [{ path: { prefix: /v2/models } }, { path: { prefix: /inference.GRPCInferenceService } }]
            timeout: 5m
            basicAuth: { users: { ann: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", bob: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=" } }
            tritonParameters: { priority: 2, users: { ann: 1 }, timeout: route }
            backends: [{ name: triton }]
          - { name: control, fanOut: true, backends: [{ name: triton }] }
        """
    let asking: Asking

    init() throws { asking = try Asking(Self.yaml) }

    @Test(
        arguments: [
            ("POST http://h/v2/models/m/infer", "ann", "priority 1, timeout what is left of 5m, put into the JSON"),
            ("POST http://h/v2/models/m/infer", "bob", "priority 2, timeout what is left of 5m, put into the JSON"),
            (
                "POST http://h/v2/models/m/generate", "bob",
                "priority 2, timeout what is left of 5m, only for inference requests"
            ),
            ("http://h/v2/models/m", "bob", "priority 2, timeout what is left of 5m, only for inference requests"),
        ])
    func parameters(_ request: String, _ user: String, _ says: String) throws {
        let explanation = try asking.explain(request, user: user)
        #expect(try explanation.policy("tritonParameters").says == says)
        #expect(explanation.isAnswered)
    }

    @Test func calls() throws {
        let says = "priority 1, timeout what is left of 5m, "
        for (method, place) in [("ModelInfer", "put into each message"), ("ModelReady", "only for inference requests")]
        {
            let explanation = try asking.explain(
                "POST http://h/inference.GRPCInferenceService/\(method)", "content-type: application/grpc", user: "ann")
            #expect(try explanation.policy("tritonParameters").says == says + place)
        }
    }

    @Test func whatCannotBeToldIsRefused() throws {
        for header in ["content-encoding: gzip", "inference-header-content-length: 0"] {
            let explanation = try asking.explain("POST http://h/v2/models/m/infer", header, user: "ann")
            #expect(!explanation.isAnswered && explanation.text().contains("501 not_implemented by tritonParameters"))
        }
    }

    @Test func everyEndpoint() throws {
        let explanation = try asking.explain("POST http://h/v2/repository/index")
        #expect(try explanation.policy("fanOut").says == "to every endpoint of the backends, whose answers become one")
    }
}
