import Testing

/// Matches of what a request says beside its path: host, scheme, port, and headers it must not have.
@Suite struct RequestMatchDiagnosticTests {
    @Test(arguments: [
        Golden(
            "hosts",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ host: Models.Example.com }, { host: { exact: '[::1]' } }, { host: { prefix: Models- } }, { host: { regex: 'a|b' } }]
            """,
            []),
        Golden(
            "bad hosts",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ host: 'a:80' }, { host: '*.a' }, { host: {} }, { host: { exact: a, prefix: b } }, { host: { present: true } }, { host: { regex: '(' } }, { host: [a] }]
            """,
            [
                "sluice.yaml:6:21: error: 'a:80' is no host name, write a name without scheme, port or final dot",
                "sluice.yaml:6:39: error: '*.a' is no host name, write a name without scheme, port or final dot",
                "sluice.yaml:6:56: error: 'host' is empty, write one of exact, prefix or regex",
                "sluice.yaml:6:82: error: 'host' compares in two ways, write one of exact, prefix or regex",
                "sluice.yaml:6:107: error: unknown key 'present', the keys of a host match are exact, prefix and regex",
                "sluice.yaml:6:143: error: bad regular expression: '(' without ')'; write '\\(' for the character",
                "sluice.yaml:6:160: error: 'host' must be text, not a list",
            ]),
        Golden(
            "schemes and ports",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ scheme: https, port: 8443 }, { scheme: HTTP, port: 0 }, { scheme: ws, port: http }]
            """,
            [
                "sluice.yaml:6:54: error: 'scheme' must be http or https, not 'HTTP'",
                "sluice.yaml:6:66: error: 'port' must be a whole number from 1 to 65535, not '0'",
                "sluice.yaml:6:81: error: 'scheme' must be http or https, not 'ws'",
                "sluice.yaml:6:91: error: 'port' must be a whole number from 1 to 65535, not 'http'",
            ]),
        Golden(
            "headers that must not be there",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ withoutHeaders: { X-A: b, x-b: { present: true }, x-c: { regex: 'd+' } } }]
            """,
            []),
        Golden(
            "bad headers that must not be there",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ withoutHeaders: { 'a b': c, x-a: 1, X-A: 2, x-c: {} } }, { withoutHeaders: {} }, { withoutHeaders: [x-a] }]
            """,
            [
                "sluice.yaml:6:33: error: 'a b' is no header name, write one such as x-tenant",
                "sluice.yaml:6:51: error: 'X-A' is already in line 6 (column 43), keep one",
                "sluice.yaml:6:64: error: 'x-c' is empty, write one of exact, prefix, regex or present",
                "sluice.yaml:6:74: error: 'withoutHeaders' is empty, write it such as { x-tenant: gold } or leave it out",
                "sluice.yaml:6:114: error: 'withoutHeaders' must be a mapping, not a list, write it such as { x-tenant: gold }",
            ]),
        Golden(
            "paths whatever their case",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ path: { prefix: /A, ignoreCase: true } }, { path: { exact: /b, ignoreCase: 'false' } }, { path: { startsWith: /c, ignoreCase: true } }, { path: { regex: /d, ignoreCase: false } }]
            """,
            []),
        Golden(
            "bad paths whatever their case",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ path: { ignoreCase: true } }, { path: { regex: /a, ignoreCase: true } }, { path: { exact: /b, ignoreCase: yes } }, { path: { exact: /a, prefix: /b, ignoreCase: true } }]
            """,
            [
                "sluice.yaml:6:21: error: 'path' does not say what to compare with, write one of exact, prefix, startsWith or regex",
                "sluice.yaml:6:66: error: 'ignoreCase' does not go with 'regex', begin the expression with (?i) instead",
                "sluice.yaml:6:121: error: 'ignoreCase' must be true or false, not 'yes'",
                "sluice.yaml:6:151: error: 'path' compares in two ways, write one of exact, prefix, startsWith or regex",
            ]),
        Golden(
            "models and versions",
            #"""
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ model: '.', version: a/b }, { model: 'a\b' }]
            """#,
            [
                "sluice.yaml:6:22: error: 'model' must not be '.' or '..' nor hold a backslash, which no path may have",
                "sluice.yaml:6:36: error: 'version' must not hold '/', write the name of one version",
                "sluice.yaml:6:52: error: 'model' must not be '.' or '..' nor hold a backslash, which no path may have",
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
