import Configuration
import Testing

@testable import ConfigFiles

/// Where spans go.
@Suite struct TracingDiagnosticTests {
    static let head = """
        listeners: [{ address: 0.0.0.0:8080 }]
        backends: { stable: { endpoints: ['a:1'] } }
        routes: [{ name: a, backends: [{ name: stable }] }]

        """

    @Test(arguments: [
        Golden(
            "no endpoint", "tracing: {}",
            ["4:10: error: 'tracing' needs an endpoint, write 'endpoint: http://127.0.0.1:4318'"]),
        Golden(
            "no scheme", "tracing: { endpoint: '127.0.0.1:4318' }",
            [
                "4:22: error: 'endpoint' must begin with http:// or https://, write it such as http://127.0.0.1:4318"
            ]),
        Golden(
            "no port", "tracing: { endpoint: 'http://collector' }",
            ["4:22: error: 'endpoint' 'http://collector' has no port, write host:port such as 127.0.0.1:8000"]),
        Golden(
            "port 0", "tracing: { endpoint: 'http://collector:0' }",
            ["4:22: error: 'endpoint' 'http://collector:0' needs a port above 0"]),
        Golden(
            "a password", "tracing: { endpoint: 'http://me:hidden@collector:4318' }",
            ["4:22: error: 'endpoint' must not have a password, write it in 'headers'"]),
        Golden(
            "a query", "tracing: { endpoint: 'http://collector:4318/a?b' }",
            ["4:22: error: 'endpoint' must not have a query or fragment, leave it out"]),
        Golden(
            "a blank", "tracing: { endpoint: 'http://collector:4318/a b' }",
            ["4:22: error: 'endpoint' has a blank or non-ASCII character, write it percent-encoded"]),
        Golden(
            "the whole path", "tracing: { endpoint: 'http://collector:4318/v1/traces/' }",
            ["4:22: error: 'endpoint' is where '/v1/traces' is added to, leave that out"]),
        Golden(
            "TLS for cleartext", "tracing: { endpoint: 'http://collector:4318', tls: { serverName: a } }",
            ["4:47: error: 'tls' is for an endpoint with https://, write that or leave 'tls' out"]),
        Golden(
            "percent", "tracing: { endpoint: 'http://collector:4318', samplePercent: 1% }",
            ["4:62: error: 'samplePercent' must be a number from 0 to 100, write it without '%'"]),
        Golden(
            "headers",
            "tracing: { endpoint: 'http://c:4318', headers: { a b: c, Host: c, a: ' hidden', A: b, d: [] } }",
            [
                "4:50: error: 'a b' is no header name, write one such as authorization",
                "4:58: error: 'Host' is written by the gateway itself, leave it out",
                "4:70: error: the value of 'a' must not hold control characters or blanks around it",
                "4:81: error: 'A' is written twice (case does not count), keep one",
                "4:90: error: 'd' must be text, not a list",
            ]),
    ])
    func tracing(_ golden: Golden) throws {
        let whole = Golden(golden.title, Self.head + golden.yaml + "\n", golden.expected.map { "sluice.yaml:" + $0 })
        #expect(try whole.reported() == whole.expected)
    }

    @Test func values() throws {
        func read(_ text: String) throws -> TracingSettings {
            let scratch = try ScratchDirectory(["sluice.yaml": Self.head + "tracing: " + text + "\n"])
            return try #require(scratch.load().gateway?.tracing)
        }
        let plain = try read("{ endpoint: 'http://[::1]:4318' }")
        #expect(plain.address == .plain(HostPort(host: "::1", port: 4318)) && plain.path == "/v1/traces")
        #expect(plain.samplePercent == 1 && plain.serviceName == "sluice" && plain.headers == [])
        let secure = try read(
            "{ endpoint: 'HTTPS://Collector:443/otlp/', samplePercent: 0.5, serviceName: edge, headers: { X-Token: '' } }"
        )
        #expect(secure.address == .secure(HostPort(host: "collector", port: 443), BackendTLS()))
        #expect(secure.path == "/otlp/v1/traces" && secure.samplePercent == 0.5 && secure.serviceName == "edge")
        #expect(secure.headers == [.init(name: "X-Token", value: "")])
    }
}
