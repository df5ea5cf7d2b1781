import Testing

/// Everything outside backends and routes.
@Suite struct TopLevelDiagnosticTests {
    @Test(arguments: [
        Golden(
            "fine",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            []),
        Golden(
            "misspelt key",
            """
            listners: []
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:1:1: error: unknown key 'listners', did you mean 'listeners'?"
            ]),
        Golden(
            "unknown key",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            workers: 4
            """,
            [
                "sluice.yaml:4:1: error: unknown key 'workers', the keys of the configuration are loops, memoryLimit, resolve, listeners, admin, metrics, accessLog, tracing, shutdown, takeover, customMetrics, backends and routes"
            ]),
        Golden(
            "no value",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            loops:
            """,
            [
                "sluice.yaml:4:1: error: 'loops' has no value, write one or leave the key out"
            ]),
        Golden(
            "no listener",
            """
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:1:1: error: there is no listener, write 'listeners: [{ address: 0.0.0.0:8080 }]'"
            ]),
        Golden(
            "empty listeners",
            """
            listeners: []
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:1:12: error: 'listeners' is empty, write it such as [{ address: 0.0.0.0:8080 }]"
            ]),
        Golden(
            "no routes",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            """,
            [
                "sluice.yaml:1:1: warning: there are no routes, so every request is answered 404; add 'routes'",
                "sluice.yaml:2:13: warning: no route uses the backend 'stable', remove it or send it requests",
            ]),
        Golden(
            "loops",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            loops: 0
            """,
            [
                "sluice.yaml:4:8: error: 'loops' must be a whole number from 1 to 64, not '0'"
            ]),
        Golden(
            "loops not a number",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            loops: two
            """,
            [
                "sluice.yaml:4:8: error: 'loops' must be a whole number from 1 to 64, not 'two'"
            ]),
        Golden(
            "loops quoted",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            loops: '2'
            """,
            []),
        Golden(
            "loops with a plus",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            loops: +2
            """,
            [
                "sluice.yaml:4:8: error: 'loops' must be a whole number from 1 to 64, not '+2'"
            ]),
        Golden(
            "loops a list",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            loops: [2]
            """,
            [
                "sluice.yaml:4:8: error: 'loops' must be a whole number from 1 to 64, not a list"
            ]),
        Golden(
            "listener without address",
            """
            listeners: [{ name: a }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:1:13: error: a listener needs an address, write 'address: 0.0.0.0:8080'"
            ]),
        Golden(
            "listener a word",
            """
            listeners: [0.0.0.0:80]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:1:13: error: a listener must be a mapping of keys to values, not a single value"
            ]),
        Golden(
            "listeners a mapping",
            """
            listeners: { address: 0.0.0.0:80 }
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:1:12: error: 'listeners' must be a list, not a mapping, write it such as [{ address: 0.0.0.0:8080 }]"
            ]),
        Golden(
            "same address twice",
            """
            listeners: [{ address: 0.0.0.0:80 }, { name: b, address: 0.0.0.0:80 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:1:49: error: listener 'b' listens on 0.0.0.0:80, which listener '0.0.0.0:80' takes in line 1 (column 15), choose another port"
            ]),
        Golden(
            "overlapping addresses",
            """
            listeners: [{ address: 0.0.0.0:80 }, { address: 127.0.0.1:80 }, { address: '[::1]:80' }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:1:40: error: listener '127.0.0.1:80' listens on 127.0.0.1:80, which listener '0.0.0.0:80' takes in line 1 (column 15), choose another port"
            ]),
        Golden(
            "same name twice",
            """
            listeners: [{ name: a, address: 0.0.0.0:80 }, { name: a, address: 0.0.0.0:81 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:1:49: error: a listener in line 1 (column 15) is called 'a' too, give one another name"
            ]),
        Golden(
            "listener's keys",
            """
            listeners: [{ address: 0.0.0.0:80, tls: {}, proxyProtocol: perhaps, limits: { perClient: 0 } }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:1:41: error: 'tls' needs a certificate, write 'certificates: [{ certificate: tls.crt, privateKey: tls.key }]'",
                "sluice.yaml:1:60: error: 'proxyProtocol' must be true or false, not 'perhaps'",
                "sluice.yaml:1:90: error: 'perClient' must be a whole number from 1 to 1000000, not '0'",
            ]),
        Golden(
            "listener's limits",
            """
            listeners: [{ address: 0.0.0.0:80, limits: { connections: 0, headerBytes: 1, headerTimeout: 10, idleTimeout: 0s } }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:1:59: error: 'connections' must be a whole number from 1 to 1000000, not '0'",
                "sluice.yaml:1:75: error: 'headerBytes' must be from 1KiB to 1MiB, not '1'",
                "sluice.yaml:1:93: error: 'headerTimeout': '10' needs a unit, write 10s for seconds or 10ms for milliseconds",
                "sluice.yaml:1:110: error: 'idleTimeout' must be from 1ms to 168h, not '0s'",
            ]),
        Golden(
            "listener's limits of HTTP/2 and of age",
            """
            listeners: [{ address: 0.0.0.0:80, limits: { http2Streams: 0, maxConnectionAge: 999ms } }, { address: 0.0.0.0:81, limits: { http2Streams: 10001, maxConnectionAge: 200h } }, { address: 0.0.0.0:82, limits: { http2Streams: many, maxConnectionAge: 0s } }, { address: 0.0.0.0:83, limits: { http2streams: 1, maxConnectionAge: 60 } }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:1:60: error: 'http2Streams' must be a whole number from 1 to 10000, not '0'",
                "sluice.yaml:1:81: error: 'maxConnectionAge' must be from 1s to 168h, not '999ms'",
                "sluice.yaml:1:139: error: 'http2Streams' must be a whole number from 1 to 10000, not '10001'",
                "sluice.yaml:1:164: error: 'maxConnectionAge' must be from 1s to 168h, not '200h'",
                "sluice.yaml:1:221: error: 'http2Streams' must be a whole number from 1 to 10000, not 'many'",
                "sluice.yaml:1:245: error: 'maxConnectionAge' must be from 1s to 168h, not '0s'",
                "sluice.yaml:1:286: error: unknown key 'http2streams', did you mean 'http2Streams'?",
                "sluice.yaml:1:321: error: 'maxConnectionAge': '60' needs a unit, write 60s for seconds or 60ms for milliseconds",
            ]),
        Golden(
            "sizes",
            """
            listeners: [{ address: 0.0.0.0:80, limits: { headerBytes: 64KB } }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:1:59: error: 'headerBytes': '64KB' is not a size, write 64KiB"
            ]),
        Golden(
            "trusted proxies",
            """
            listeners: [{ address: 0.0.0.0:80, trustedProxies: [10.0.0.1/8, 10.0.0.0/33, [], all] }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:1:53: error: 'trustedProxies': '10.0.0.1/8' has bits behind its prefix, write 10.0.0.0/8 or 10.0.0.1",
                "sluice.yaml:1:65: error: 'trustedProxies': '10.0.0.0/33' has a prefix length outside 0 to 32, write it such as 10.0.0.0/32",
                "sluice.yaml:1:78: error: a trusted proxy must be a network such as 10.0.0.0/8, not a list",
                "sluice.yaml:1:82: error: 'trustedProxies': 'all' is not a network, write an address and a prefix length such as 10.0.0.0/8",
            ]),
        Golden(
            "admin on a listener's address",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            admin: { address: 127.0.0.1:8080 }
            """,
            [
                "sluice.yaml:4:10: error: 'admin' listens on 127.0.0.1:8080, which listener '0.0.0.0:8080' takes in line 1, choose another port"
            ]),
        Golden(
            "admin open to the network",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            admin: { address: 0.0.0.0:9901 }
            """,
            [
                "sluice.yaml:4:19: error: other machines could reach 'admin' on 0.0.0.0:9901, add 'tls' and 'basicAuth' to it or write 127.0.0.1:9901"
            ]),
        Golden(
            "admin on a name",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            admin: { address: ops.example.com:9901 }
            """,
            [
                "sluice.yaml:4:19: error: other machines could reach 'admin' on ops.example.com:9901, add 'tls' and 'basicAuth' to it or write 127.0.0.1:9901"
            ]),
        Golden(
            "admin without address",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            admin: { readOnly: true }
            """,
            [
                "sluice.yaml:4:8: error: 'admin' needs an address, write 'address: 127.0.0.1:9901'"
            ]),
        Golden(
            "admin's other keys",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            admin: { address: localhost:9901, readOnly: yes, allowedHosts: ['http://a'], tls: {}, basicAuth: {} }
            """,
            [
                "sluice.yaml:4:45: error: 'readOnly' must be true or false, not 'yes'",
                "sluice.yaml:4:65: error: 'http://a' is no host name, write a name without scheme, port or final dot",
                "sluice.yaml:4:83: error: 'tls' needs a certificate, write 'certificates: [{ certificate: tls.crt, privateKey: tls.key }]'",
                "sluice.yaml:4:98: error: 'basicAuth' knows no users, add 'usersFile: users.htpasswd' or 'users'",
            ]),
        Golden(
            "admin open to the network without TLS",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            admin: { address: "[::]:9901", basicAuth: { users: { ann: "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=" } } }
            """,
            [
                "sluice.yaml:4:19: error: other machines could reach 'admin' on [::]:9901, add 'tls' to it or write 127.0.0.1:9901"
            ]),
        Golden(
            "admin's users",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            admin: { address: localhost:9901, basicAuth: { users: { ann: secret, "a:b": x }, allow: [ann], realm: "ü" } }
            """,
            [
                "sluice.yaml:4:62: error: the user 'ann': plain text and DES crypt are not supported; make the hash anew with 'sluice passwd' or 'htpasswd -B'",
                "sluice.yaml:4:70: error: 'users': a colon in a user name",
                "sluice.yaml:4:82: error: unknown key 'allow', the keys of admin's basicAuth are realm, usersFile and users",
                "sluice.yaml:4:96: error: 'realm' must be ASCII text without blanks around it",
            ]),
        Golden(
            "metrics",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            metrics: {}
            """,
            [
                "sluice.yaml:4:10: error: 'metrics' needs an address, write 'address: 127.0.0.1:9902'"
            ]),
        Golden(
            "metrics anywhere",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            metrics: { address: 0.0.0.0:9902 }
            """,
            []),
        Golden(
            "metrics on admin's address",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            admin: { address: 127.0.0.1:9901 }
            metrics: { address: 127.0.0.1:9901 }
            """,
            [
                "sluice.yaml:5:12: error: 'metrics' listens on 127.0.0.1:9901, which 'admin' takes in line 4, choose another port"
            ]),
        Golden(
            "access log",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            accessLog: { path: '', format: xml, samplePercent: 101 }
            """,
            [
                "sluice.yaml:4:20: error: 'path' must not be empty",
                "sluice.yaml:4:32: error: 'format' must be json or text, not 'xml'",
                "sluice.yaml:4:52: error: 'samplePercent' must be a number from 0 to 100, not '101'",
            ]),
        Golden(
            "percent",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            accessLog: { samplePercent: 10% }
            """,
            [
                "sluice.yaml:4:29: error: 'samplePercent' must be a number from 0 to 100, write it without '%'"
            ]),
        Golden(
            "percent not a number",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            accessLog: { samplePercent: nan }
            """,
            [
                "sluice.yaml:4:29: error: 'samplePercent' must be a number from 0 to 100, not 'nan'"
            ]),
        Golden(
            "shutdown",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            shutdown: { delay: 2h, drain: soon, dran: 1s }
            """,
            [
                "sluice.yaml:4:20: error: 'delay' must be from 0s to 1h, not '2h'",
                "sluice.yaml:4:31: error: 'drain': 'soon' is not a duration, write a number and a unit such as 250ms, 1.5s, 5m or 1h",
                "sluice.yaml:4:37: error: unknown key 'dran', did you mean 'drain'?",
            ]),
        Golden(
            "resolve",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            resolve: { a b: 10.0.0.1:80, 10.0.0.1: 10.0.0.2:80, x: 10.0.0.1, y: '10.0.0.1:0', n: 10.0.0.1:80, N: 10.0.0.1:80 }
            """,
            [
                "sluice.yaml:4:12: error: 'a b' is no host name, write a name without a port or final dot",
                "sluice.yaml:4:30: error: '10.0.0.1' is no host name, write a name without a port or final dot",
                "sluice.yaml:4:56: error: 'x': '10.0.0.1' has no port, write host:port such as 127.0.0.1:8000",
                "sluice.yaml:4:69: error: 'y' needs a port above 0",
                "sluice.yaml:4:99: error: 'N' is pinned twice (case does not count), keep one",
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
