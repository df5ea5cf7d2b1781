import Configuration
import Testing

@testable import ConfigFiles

@Suite struct KubernetesDiagnosticTests {
    @Test(arguments: [
        Golden(
            "services",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              stable:
                endpoints:
                  - { kubernetes: {} }
                  - { kubernetes: { namespace: ml, service: triton } }
                  - { kubernetes: { namespace: ML, service: -a, port: "08" } }
                  - { kubernetes: { namespace: ml, service: triton, port: 65536 } }
                  - { kubernetes: { namespace: ml, service: triton, port: http, node: a } }
                  - { kubernetes: ml/triton }
                  - { kubernetes: { namespace: ml, service: a, port: http }, address: "a:1", pod: a }
                  - { kubernetes: { namespace: ml, service: b, port: http } }
                  - { kubernetes: { namespace: ml, service: b, port: http }, weight: 2 }
                  - { kubernetes: { namespace: ml, service: b, port: grpc } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:5:23: error: 'kubernetes' needs 'namespace', 'service' and 'port', write it such as { namespace: ml, service: triton, port: http }",
                "sluice.yaml:6:23: error: 'kubernetes' needs 'port', write it such as { namespace: ml, service: triton, port: http }",
                "sluice.yaml:7:36: error: 'namespace' must be a name in Kubernetes, not 'ML': lower-case letters, digits and '-', at most 63 of them",
                "sluice.yaml:7:49: error: 'service' must be a name in Kubernetes, not '-a': lower-case letters, digits and '-', at most 63 of them",
                "sluice.yaml:7:59: error: 'port' must be the name of a port of the Service, or its number at the pods, not '08'",
                "sluice.yaml:8:63: error: 'port' must be the name of a port of the Service, or its number at the pods, not '65536'",
                "sluice.yaml:9:69: error: unknown key 'node', the keys of 'kubernetes' are namespace, service and port",
                "sluice.yaml:10:23: error: 'kubernetes' must be a mapping of keys to values, not a single value",
                "sluice.yaml:11:66: error: 'kubernetes' says where its endpoints are, leave 'address' out",
                "sluice.yaml:11:82: error: 'kubernetes' says where its endpoints are, leave 'pod' out",
                "sluice.yaml:13:11: error: port http of ml/b is already an endpoint in line 12, keep one",
            ]),
        Golden(
            "pods",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              stable:
                endpoints:
                  - { address: "a:1", pod: Triton }
                  - { address: "a:2", pod: "" }
                  - { address: "a:3", pod: a..b }
                  - { pod: triton-0 }
                  - { address: "a:4", pod: triton-0.x }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:5:32: error: 'pod' must be the name of a pod, such as triton-0, not 'Triton'",
                "sluice.yaml:6:32: error: 'pod' must not be empty",
                "sluice.yaml:7:32: error: 'pod' must be the name of a pod, such as triton-0, not 'a..b'",
                "sluice.yaml:8:9: error: an endpoint needs an address, write 'address: 127.0.0.1:8000'",
            ]),
        Golden(
            "a pod twice",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [{ address: "a:1", pod: p }, { address: "a:2", pod: p }] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:74: warning: the pod of a:2 is also that of a:1, what both say of it is added up"
            ]),
        Golden(
            "custom metrics without anything",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            customMetrics: {}
            routes: [{ name: a, respond: { status: 200 } }]
            """,
            [
                "sluice.yaml:2:16: error: 'customMetrics' is served over TLS only, write 'tls: { certificates: [{ certificate: tls.crt, privateKey: tls.key }] }'",
                "sluice.yaml:2:16: error: 'customMetrics' needs an address, write 'address: 0.0.0.0:6443'",
                "sluice.yaml:2:16: error: 'customMetrics' would let nobody in, write 'requestHeaderCA: front-proxy-ca.crt' for the API server, 'tokenFile: token' for direct use, or both",
            ]),
        Golden(
            "custom metrics with wrong values",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            customMetrics:
              address: 0.0.0.0:8080
              tls: { clientCA: a }
              namespace: "a b"
              requestHeaderNames: []
              tokenFile: nothing
              dcgmExporters: [a, "0.0.0.0:9400", "b:1", "b:1", "c:0"]
            routes: [{ name: a, respond: { status: 200 } }]
            """,
            [
                "sluice.yaml:3:3: error: 'customMetrics' listens on 0.0.0.0:8080, which listener '0.0.0.0:8080' takes in line 1, choose another port",
                "sluice.yaml:4:8: error: 'tls' needs a certificate, write 'certificates: [{ certificate: tls.crt, privateKey: tls.key }]'",
                "sluice.yaml:4:10: error: unknown key 'clientCA', the keys of customMetrics' tls are certificates, minVersion and handshakeTimeout",
                "sluice.yaml:5:14: error: 'namespace' must be a name in Kubernetes, not 'a b': lower-case letters, digits and '-', at most 63 of them",
                "sluice.yaml:6:3: error: 'requestHeaderNames' are those in certificates of 'requestHeaderCA', add that",
                "sluice.yaml:6:23: error: 'requestHeaderNames' is empty, write it such as [front-proxy-client] or leave it out",
                "sluice.yaml:7:14: error: cannot read the token 'nothing': there is no such file",
                "sluice.yaml:8:19: error: a DCGM exporter: 'a' has no port, write host:port such as 127.0.0.1:8000",
                "sluice.yaml:8:22: error: nothing can be reached at 0.0.0.0:9400, write the exporter's address and port",
                "sluice.yaml:8:45: error: b:1 is written twice, keep one",
                "sluice.yaml:8:52: error: nothing can be reached at c:0, write the exporter's address and port",
            ]),
    ])
    func diagnoses(_ golden: Golden) throws { #expect(try golden.reported() == golden.expected) }

    /// What is wrong with a token is told, and nothing of it.
    @Test(
        arguments: [
            ("", "the token's file is empty, fill it such as with 'openssl rand -hex 32'"),
            (" \n\n", "the token's file is empty, fill it such as with 'openssl rand -hex 32'"),
            (
                "fifteen-letters\n",
                "the token has less than 16 characters, and could be guessed: make one with 'openssl rand -hex 32'"
            ),
            (
                "two words, which are long enough",
                "the token must be one word of visible ASCII, make one with 'openssl rand -hex 32'"
            ),
            (
                "0123456789abcdef\u{e9}",
                "the token must be one word of visible ASCII, make one with 'openssl rand -hex 32'"
            ),
            ("0123456789abcdef", nil), ("\n 0123456789abcdef \n", nil),
        ] as [(String, String?)])
    func tokens(text: String, problem: String?) throws {
        let scratch = try ScratchDirectory(["sluice.yaml": Self.file("tokenFile: token"), "token": text])
        let outcome = scratch.load()
        let messages = scratch.lines(outcome).filter { $0.contains("token") && !$0.contains("certificate") }
        #expect(messages == (problem.map { ["sluice.yaml:3:14: error: \($0)"] } ?? []))
    }

    @Test func authoritiesHaveToBeSome() throws {
        let scratch = try ScratchDirectory(["sluice.yaml": Self.file("requestHeaderCA: ca.crt"), "ca.crt": "x"])
        #expect(
            scratch.lines(scratch.load()).contains {
                $0.hasPrefix("sluice.yaml:3:20: error: the authorities of the API server: no certificate in it")
            })
    }

    private static func file(_ line: String) -> String {
        """
        listeners: [{ address: 0.0.0.0:8080 }]
        customMetrics:
          \(line)
          address: 127.0.0.1:6443
          tls: { certificates: [{ certificate: no.crt, privateKey: no.key }] }
        routes: [{ name: a, respond: { status: 200 } }]
        """
    }
}
