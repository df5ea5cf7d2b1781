import Testing

/// `triton` of a backend and of an endpoint.
@Suite struct TritonDiagnosticTests {
    @Test(arguments: [
        Golden(
            "ports",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { a: { endpoints: ['a:1'], triton: { grpcPort: 0 } }, b: { endpoints: ['b:1'], triton: { grpcPort: 65536 } }, c: { endpoints: ['c:1'], triton: { grpcPort: 'c:8001' } }, d: { endpoints: [{ address: 'd:1', triton: { grpcPort: -1 } }] } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }, { name: d }] }]
            """,
            [
                "sluice.yaml:2:58: error: 'grpcPort' must be a whole number from 1 to 65535, not '0'",
                "sluice.yaml:2:110: error: 'grpcPort' must be a whole number from 1 to 65535, not '65536'",
                "sluice.yaml:2:166: error: 'grpcPort' must be a whole number from 1 to 65535, not 'c:8001'",
                "sluice.yaml:2:235: error: 'grpcPort' must be a whole number from 1 to 65535, not '-1'",
            ]),
        Golden(
            "highest and lowest port",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [{ address: 'a:1', triton: { grpcPort: 1 } }], triton: { grpcPort: 65535 } } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            []),
        Golden(
            "no mapping, empty and without a value",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { a: { endpoints: ['a:1'], triton: 8001 }, b: { endpoints: ['b:1'], triton: {} }, c: { endpoints: ['c:1'], triton: { grpcPort: } }, d: { endpoints: ['d:1'], triton: } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }, { name: d }] }]
            """,
            [
                "sluice.yaml:2:46: error: 'triton' must be a mapping of keys to values, not a single value",
                "sluice.yaml:2:87: error: 'triton' is empty, write it such as { grpcPort: 8001 } or leave it out",
                "sluice.yaml:2:128: error: 'grpcPort' has no value, write one or leave the key out",
                "sluice.yaml:2:168: error: 'triton' has no value, write one or leave the key out",
            ]),
        Golden(
            "unknown keys",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [{ address: 'a:1', triton: { port: 8001 } }], triton: { grpcport: 8001 } } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:63: error: unknown key 'port', the keys of 'triton' are grpcPort, metricsPort and interval",
                "sluice.yaml:2:90: error: unknown key 'grpcport', did you mean 'grpcPort'?",
            ]),
        Golden(
            "metrics",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1', { address: 'a:2', triton: { metricsPort: 8002 } }], triton: { metricsPort: 8002, interval: 0s } }
              b: { endpoints: [{ address: 'b:1', triton: { interval: 1s } }], triton: { interval: 99ms } }
              c: { endpoints: [{ address: 'unix:/run/c', triton: { metricsPort: 8002 } }] }
              d: { endpoints: ['d:1'], server: torchserve, triton: { metricsPort: 8082, interval: 5s } }
              e: { endpoints: ['e:1'], server: tfserving, triton: { grpcPort: 8500, metricsPort: 8501 } }
              f: { endpoints: ['f:1'], server: kserve, triton: { interval: 1s } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }, { name: d }, { name: e }, { name: f }] }]
            """,
            [
                "sluice.yaml:3:38: warning: metrics of a:2 are read from a:8002, as those of a:1 are, give each endpoint a metricsPort of its own",
                "sluice.yaml:4:48: error: 'interval' is the same for all endpoints, write it in the backend's 'triton'",
                "sluice.yaml:4:87: error: 'interval' must be 0s or from 100ms to 1h, not '99ms'",
                "sluice.yaml:5:31: error: unix:/run/c has no port 8002, leave 'triton' out",
                "sluice.yaml:7:73: error: 'metricsPort' does not go with 'server: tfserving', leave it out: nothing is read of its models",
                "sluice.yaml:8:54: error: 'interval' does not go with 'server: kserve', leave it out: nothing is read of its models",
            ]),
        Golden(
            "another server",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { server: generic, triton: { grpcPort: 8001 }, endpoints: [{ address: 'a:1', triton: { grpcPort: 8001 } }] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:40: error: 'triton' does not go with 'server: generic', leave it out, and write 'protocol: http2' if the endpoints take gRPC on their own port",
                "sluice.yaml:2:98: error: 'triton' does not go with 'server: generic', leave it out, and write 'protocol: http2' if the endpoints take gRPC on their own port",
            ]),
        Golden(
            "a server that is no server says nothing of triton",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { server: trition, triton: { grpcPort: 8001 }, endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:31: error: 'server' must be triton, tfserving, torchserve, kserve or generic, not 'trition'"
            ]),
        Golden(
            "endpoint without an address",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [{ triton: { grpcPort: 8001 } }, { weight: 2, triton: { grpcPort: 8001 } }] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:35: error: an endpoint needs an address, write 'address: 127.0.0.1:8000'",
                "sluice.yaml:2:67: error: an endpoint needs an address, write 'address: 127.0.0.1:8000'",
            ]),
        Golden(
            "one port for several",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1', 'b:1', 'a:2', { address: 'a:3', triton: { grpcPort: 8003 } }], triton: { grpcPort: 8001 } } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:49: warning: gRPC requests for a:2 go to a:8001, as those for a:1 do, give each endpoint a grpcPort of its own"
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
