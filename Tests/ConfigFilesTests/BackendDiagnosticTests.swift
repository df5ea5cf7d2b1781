import Testing

/// Backends and their endpoints.
@Suite struct BackendDiagnosticTests {
    @Test(arguments: [
        Golden(
            "no endpoints",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: {} }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:13: error: backend 'stable' has no endpoints, write 'endpoints: [127.0.0.1:8000]'"
            ]),
        Golden(
            "empty endpoints",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:34: error: 'endpoints' is empty, write it such as [127.0.0.1:8000]"
            ]),
        Golden(
            "endpoints a word",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: 127.0.0.1:8000 } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:34: error: 'endpoints' must be a list, not a single value, write it such as [127.0.0.1:8000]"
            ]),
        Golden(
            "backend a list",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: [127.0.0.1:8000] }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:21: error: backend 'stable' must be a mapping of keys to values, not a list"
            ]),
        Golden(
            "backends a list",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: [{ name: stable }]
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:11: error: 'backends' must be a mapping, not a list, write it such as { stable: { endpoints: [127.0.0.1:8000] } }"
            ]),
        Golden(
            "backend nothing",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:21: error: backend 'stable' must be a mapping of keys to values, not nothing"
            ]),
        Golden(
            "bad endpoints",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1, '127.0.0.1:0', '0.0.0.0:8000', 'unix:@a', {}, { weight: 2 }, { adress: 'a:1' }, [], ] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:35: error: an endpoint: '127.0.0.1' has no port, write host:port such as 127.0.0.1:8000",
                "sluice.yaml:2:46: error: nothing can be reached at 127.0.0.1:0, write the endpoint's own address and port",
                "sluice.yaml:2:61: error: nothing can be reached at 0.0.0.0:8000, write the endpoint's own address and port",
                "sluice.yaml:2:77: error: an endpoint: 'unix:@a' is in the abstract namespace, which has no permissions: write the path of a file",
                "sluice.yaml:2:88: error: an endpoint needs an address, write 'address: 127.0.0.1:8000'",
                "sluice.yaml:2:92: error: an endpoint needs an address, write 'address: 127.0.0.1:8000'",
                "sluice.yaml:2:109: error: unknown key 'adress', did you mean 'address'?",
                "sluice.yaml:2:126: error: an endpoint must be an address such as 127.0.0.1:8000, not a list",
            ]),
        Golden(
            "weights",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [{ address: 'a:1', weight: 0 }, { address: 'b:1', weight: 1.5 }] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:61: error: 'weight' must be a whole number from 1 to 1000000, not '0'",
                "sluice.yaml:2:92: error: 'weight' must be a whole number from 1 to 1000000, not '1.5'",
            ]),
        Golden(
            "endpoint twice",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1', 'A:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:42: error: a:1 is already an endpoint in line 2 (column 35), keep one, and give it a weight if it is to get more"
            ]),
        Golden(
            "queues that nobody tells of",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { web: { endpoints: ['a:1'], server: kserve, balance: leastQueue } }
            routes: [{ name: a, backends: [{ name: web }] }]
            """,
            [
                "sluice.yaml:2:65: error: 'balance: leastQueue' needs 'server: triton', which tells of its queues, write 'balance: leastRequest'"
            ]),
        Golden(
            "unknown words",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'], server: trition, protocol: h2, balance: random } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:51: error: 'server' must be triton, tfserving, torchserve, kserve or generic, not 'trition'",
                "sluice.yaml:2:70: error: 'protocol' must be http1 or http2, not 'h2'",
                "sluice.yaml:2:83: error: 'balance' must be roundRobin, leastRequest, leastQueue or { hash: { header: x-user } }, not 'random'",
            ]),
        Golden(
            "limits",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'], limits: { connections: 0, inFlight: 0, perEndpointInFlight: 0, queue: -1, queueTimeout: 0s, retries: 3 } } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:66: error: 'connections' must be a whole number from 1 to 1000000, not '0'",
                "sluice.yaml:2:79: error: 'inFlight' must be a whole number from 1 to 1000000, not '0'",
                "sluice.yaml:2:103: error: 'perEndpointInFlight' must be a whole number from 1 to 1000000, not '0'",
                "sluice.yaml:2:113: error: 'queue' must be a whole number from 0 to 1000000, not '-1'",
                "sluice.yaml:2:131: error: 'queueTimeout' must be from 1ms to 168h, not '0s'",
                "sluice.yaml:2:135: error: unknown key 'retries', the keys of a backend's limits are connections, inFlight, perEndpointInFlight, queue and queueTimeout",
            ]),
        Golden(
            "timeouts",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'], timeouts: { connect: 0s, firstByte: 8d, idle: 200h } } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:64: error: 'connect' must be from 1ms to 168h, not '0s'",
                "sluice.yaml:2:79: error: 'firstByte': '8d' is not a duration, write one number and one of the units ms, s, m, h, such as 1.5s",
                "sluice.yaml:2:89: error: 'idle' must be from 1ms to 168h, not '200h'",
            ]),
        Golden(
            "unused",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] }, old: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:45: warning: no route uses the backend 'old', remove it or send it requests"
            ]),
        Golden(
            "bad name",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] }, ' x ': { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:45: error: a backend's name must be text without blanks around it and without control characters"
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
