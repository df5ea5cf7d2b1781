import Testing

/// Answers that send clients elsewhere.
@Suite struct RedirectDiagnosticTests {
    @Test(arguments: [
        Golden(
            "redirect",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                redirect: { scheme: https, host: B.example.com, port: 8443, path: '/b?c=d', code: 301 }
            """,
            [
                "sluice.yaml:2:13: warning: no route uses the backend 'stable', remove it or send it requests"
            ]),
        Golden(
            "redirect of a prefix",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                match: [{ path: { startsWith: /a } }]
                redirect: { prefix: /b, port: scheme }
            """,
            [
                "sluice.yaml:2:13: warning: no route uses the backend 'stable', remove it or send it requests"
            ]),
        Golden(
            "redirect to another port",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                redirect: { port: scheme }
            """,
            [
                "sluice.yaml:2:13: warning: no route uses the backend 'stable', remove it or send it requests"
            ]),
        Golden(
            "nothing to redirect",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                redirect: { code: 302 }
            """,
            [
                "sluice.yaml:5:15: error: 'redirect' changes nothing and would go round in circles, write 'scheme: https' or a 'host'"
            ]),
        Golden(
            "nothing to redirect but the port",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                redirect: { port: request }
            """,
            [
                "sluice.yaml:5:15: error: 'redirect' changes nothing and would go round in circles, write 'scheme: https' or a 'host'"
            ]),
        Golden(
            "bad redirect",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                redirect: { scheme: ftp, host: 'a:80', port: 0, path: b, code: 200 }
            """,
            [
                "sluice.yaml:5:25: error: 'scheme' must be http or https, not 'ftp'",
                "sluice.yaml:5:36: error: 'a:80' is no host name, write a name without scheme, port or final dot",
                "sluice.yaml:5:50: error: 'port' must be a whole number from 1 to 65535, not '0'",
                "sluice.yaml:5:59: error: the path 'b' must begin with '/', write '/b'",
                "sluice.yaml:5:68: error: 'code' must be 301, 302, 303, 307 or 308, not '200'",
            ]),
        Golden(
            "bad port of a redirect",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                redirect: { port: same, host: a }
            """,
            [
                "sluice.yaml:5:23: error: 'port' must be a number, scheme or request, not 'same'"
            ]),
        Golden(
            "port too high",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                redirect: { port: 65536, host: a }
            """,
            [
                "sluice.yaml:5:23: error: 'port' must be a whole number from 1 to 65535, not '65536'"
            ]),
        Golden(
            "redirect in two ways",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                redirect: { path: /a, prefix: /b }
            """,
            [
                "sluice.yaml:5:17: error: 'redirect' has both 'prefix' and 'path', keep one of them"
            ]),
        Golden(
            "redirect of a pattern",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                match: [{ path: { regex: /a.* } }]
                redirect: { prefix: /b }
            """,
            [
                "sluice.yaml:6:17: error: 'prefix' has nothing to replace where the route matches a path by 'regex', write 'path'"
            ]),
        Golden(
            "redirect and backends",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                redirect: { path: /a }
            """,
            [
                "sluice.yaml:6:5: error: route 'a' has both 'backends' and 'redirect', keep one of them"
            ]),
        Golden(
            "redirect with what needs backends",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                redirect: { path: /a }
                whenDown: fail
                sticky: { header: x }
                mirrors: [{ backend: stable }]
                rewrite: { path: /b }
                requestHeaders: { remove: [x] }
                priority: high
                retries: {}
                fault: { abort: { status: 503 } }
            """,
            [
                "sluice.yaml:6:5: error: 'whenDown' means nothing without 'backends', leave it out",
                "sluice.yaml:7:5: error: 'sticky' means nothing without 'backends', leave it out",
                "sluice.yaml:8:5: error: 'mirrors' means nothing without 'backends', leave it out",
                "sluice.yaml:9:5: error: 'rewrite' means nothing without 'backends', leave it out",
                "sluice.yaml:10:5: error: 'requestHeaders' means nothing without 'backends', leave it out",
                "sluice.yaml:11:5: error: 'priority' means nothing without 'backends', leave it out",
                "sluice.yaml:12:5: error: 'retries' means nothing without 'backends', leave it out",
                "sluice.yaml:13:5: error: 'fault' means nothing without 'backends', leave it out",
            ]),
        Golden(
            "policies that go with a redirect",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                redirect: { path: /a }
                allowFrom: [10.0.0.0/8]
                cors: { allowOrigins: [https://a] }
                rateLimit: { requests: 1, per: 1s }
                responseHeaders: { set: { x: y } }
            """,
            [
                "sluice.yaml:2:13: warning: no route uses the backend 'stable', remove it or send it requests"
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
