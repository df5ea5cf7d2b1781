import Testing

/// What an entry asks for, what keeps clients on their side, and trouble made on purpose.
@Suite struct SplitDiagnosticTests {
    @Test(arguments: [
        Golden(
            "model and version",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable, model: 'a b', version: 1 }, { name: stable, as: b, version: v2 }]
            """,
            []),
        Golden(
            "bad model and version",
            #"""
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable, model: a/b, version: '..' }, { name: stable, as: b, model: 'a\b', version: '' }]
            """#,
            [
                "sluice.yaml:5:39: error: 'model' must not hold '/', write the name of one model",
                "sluice.yaml:5:53: error: 'version' must not be '.' or '..' nor hold a backslash, which no path may have",
                "sluice.yaml:5:91: error: 'model' must not be '.' or '..' nor hold a backslash, which no path may have",
                "sluice.yaml:5:107: error: 'version' must not be empty",
            ]),
        Golden(
            "sticky header",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                sticky: { header: X-User }
            """,
            []),
        Golden(
            "sticky cookie",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                sticky: { cookie: side, ttl: 9600h }
            """,
            []),
        Golden(
            "sticky address",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                sticky: { clientAddress: true }
            """,
            []),
        Golden(
            "sticky session cookie",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                sticky: { cookie: side }
            """,
            []),
        Golden(
            "sticky to nothing",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                sticky: {}
            """,
            [
                "sluice.yaml:6:13: error: 'sticky' does not say what to go by, write { header: x-user }, { cookie: side } or { clientAddress: true }"
            ]),
        Golden(
            "sticky to an age",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                sticky: { ttl: 1h }
            """,
            [
                "sluice.yaml:6:13: error: 'sticky' does not say what to go by, write { header: x-user }, { cookie: side } or { clientAddress: true }",
                "sluice.yaml:6:15: error: 'ttl' is of a cookie, write 'cookie' beside it or leave it out",
            ]),
        Golden(
            "sticky twice",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                sticky: { header: a, cookie: b }
            """,
            [
                "sluice.yaml:6:26: error: 'sticky' has both 'header' and 'cookie', keep one of them"
            ]),
        Golden(
            "sticky age of a header",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                sticky: { header: a, ttl: 1h }
            """,
            [
                "sluice.yaml:6:26: error: 'ttl' is of a cookie, write 'cookie' beside it or leave it out"
            ]),
        Golden(
            "sticky names",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                sticky: { cookie: 'a b', ttl: 1ms }
            """,
            [
                "sluice.yaml:6:23: error: 'a b' is no cookie name, write one such as side",
                "sluice.yaml:6:35: error: 'ttl' must be from 1s to 9600h, not '1ms'",
            ]),
        Golden(
            "sticky part of a second",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                sticky: { cookie: a, ttl: 1500ms }
            """,
            [
                "sluice.yaml:6:31: error: 'ttl' must be whole seconds, which is how clients are told"
            ]),
        Golden(
            "not sticky",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                sticky: { clientAddress: false }
            """,
            [
                "sluice.yaml:6:30: error: 'clientAddress: false' leaves nothing to go by, write true or leave 'sticky' out"
            ]),
        Golden(
            "sticky a word",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                sticky: clientAddress
            """,
            [
                "sluice.yaml:6:13: error: 'sticky' must be a mapping of keys to values, not a single value"
            ]),
        Golden(
            "fault",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                fault: { delay: { duration: 1ms }, abort: { percent: 0.1, grpcStatus: 16 } }
            """,
            []),
        Golden(
            "no fault",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                fault: {}
            """,
            [
                "sluice.yaml:6:12: error: 'fault' does nothing, add 'delay: { duration: 2s }' or 'abort: { status: 503 }'"
            ]),
        Golden(
            "empty faults",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                fault: { delay: {}, abort: {} }
            """,
            [
                "sluice.yaml:6:21: error: 'delay' needs a duration, write 'duration: 2s'",
                "sluice.yaml:6:32: error: 'abort' needs a status, write 'status: 503'",
            ]),
        Golden(
            "bad faults",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                fault: { delay: { percent: 101, duration: 0s }, abort: { percent: -1, status: 100 } }
            """,
            [
                "sluice.yaml:6:32: error: 'percent' must be a number from 0 to 100, not '101'",
                "sluice.yaml:6:47: error: 'duration' must be from 1ms to 168h, not '0s'",
                "sluice.yaml:6:71: error: 'percent' must be a number from 0 to 100, not '-1'",
                "sluice.yaml:6:83: error: 'status' must be a whole number from 200 to 599, not '100'",
            ]),
        Golden(
            "bad code of gRPC",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                fault: { abort: { grpcStatus: 0 } }
            """,
            [
                "sluice.yaml:6:35: error: 'grpcStatus' must be a whole number from 1 to 16, not '0'"
            ]),
        Golden(
            "two codes",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                fault: { abort: { status: 503, grpcStatus: 14 } }
            """,
            [
                "sluice.yaml:6:36: error: 'abort' has both 'status' and 'grpcStatus', keep one of them: each is translated for the others"
            ]),
        Golden(
            "misspelt fault",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                fault: { abort: { httpStatus: 503 } }
            """,
            [
                "sluice.yaml:6:21: error: 'abort' needs a status, write 'status: 503'",
                "sluice.yaml:6:23: error: unknown key 'httpStatus', the keys of a fault's abort are percent, status and grpcStatus",
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
