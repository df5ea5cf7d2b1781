import Configuration
import Testing

@testable import ConfigFiles

/// Unix sockets, passed sockets, and where they cannot be written.
@Suite struct AddressDiagnosticTests {
    @Test(arguments: [
        Golden(
            "every kind is fine",
            """
            listeners: [{ address: 'unix:/run/a.sock' }, { address: systemd:http }, { address: 127.0.0.1:80 }]
            admin: { address: 'unix:admin.sock' }
            metrics: { address: systemd:metrics }
            backends: { stable: { endpoints: ['unix:/run/t.sock', { address: 'unix:u.sock', weight: 2 }, 'localhost:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            []),
        Golden(
            "one socket for two",
            """
            listeners: [{ address: 'unix:/run/a.sock' }, { name: b, address: 'unix:/run//./a.sock' }, { address: systemd:http }]
            admin: { address: systemd:http }
            metrics: { address: 'unix:/run/a.sock' }
            routes: [{ name: a, respond: { status: 200 } }]
            """,
            [
                "sluice.yaml:1:57: error: listener 'b' listens on unix:/run/a.sock, which listener 'unix:/run/a.sock' takes in line 1 (column 15), choose another socket",
                "sluice.yaml:2:10: error: 'admin' listens on systemd:http, which listener 'systemd:http' takes in line 1, choose another socket",
                "sluice.yaml:3:12: error: 'metrics' listens on unix:/run/a.sock, which listener 'unix:/run/a.sock' takes in line 1, choose another socket",
            ]),
        Golden(
            "what a Unix socket does not have",
            """
            listeners: [{ address: 127.0.0.1:80 }]
            backends:
              a: { triton: { grpcPort: 8001 }, endpoints: ['unix:/a'] }
              b: { endpoints: [{ address: 'unix:/b', triton: { grpcPort: 8001 } }] }
              c: { tls: {}, endpoints: ['unix:/c'] }
              d: { tls: { serverName: d.example }, endpoints: ['unix:/d'] }
              e: { endpoints: [systemd:e] }
              f: { endpoints: ['unix:/f', 'unix:/x/../f', 'unix://f'] }
            resolve: { x.example: 'unix:/x' }
            routes:
            - { name: all, backends: [{ name: a }, { name: b }, { name: c }, { name: d }, { name: e }, { name: f }] }
            """,
            [
                "sluice.yaml:3:36: warning: unix:/a gets no gRPC requests, because it has no port 8001, give gRPC a backend of its own with 'protocol: http2'",
                "sluice.yaml:4:31: error: unix:/b has no port 8001, leave 'triton' out",
                "sluice.yaml:5:17: error: unix:/c has no host name to hold its certificate against, write 'serverName' in 'tls'",
                "sluice.yaml:7:20: error: systemd:e is a socket to listen on, write the endpoint's own address: host:port or unix:PATH",
                "sluice.yaml:8:47: error: unix:/f is already an endpoint in line 8 (column 20), keep one, and give it a weight if it is to get more",
                "sluice.yaml:9:23: error: 'x.example': 'unix:/x' must be a host and a port here: write host:port instead of 'unix:'",
            ]),
    ])
    func says(_ golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }

    /// As all paths in files are.
    @Test func pathsAreRelativeToTheFile() throws {
        let scratch = try ScratchDirectory([
            "sluice.yaml": """
            listeners: [{ address: 'unix:run/a.sock' }]
            backends: { b: { endpoints: ['unix:../t.sock'] } }
            """
        ])
        let gateway = try #require(scratch.load().gateway)
        guard case .unix(let path) = gateway.listeners[0].address,
            case .unix(let endpoint) = gateway.backends[0].endpoints[0].address
        else {
            Issue.record("no Unix sockets")
            return
        }
        #expect(path.hasPrefix("/") && path.hasSuffix("/run/a.sock"))
        #expect(endpoint == path.dropLast("run/a.sock".count) + "../t.sock")
        #expect(gateway.listeners[0].name == "unix:\(path)")
    }

    @Test func aPathMayBeTooLongOnceItIsWhole() throws {
        let name = String(repeating: "a", count: 100)
        let lines = try Golden("", "listeners: [{ address: 'unix:\(name)' }]", []).reported()
        #expect(lines.count == 2)
        #expect(lines.last?.hasSuffix("has a path of more than 107 bytes, which no Unix socket can have") == true)
    }
}
