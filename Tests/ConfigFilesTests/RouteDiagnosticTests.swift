import Testing

/// Routes: hosts, what to do, and limits.
@Suite struct RouteDiagnosticTests {
    @Test(arguments: [
        Golden(
            "no name",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:3:10: error: a route needs a name, write 'name: infer'"
            ]),
        Golden(
            "name twice",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, hosts: [x], backends: [{ name: stable }] }, { name: a, hosts: [y], backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:3:67: error: a route in line 3 (column 12) is called 'a' too, give one another name"
            ]),
        Golden(
            "route a word",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [stable]
            """,
            [
                "sluice.yaml:3:10: error: a route must be a mapping of keys to values, not a single value"
            ]),
        Golden(
            "routes a mapping",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: { a: {} }
            """,
            [
                "sluice.yaml:3:9: error: 'routes' must be a list, not a mapping, write it such as [{ name: all, backends: [{ name: stable }] }]"
            ]),
        Golden(
            "nothing to do",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                timeout: 1s
            """,
            [
                "sluice.yaml:4:5: error: route 'a' does nothing, add 'backends', 'redirect' or 'respond'"
            ]),
        Golden(
            "two things to do",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                respond: { status: 200 }
            """,
            [
                "sluice.yaml:6:5: error: route 'a' has both 'backends' and 'respond', keep one of them"
            ]),
        Golden(
            "unknown backend",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stabel }]
            """,
            [
                "sluice.yaml:5:24: error: there is no backend 'stabel', did you mean 'stable'?"
            ]),
        Golden(
            "far backend",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: gpu }]
            """,
            [
                "sluice.yaml:5:24: error: there is no backend 'gpu', write 'stable'"
            ]),
        Golden(
            "backend a word",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [stable]
            """,
            [
                "sluice.yaml:5:16: error: a route's backend must be a mapping of keys to values, not a single value"
            ]),
        Golden(
            "backend without name",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ weight: 1 }]
            """,
            [
                "sluice.yaml:5:16: error: a route's backend needs a name, write 'name: stable'"
            ]),
        Golden(
            "misspelt weight",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable, wieght: 1 }]
            """,
            [
                "sluice.yaml:5:32: error: unknown key 'wieght', did you mean 'weight'?"
            ]),
        Golden(
            "weights",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable, weight: -1, as: a }, { name: stable, weight: 1000001, as: b }]
            """,
            [
                "sluice.yaml:5:40: error: 'weight' must be a whole number from 0 to 1000000, not '-1'",
                "sluice.yaml:5:77: error: 'weight' must be a whole number from 0 to 1000000, not '1000001'",
            ]),
        Golden(
            "all weights 0",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable, weight: 0 }, { name: stable, as: b, weight: 0 }]
            """,
            [
                "sluice.yaml:5:5: error: every weight is 0, so no request could go anywhere: give one a weight above 0"
            ]),
        Golden(
            "same name",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }, { name: stable }]
            """,
            [
                "sluice.yaml:5:36: error: 'stable' is already in this route in line 5 (column 18), tell them apart with 'as'"
            ]),
        Golden(
            "same as",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable, as: b }, { name: stable, as: b }]
            """,
            [
                "sluice.yaml:5:57: error: 'b' is already in this route in line 5 (column 32), tell them apart with 'as'"
            ]),
        Golden(
            "when down",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                whenDown: retry
            """,
            [
                "sluice.yaml:6:15: error: 'whenDown' must be spill or fail, not 'retry'"
            ]),
        Golden(
            "when down without backends",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                respond: { status: 200 }
                whenDown: fail
                mirrors: [{ backend: stable }]
            """,
            [
                "sluice.yaml:6:5: error: 'whenDown' means nothing without 'backends', leave it out",
                "sluice.yaml:7:5: error: 'mirrors' means nothing without 'backends', leave it out",
            ]),
        Golden(
            "mirrors",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                mirrors: [{ backend: shadow }, {}, { backend: stable, percent: 150, maxInFlight: 0, maxBufferedBytes: 1, timeout: 0s, requestHeaders: {} }, { backend: stable }, stable]
            """,
            [
                "sluice.yaml:6:26: error: there is no backend 'shadow', write 'stable'",
                "sluice.yaml:6:36: error: a mirror needs a backend, write 'backend: shadow'",
                "sluice.yaml:6:68: error: 'percent' must be a number from 0 to 100, not '150'",
                "sluice.yaml:6:86: error: 'maxInFlight' must be a whole number from 1 to 1000000, not '0'",
                "sluice.yaml:6:107: error: 'maxBufferedBytes' must be from 1KiB to 1TiB, not '1'",
                "sluice.yaml:6:119: error: 'timeout' must be from 1ms to 168h, not '0s'",
                "sluice.yaml:6:139: error: 'requestHeaders' is empty, write it such as { set: { x-tenant: gold } }",
                "sluice.yaml:6:156: error: 'stable' is a mirror of this route already, keep one",
                "sluice.yaml:6:166: error: a mirror must be a mapping of keys to values, not a single value",
            ]),
        Golden(
            "hosts",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                hosts: ['*', 'a:80', 'http://a', 'a*b', '*.', a, A, '']
            """,
            [
                "sluice.yaml:6:13: error: '*' alone would be every host, leave 'hosts' out for that",
                "sluice.yaml:6:18: error: 'a:80' is no host name, write a name without scheme, port or final dot",
                "sluice.yaml:6:26: error: 'http://a' is no host name, write a name without scheme, port or final dot",
                "sluice.yaml:6:38: error: 'a*b' is no host name, write a name without scheme, port or final dot",
                "sluice.yaml:6:45: error: '*.' is no host, write a name or '*.' and a name",
                "sluice.yaml:6:54: error: 'a' is in this list already, keep one",
                "sluice.yaml:6:57: error: a host must not be empty",
            ]),
        Golden(
            "what has no meaning where every endpoint is asked",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - { name: a, match: [{ method: POST }], backends: [{ name: stable }], fanOut: true, fault: { abort: { status: 503 } } }
              - name: b
                match: [{ method: GET }]
                backends: [{ name: stable }]
                fanOut: true
                sticky: { header: x-user }
                mirrors: [{ backend: stable }]
                retries: {}
                priority: high
                whenDown: fail
                tritonParameters: { priority: 1 }
              - { name: c, match: [{ method: PUT }], respond: { status: 200 }, fanOut: true }
              - { name: d, backends: [{ name: stable }], fanOut: maybe, retries: {} }
            """,
            [
                "sluice.yaml:9:5: error: 'sticky' means nothing beside 'fanOut', because the request goes to every endpoint, leave it out",
                "sluice.yaml:10:5: error: 'mirrors' means nothing beside 'fanOut', because the request goes to every endpoint, leave it out",
                "sluice.yaml:11:5: error: 'retries' means nothing beside 'fanOut', because the request goes to every endpoint, leave it out",
                "sluice.yaml:12:5: error: 'priority' means nothing beside 'fanOut', because the request goes to every endpoint, leave it out",
                "sluice.yaml:13:5: error: 'whenDown' means nothing beside 'fanOut', because the request goes to every endpoint, leave it out",
                "sluice.yaml:14:5: error: 'tritonParameters' means nothing beside 'fanOut', because the request goes to every endpoint, leave it out",
                "sluice.yaml:15:68: error: 'fanOut' means nothing without 'backends', leave it out",
                "sluice.yaml:16:54: error: 'fanOut' must be true or false, not 'maybe'",
            ]),
        Golden(
            "limits",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                timeout: 1
                idleTimeout: -1s
                maxBodySize: 0
            """,
            [
                "sluice.yaml:6:14: error: 'timeout': '1' needs a unit, write 1s for seconds or 1ms for milliseconds",
                "sluice.yaml:7:18: error: 'idleTimeout': '-1s' is not a duration, write a number and a unit such as 250ms, 1.5s, 5m or 1h",
                "sluice.yaml:8:18: error: 'maxBodySize' must be from 1 to 1024TiB, not '0'",
            ]),
        Golden(
            "never reached",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - { name: a, match: [{ method: GET }], backends: [{ name: stable }] }
              - { name: b, backends: [{ name: stable }] }
              - { name: c, backends: [{ name: stable }] }
            """,
            [
                "sluice.yaml:6:7: warning: this route never matches, because 'b' in line 5 takes every request; move it up"
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
