import Configuration
import Testing

@testable import ConfigFiles

/// Values that have more than one spelling, and what an absent one means.
@Suite struct ValueTests {
    private func gateway(_ yaml: String) throws -> Gateway {
        let scratch = try ScratchDirectory(["sluice.yaml": yaml])
        let outcome = scratch.load()
        #expect(scratch.lines(outcome) == [])
        return try #require(outcome.gateway)
    }

    private func route(_ body: String) throws -> Route {
        try #require(
            try gateway(
                """
                listeners: [{ address: 0.0.0.0:8080 }]
                backends: { stable: { endpoints: [127.0.0.1:8000], timeouts: { firstByte: 0s } } }
                routes: [{ name: a, backends: [{ name: stable }], \(body) }]
                """
            ).routes.first)
    }

    @Test func zeroMeansNoneWhereThereIsANone() throws {
        let route = try route("timeout: 0s, idleTimeout: 0s")
        #expect(route.timeout == nil && route.idleTimeout == nil && route.maxBodySize == nil)
    }

    @Test func numbersMayBeQuoted() throws {
        let route = try route("maxBodySize: '1024', mirrors: [{ backend: stable, percent: '0.5', maxInFlight: \"7\" }]")
        guard case .forward(let forward) = route.action else { return }
        #expect(route.maxBodySize == 1024)
        #expect(forward.mirrors.map(\.percent) == [0.5] && forward.mirrors.map(\.maxInFlight) == [7])
    }

    @Test func textStaysAsItIsWritten() throws {
        let match = try route(
            "match: [{ version: 2, model: 1.0, headers: { x-a: yes, x-b: 0x10, x-c: 1.50, x-d: '' } }]"
        ).match[0]
        #expect(match.version == "2" && match.model == "1.0")
        #expect(match.headers.map(\.value) == [.exact("yes"), .exact("0x10"), .exact("1.50"), .exact("")])
    }

    @Test func namesOfHeadersAndHostsAreInLowerCase() throws {
        let route = try route(
            "hosts: [Models.Example.COM, '*.ML.example.com', '[2001:DB8::1]', '::1'], match: [{ headers: { X-A: B } }]")
        #expect(route.hosts == ["models.example.com", "*.ml.example.com", "[2001:db8::1]", "[::1]"])
        #expect(route.match[0].headers == [Match.NamedMatch(name: "x-a", value: .exact("B"))])
    }

    @Test func slashesAtTheEndOfAPrefixAddNothing() throws {
        let route = try route("match: [{ path: { prefix: /v2/ } }, { path: { prefix: / } }, { path: { prefix: // } }]")
        #expect(route.match.map(\.path) == [.prefix("/v2"), .prefix("/"), .prefix("/")])
    }

    @Test func emptyObjectsAreOnWithDefaults() throws {
        let gateway = try gateway(
            """
            listeners: [{ address: 0.0.0.0:8080, limits: {} }]
            accessLog: {}
            shutdown: {}
            backends: { stable: { endpoints: [127.0.0.1:8000], limits: {}, timeouts: {} } }
            routes: [{ name: a, backends: [{ name: stable }], mirrors: [{ backend: stable }] }]
            """)
        #expect(gateway.accessLog == AccessLog() && gateway.shutdown == Shutdown())
        #expect(gateway.backends[0].limits == Backend.Limits() && gateway.backends[0].timeouts == Backend.Timeouts())
        #expect(gateway.listeners[0].limits == Listener.Limits())
    }

    @Test func anEndpointsPortForGRPCComesBeforeItsBackends() throws {
        let gateway = try gateway(
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              # The endpoints stand first, and still get what the backend says below.
              a: { endpoints: ['a:1', { address: 'b:1', triton: { grpcPort: 9001 } }], triton: { grpcPort: '8001' } }
              b: { endpoints: ['a:1', { address: 'b:1', triton: { grpcPort: 9001 } }] }
            routes: [{ name: a, backends: [{ name: a }, { name: b }] }]
            """)
        #expect(gateway.backends.map(\.grpcPort) == [8001, nil])
        #expect(gateway.backends.map { $0.endpoints.map(\.grpcPort) } == [[8001, 9001], [nil, 9001]])
    }

    @Test func protocolsAreKept() throws {
        let gateway = try gateway(
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'] }
              b: { endpoints: ['b:1'], protocol: http1 }
              c: { endpoints: ['c:1'], protocol: http2, server: generic }
              d: { endpoints: ['d:1'], protocol: http2, triton: { grpcPort: 8001 } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }, { name: d }] }]
            """)
        #expect(gateway.backends.map(\.protocol) == [.http1, .http1, .http2, .http2])
    }

    @Test func endsOfTheRangesOfAListenersLimits() throws {
        let gateway = try gateway(
            """
            listeners:
              - { address: 0.0.0.0:8080 }
              - { address: 0.0.0.0:8081, limits: { http2Streams: 1, maxConnectionAge: 1s } }
              - { address: 0.0.0.0:8082, limits: { http2Streams: "10000", maxConnectionAge: 168h } }
            routes: [{ name: a, respond: { status: 200 } }]
            """)
        #expect(gateway.listeners.map(\.limits.http2Streams) == [128, 1, 10_000])
        #expect(gateway.listeners.map(\.limits.maxConnectionAge) == [nil, .seconds(1), .seconds(168 * 3600)])
    }
}
