import Testing

/// `health` and `outlierDetection` of a backend.
@Suite struct HealthDiagnosticTests {
    @Test(arguments: [
        Golden(
            "nothing but on",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], health: {}, outlierDetection: {} }
            routes: [{ name: a, backends: [{ name: a }] }]
            """,
            []),
        Golden(
            "no mapping",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], health: true, outlierDetection: false }
              b: { endpoints: ['b:1'], health: /v2/health/ready, outlierDetection: 5 }
              c: { endpoints: ['c:1'], health: , outlierDetection:  }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }] }]
            """,
            [
                "sluice.yaml:3:36: error: 'health' must be a mapping of keys to values, not a single value",
                "sluice.yaml:3:60: error: 'outlierDetection' must be a mapping of keys to values, not a single value",
                "sluice.yaml:4:36: error: 'health' must be a mapping of keys to values, not a single value",
                "sluice.yaml:4:72: error: 'outlierDetection' must be a mapping of keys to values, not a single value",
                "sluice.yaml:5:28: error: 'health' has no value, write one or leave the key out",
                "sluice.yaml:5:38: error: 'outlierDetection' has no value, write one or leave the key out",
            ]),
        Golden(
            "unknown keys",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], health: { port: 8000, thresholds: 2 }, outlierDetection: { interval: 10s, consecutiveError: 5 } }
            routes: [{ name: a, backends: [{ name: a }] }]
            """,
            [
                "sluice.yaml:3:38: error: unknown key 'port', the keys of 'health' are path, grpc, interval, timeout, unhealthyThreshold and healthyThreshold",
                "sluice.yaml:3:50: error: unknown key 'thresholds', the keys of 'health' are path, grpc, interval, timeout, unhealthyThreshold and healthyThreshold",
                "sluice.yaml:3:87: error: unknown key 'interval', the keys of 'outlierDetection' are consecutiveErrors, baseEjectionTime and maxEjectionPercent",
                "sluice.yaml:3:102: error: unknown key 'consecutiveError', did you mean 'consecutiveErrors'?",
            ]),
        Golden(
            "paths",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], health: { path: v2/health/ready } }
              b: { endpoints: ['b:1'], health: { path: 'http://a:1/ready' } }
              c: { endpoints: ['c:1'], health: { path: '/a b' } }
              d: { endpoints: ['d:1'], health: { path: /größe } }
              e: { endpoints: ['e:1'], health: { path: '/a#b' } }
              f: { endpoints: ['f:1'], health: { path: '' } }
              g: { endpoints: ['g:1'], health: { path: [/a] } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }, { name: d }, { name: e }, { name: f }, { name: g }] }]
            """,
            [
                "sluice.yaml:3:44: error: the path 'v2/health/ready' must begin with '/'",
                "sluice.yaml:4:44: error: the path 'http://a:1/ready' must be a path alone, such as /v2/health/ready",
                "sluice.yaml:5:44: error: the path '/a b' has a blank or non-ASCII character, write it percent-encoded",
                "sluice.yaml:6:44: error: the path '/größe' has a blank or non-ASCII character, write it percent-encoded",
                "sluice.yaml:7:44: error: the path '/a#b' has a '#', which no request has, write %23",
                "sluice.yaml:8:44: error: 'path' must not be empty",
                "sluice.yaml:9:44: error: 'path' must be text, not a list",
            ]),
        Golden(
            "too little",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], health: { interval: 99ms, timeout: 0s, unhealthyThreshold: 0, healthyThreshold: 0 }, outlierDetection: { consecutiveErrors: -1, baseEjectionTime: 99ms, maxEjectionPercent: -1 } }
            routes: [{ name: a, backends: [{ name: a }] }]
            """,
            [
                "sluice.yaml:3:48: error: 'interval' must be from 100ms to 1h, not '99ms'",
                "sluice.yaml:3:63: error: 'timeout' must be from 1ms to 168h, not '0s'",
                "sluice.yaml:3:87: error: 'unhealthyThreshold' must be a whole number from 1 to 1000, not '0'",
                "sluice.yaml:3:108: error: 'healthyThreshold' must be a whole number from 1 to 1000, not '0'",
                "sluice.yaml:3:152: error: 'consecutiveErrors' must be a whole number from 0 to 65535, not '-1'",
                "sluice.yaml:3:174: error: 'baseEjectionTime' must be 0s or from 100ms to 168h, not '99ms'",
                "sluice.yaml:3:200: error: 'maxEjectionPercent' must be a number from 0 to 100, not '-1'",
            ]),
        Golden(
            "too much",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], health: { interval: 61m, timeout: 169h, unhealthyThreshold: 1001, healthyThreshold: 1001 }, outlierDetection: { consecutiveErrors: 65536, baseEjectionTime: 169h, maxEjectionPercent: 101 } }
            routes: [{ name: a, backends: [{ name: a }] }]
            """,
            [
                "sluice.yaml:3:48: error: 'interval' must be from 100ms to 1h, not '61m'",
                "sluice.yaml:3:62: error: 'timeout' must be from 1ms to 168h, not '169h'",
                "sluice.yaml:3:88: error: 'unhealthyThreshold' must be a whole number from 1 to 1000, not '1001'",
                "sluice.yaml:3:112: error: 'healthyThreshold' must be a whole number from 1 to 1000, not '1001'",
                "sluice.yaml:3:159: error: 'consecutiveErrors' must be a whole number from 0 to 65535, not '65536'",
                "sluice.yaml:3:184: error: 'baseEjectionTime' must be 0s or from 100ms to 168h, not '169h'",
                "sluice.yaml:3:210: error: 'maxEjectionPercent' must be a number from 0 to 100, not '101'",
            ]),
        Golden(
            "other kinds of values",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], health: { interval: 2, timeout: fast, unhealthyThreshold: two, healthyThreshold: 1.5, grpc: 1 }, outlierDetection: { consecutiveErrors: off, baseEjectionTime: 30, maxEjectionPercent: 50% } }
            routes: [{ name: a, backends: [{ name: a }] }]
            """,
            [
                "sluice.yaml:3:48: error: 'interval': '2' needs a unit, write 2s for seconds or 2ms for milliseconds",
                "sluice.yaml:3:60: error: 'timeout': 'fast' is not a duration, write a number and a unit such as 250ms, 1.5s, 5m or 1h",
                "sluice.yaml:3:86: error: 'unhealthyThreshold' must be a whole number from 1 to 1000, not 'two'",
                "sluice.yaml:3:109: error: 'healthyThreshold' must be a whole number from 1 to 1000, not '1.5'",
                "sluice.yaml:3:120: error: 'grpc' must be true or false, not '1'",
                "sluice.yaml:3:164: error: 'consecutiveErrors' must be a whole number from 0 to 65535, not 'off'",
                "sluice.yaml:3:187: error: 'baseEjectionTime': '30' needs a unit, write 30s for seconds or 30ms for milliseconds",
                "sluice.yaml:3:211: error: 'maxEjectionPercent' must be a number from 0 to 100, write it without '%'",
            ]),
        Golden(
            "a timeout longer than the interval",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], health: { interval: 1s, timeout: 1001ms } }
              b: { endpoints: ['b:1'], health: { timeout: 5s } }
              c: { endpoints: ['c:1'], health: { interval: 500ms } }
              d: { endpoints: ['d:1'], health: { interval: 1s } }
              e: { endpoints: ['e:1'], health: { interval: 1s, timeout: 1s } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }, { name: d }, { name: e }] }]
            """,
            [
                "sluice.yaml:3:61: warning: a check may take 1001ms but is due every 1s, so an endpoint that hangs is asked less often: write a timeout of at most 1s",
                "sluice.yaml:4:47: warning: a check may take 5s but is due every 2s, so an endpoint that hangs is asked less often: write a timeout of at most 2s",
                "sluice.yaml:5:48: warning: a check may take 1s but is due every 500ms, so an endpoint that hangs is asked less often: write a timeout of at most 500ms",
            ]),
        Golden(
            "nothing is compared with a value that is wrong",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], health: { interval: 500ms, timeout: 0s } }
            routes: [{ name: a, backends: [{ name: a }] }]
            """,
            [
                "sluice.yaml:3:64: error: 'timeout' must be from 1ms to 168h, not '0s'"
            ]),
        Golden(
            "grpc of nobody",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], health: { grpc: true } }
              b: { endpoints: ['b:1'], health: { grpc: true }, server: generic }
              c: { endpoints: ['c:1'], health: { grpc: true }, protocol: http1 }
              d: { endpoints: ['d:1'], health: { grpc: false } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }, { name: d }] }]
            """,
            [
                "sluice.yaml:3:44: error: 'grpc: true' has nobody to ask, because no endpoint takes gRPC: write 'triton: { grpcPort: 8001 }' or 'protocol: http2' on the backend, or leave 'grpc' out",
                "sluice.yaml:4:44: error: 'grpc: true' has nobody to ask, because no endpoint takes gRPC: write 'triton: { grpcPort: 8001 }' or 'protocol: http2' on the backend, or leave 'grpc' out",
                "sluice.yaml:5:44: error: 'grpc: true' has nobody to ask, because no endpoint takes gRPC: write 'triton: { grpcPort: 8001 }' or 'protocol: http2' on the backend, or leave 'grpc' out",
            ]),
        Golden(
            "grpc of somebody",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], triton: { grpcPort: 8001 }, health: { path: /ready, grpc: true } }
              b: { endpoints: ['b:1', { address: 'b:2', triton: { grpcPort: 8001 } }], health: { grpc: true } }
              c: { endpoints: ['c:1'], protocol: http2, health: { grpc: true } }
              d: { endpoints: ['d:1'], protocol: http2, triton: { grpcPort: 8001 }, health: { path: /ready, grpc: true } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }, { name: d }] }]
            """,
            []),
        Golden(
            "grpc of somebody who is spelt wrong",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], triton: { grpcPort: 0 }, health: { grpc: true } }
              b: { endpoints: [{ address: 'b:2', triton: { grpcPort: x } }], health: { grpc: true } }
              c: { endpoints: ['c:1'], protocol: h2, health: { grpc: true } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }] }]
            """,
            [
                "sluice.yaml:3:48: error: 'grpcPort' must be a whole number from 1 to 65535, not '0'",
                "sluice.yaml:4:58: error: 'grpcPort' must be a whole number from 1 to 65535, not 'x'",
                "sluice.yaml:5:38: error: 'protocol' must be http1 or http2, not 'h2'",
            ]),
        Golden(
            "a path that nobody is asked for",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends:
              a: { endpoints: ['a:1'], protocol: http2, health: { path: /ready, grpc: true } }
              b: { endpoints: ['b:1'], protocol: http2, health: { path: /ready } }
              c: { endpoints: ['c:1'], protocol: http2, health: { path: /ready, grpc: false } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }, { name: c }] }]
            """,
            [
                "sluice.yaml:3:55: warning: with 'grpc: true' the endpoints' own port is asked by gRPC and not for a 'path', leave one of them out"
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
