import Testing

/// Changes of header fields.
@Suite struct HeaderDiagnosticTests {
    @Test(arguments: [
        Golden(
            "all kinds",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable, requestHeaders: { set: { x-side: a } }, responseHeaders: { add: { x-side: "%{backend}" } } }]
                mirrors: [{ backend: stable, requestHeaders: { remove: [authorization] } }]
                requestHeaders: { set: { X-Tenant: gold, authorization: Basic YTpi }, add: { x-a: "%{client.address}, %{request.id} %{user}%%{x} 100%" }, remove: [x-b] }
                responseHeaders: { set: { server: '' }, add: { Set-Cookie: a=b }, remove: [x-powered-by] }
            """,
            []),
        Golden(
            "names",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                requestHeaders:
                  set: { 'a b': x, '': x, ':path': x }
                  remove: ['ä', ~, [x]]
            """,
            [
                "sluice.yaml:7:14: error: 'a b' is no header name, write one such as x-tenant",
                "sluice.yaml:7:24: error: '' is no header name, write one such as x-tenant",
                "sluice.yaml:7:31: error: ':path' is no header name, write one such as x-tenant",
                "sluice.yaml:8:16: error: 'ä' is no header name, write one such as x-tenant",
                "sluice.yaml:8:21: error: a header to remove must be text, not nothing",
                "sluice.yaml:8:24: error: a header to remove must be text, not a list",
            ]),
        Golden(
            "framing",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                requestHeaders:
                  set: { Connection: close, content-length: 1, keep-alive: x, te: trailers, trailer: x }
                  add: { Transfer-Encoding: chunked, upgrade: h2c, proxy-connection: x, expect: 100-continue }
                responseHeaders:
                  remove: [connection, content-length, transfer-encoding]
            """,
            [
                "sluice.yaml:7:14: error: 'Connection' frames or routes the message, which is the gateway's to do, leave it out",
                "sluice.yaml:7:33: error: 'content-length' frames or routes the message, which is the gateway's to do, leave it out",
                "sluice.yaml:7:52: error: 'keep-alive' frames or routes the message, which is the gateway's to do, leave it out",
                "sluice.yaml:7:67: error: 'te' frames or routes the message, which is the gateway's to do, leave it out",
                "sluice.yaml:7:81: error: 'trailer' frames or routes the message, which is the gateway's to do, leave it out",
                "sluice.yaml:8:14: error: 'Transfer-Encoding' frames or routes the message, which is the gateway's to do, leave it out",
                "sluice.yaml:8:42: error: 'upgrade' frames or routes the message, which is the gateway's to do, leave it out",
                "sluice.yaml:8:56: error: 'proxy-connection' frames or routes the message, which is the gateway's to do, leave it out",
                "sluice.yaml:8:77: error: 'expect' frames or routes the message, which is the gateway's to do, leave it out",
                "sluice.yaml:10:16: error: 'connection' frames or routes the message, which is the gateway's to do, leave it out",
                "sluice.yaml:10:28: error: 'content-length' frames or routes the message, which is the gateway's to do, leave it out",
                "sluice.yaml:10:44: error: 'transfer-encoding' frames or routes the message, which is the gateway's to do, leave it out",
            ]),
        Golden(
            "what the gateway writes",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                requestHeaders:
                  set: { Host: a, via: a, X-Forwarded-For: a, x-forwarded-proto: a, x-forwarded-host: a, forwarded: a }
                  add: { x-request-id: a, traceparent: a, X-Sluice-Cause: a }
                  remove: [host, via]
                responseHeaders:
                  set: { Date: a, grpc-status: a, grpc-message: a, x-sluice-cause: a }
                  remove: [x-sluice-backend]
            """,
            [
                "sluice.yaml:7:14: error: 'Host' is where the request goes, write it as 'host' in 'rewrite'",
                "sluice.yaml:7:23: error: 'via' is written by the gateway itself, leave it out",
                "sluice.yaml:7:31: error: 'X-Forwarded-For' is written by the gateway itself, leave it out",
                "sluice.yaml:7:51: error: 'x-forwarded-proto' is written by the gateway itself, leave it out",
                "sluice.yaml:7:73: error: 'x-forwarded-host' is written by the gateway itself, leave it out",
                "sluice.yaml:7:94: error: 'forwarded' is written by the gateway itself, leave it out",
                "sluice.yaml:8:14: error: 'x-request-id' is written by the gateway itself, leave it out",
                "sluice.yaml:8:31: error: 'traceparent' is written by the gateway itself, leave it out",
                "sluice.yaml:8:47: error: 'X-Sluice-Cause' belongs to the gateway, choose a name that does not begin with x-sluice-",
                "sluice.yaml:9:16: error: 'host' is where the request goes, write it as 'host' in 'rewrite'",
                "sluice.yaml:9:22: error: 'via' is written by the gateway itself, leave it out",
                "sluice.yaml:11:14: error: 'Date' is written by the gateway or the endpoint alone, leave it out",
                "sluice.yaml:11:23: error: 'grpc-status' is written by the gateway or the endpoint alone, leave it out",
                "sluice.yaml:11:39: error: 'grpc-message' is written by the gateway or the endpoint alone, leave it out",
                "sluice.yaml:11:56: error: 'x-sluice-cause' belongs to the gateway, choose a name that does not begin with x-sluice-",
                "sluice.yaml:12:16: error: 'x-sluice-backend' belongs to the gateway, choose a name that does not begin with x-sluice-",
            ]),
        Golden(
            "what only one direction has",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                requestHeaders: { set: { date: a, server: b } }
                responseHeaders: { set: { via: a, host: b, x-request-id: "%{request.id}" } }
            """,
            []),
        Golden(
            "twice",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                requestHeaders:
                  set: { x-a: 1, X-A: 2, x-b: 3 }
                  add: { X-B: 4, x-c: 5 }
                  remove: [x-C, x-d, x-d]
            """,
            [
                "sluice.yaml:7:22: error: 'X-A' is already in line 7 (column 14), keep one",
                "sluice.yaml:8:14: error: 'X-B' is already in line 7, keep one",
                "sluice.yaml:9:16: error: 'x-C' is already in line 8, keep one",
                "sluice.yaml:9:26: error: 'x-d' is already in line 9 (column 21), keep one",
            ]),
        Golden(
            "values",
            #"""
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                requestHeaders:
                  set: { x-a: ' a', x-b: "a\nb", x-c: ~, x-d: [a], x-e: '%{client}', x-f: '%{user', x-g: "100%" }
            """#,
            [
                "sluice.yaml:7:19: error: the value of 'x-a' must not hold control characters or blanks around it",
                "sluice.yaml:7:30: error: the value of 'x-b' must not hold control characters or blanks around it",
                "sluice.yaml:7:43: error: 'x-c' must be text, not nothing",
                "sluice.yaml:7:51: error: 'x-d' must be text, not a list",
                "sluice.yaml:7:61: error: the value of 'x-e' has an unknown variable, there are %{client.address}, %{request.id}, %{user}, %{route}, %{backend}",
                "sluice.yaml:7:79: error: the value of 'x-f' has a '%{' without a '}', write '%%{' for the characters themselves",
            ]),
        Golden(
            "empty",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                requestHeaders: {}
                responseHeaders: { set: {}, add: [], remove: [] }
            """,
            [
                "sluice.yaml:6:21: error: 'requestHeaders' is empty, write it such as { set: { x-tenant: gold } }",
                "sluice.yaml:7:24: error: 'set' is empty, write it such as { x-tenant: gold } or leave it out",
                "sluice.yaml:7:38: error: 'add' must be a mapping, not a list, write it such as { x-tenant: gold }",
                "sluice.yaml:7:50: error: 'remove' is empty, write it such as [x-debug] or leave it out",
            ]),
        Golden(
            "misspelt",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                requestHeaders: { sets: { a: b } }
            """,
            [
                "sluice.yaml:6:23: error: unknown key 'sets', did you mean 'set'?"
            ]),
        Golden(
            "entry and mirror",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable, requestHeaders: { set: { host: a } }, responseHeaders: { set: { date: a } } }]
                mirrors: [{ backend: stable, requestHeaders: { set: { via: a } } }]
            """,
            [
                "sluice.yaml:5:57: error: 'host' is where the request goes, write it as 'host' in 'rewrite'",
                "sluice.yaml:5:96: error: 'date' is written by the gateway or the endpoint alone, leave it out",
                "sluice.yaml:6:59: error: 'via' is written by the gateway itself, leave it out",
            ]),
        Golden(
            "on a request that goes nowhere",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                respond: { status: 200 }
                requestHeaders: { set: { x-a: b } }
                responseHeaders: { set: { x-a: b } }
            """,
            [
                "sluice.yaml:6:5: error: 'requestHeaders' means nothing without 'backends', leave it out"
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
