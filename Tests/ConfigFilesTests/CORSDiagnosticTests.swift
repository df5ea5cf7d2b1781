import Testing

/// Cross-origin resource sharing.
@Suite struct CORSDiagnosticTests {
    @Test(arguments: [
        Golden(
            "origins",
            #"""
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                cors: { allowOrigins: ["*", 'https://*.example.com', 'HTTP://localhost:3000', 'http://localhost:*', "https://[::1]:8443", "null", 'chrome-extension://abc', { startsWith: 'http://localhost:' }, { regex: 'https://pr-[0-9]+\.example\.net' }] }
            """#,
            []),
        Golden(
            "bad origins",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                cors:
                  allowOrigins:
                    - app.example.com
                    - "*.example.com"
                    - https://app.example.com/
                    - https://app.example.com/path
                    - https://app.example.com:443
                    - http://app.example.com:80
                    - https://app.example.com:0
                    - https://app.example.com:x
                    - https://*.*.example.com
                    - https://
                    - https://a b
                    - h*ps://a
                    - ~
                    - []
                    - {}
                    - { exact: https://a }
                    - { startsWith: https://a, regex: b }
                    - { regex: "(" }
                    - { startsWith: "" }
            """,
            [
                "sluice.yaml:8:11: error: 'app.example.com' is no origin, write it with its scheme, such as https://app.example.com",
                "sluice.yaml:9:11: error: '*.example.com' is no origin, write it with its scheme, such as https://app.example.com",
                "sluice.yaml:10:11: error: 'https://app.example.com/' goes on behind the host and port, and origins do not, write https://app.example.com",
                "sluice.yaml:11:11: error: 'https://app.example.com/path' goes on behind the host and port, and origins do not, write https://app.example.com",
                "sluice.yaml:12:11: error: 'https://app.example.com:443' never comes with the port of its scheme, write https://app.example.com",
                "sluice.yaml:13:11: error: 'http://app.example.com:80' never comes with the port of its scheme, write http://app.example.com",
                "sluice.yaml:14:11: error: 'https://app.example.com:0' has no port behind its colon, write it such as http://localhost:3000",
                "sluice.yaml:15:11: error: 'https://app.example.com:x' has no port behind its colon, write it such as http://localhost:3000",
                "sluice.yaml:16:11: error: 'https://*.*.example.com' has two stars, write one, or { regex: … }",
                "sluice.yaml:17:11: error: 'https://' has no host that browsers know, write it such as https://app.example.com",
                "sluice.yaml:18:11: error: 'https://a b' has no host that browsers know, write it such as https://app.example.com",
                "sluice.yaml:19:11: error: 'h*ps://a' is no origin, write it with its scheme, such as https://app.example.com",
                "sluice.yaml:20:11: error: an origin must be text, not nothing",
                "sluice.yaml:21:11: error: an origin must be text, not a list",
                "sluice.yaml:22:11: error: an origin is empty, write one of startsWith or regex",
                "sluice.yaml:23:13: error: unknown key 'exact', the keys of an origin are startsWith and regex",
                "sluice.yaml:24:36: error: an origin compares in two ways, write one of startsWith or regex",
                "sluice.yaml:25:20: error: bad regular expression: '(' without ')'; write '\\(' for the character",
                "sluice.yaml:26:25: error: 'startsWith' must not be empty",
            ]),
        Golden(
            "star without a dot",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                cors: { allowOrigins: ["https://*example.com", "https://app-*.example.com"] }
            """,
            [
                "sluice.yaml:6:28: warning: 'https://*example.com' also allows https://evilexample.com, write https://*.example.com"
            ]),
        Golden(
            "star with credentials",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                cors: { allowOrigins: ["*"], allowCredentials: true }
            """,
            [
                "sluice.yaml:6:52: warning: credentials are never allowed for origins that only '*' allows, name those that may send them in 'allowOrigins'"
            ]),
        Golden(
            "no origins",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                cors: {}
            """,
            [
                "sluice.yaml:6:11: error: 'cors' allows no origin, write 'allowOrigins: [https://app.example.com]'"
            ]),
        Golden(
            "empty origins",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                cors: { allowOrigins: [] }
            """,
            [
                "sluice.yaml:6:27: error: 'allowOrigins' is empty, write it such as [https://app.example.com]"
            ]),
        Golden(
            "lists",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                cors: { allowOrigins: [https://a], allowMethods: [GET, "*", GET, post, "a b"], allowHeaders: [content-type, Content-Type, "*", "a:"], exposeHeaders: [] }
            """,
            [
                "sluice.yaml:6:65: error: 'GET' is in this list already, keep one",
                "sluice.yaml:6:70: error: methods are in capitals, write POST",
                "sluice.yaml:6:76: error: 'a b' is no method, write one such as POST",
                "sluice.yaml:6:113: error: 'Content-Type' is in this list already, keep one",
                "sluice.yaml:6:132: error: 'a:' is no header name, write one such as x-tenant",
                "sluice.yaml:6:154: error: 'exposeHeaders' is empty, write it such as [x-request-id] or leave it out",
            ]),
        Golden(
            "ages",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                cors: { allowOrigins: [https://a], maxAge: 1.5s, unmatchedPreflights: drop, allowCredentials: yes }
            """,
            [
                "sluice.yaml:6:48: error: 'maxAge' must be whole seconds, which is how clients are told",
                "sluice.yaml:6:75: error: 'unmatchedPreflights' must be ignore or forward, not 'drop'",
                "sluice.yaml:6:99: error: 'allowCredentials' must be true or false, not 'yes'",
            ]),
        Golden(
            "long age",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                cors: { allowOrigins: [https://a], maxAge: 8761h, unmatchedPreflights: forward }
            """,
            [
                "sluice.yaml:6:48: error: 'maxAge' must be from 0s to 8760h, not '8761h'"
            ]),
        Golden(
            "cors a flag",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                cors: true
            """,
            [
                "sluice.yaml:6:11: error: 'cors' must be a mapping of keys to values, not a single value"
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
