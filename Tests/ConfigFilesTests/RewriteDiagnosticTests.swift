import Testing

/// Where requests go on to.
@Suite struct RewriteDiagnosticTests {
    @Test(arguments: [
        Golden(
            "rewrite of a prefix",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ path: { prefix: /a } }, { method: GET }]
                rewrite: { prefix: /b/, host: 'b.example.com:8080' }
            """,
            []),
        Golden(
            "rewrite of all",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ path: { regex: /a.* } }]
                rewrite: { path: '/b%20c' }
            """,
            []),
        Golden(
            "rewrite by a pattern",
            #"""
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { regex: { match: '^/(a)(b)?', replace: '/\0\2-x' } }
            """#,
            []),
        Golden(
            "two ways",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { prefix: /a, path: /b }
            """,
            [
                "sluice.yaml:6:28: error: 'rewrite' has both 'prefix' and 'path', keep one of them"
            ]),
        Golden(
            "no way",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: {}
            """,
            [
                "sluice.yaml:6:14: error: 'rewrite' changes nothing, write 'prefix', 'path', 'regex' or 'host'"
            ]),
        Golden(
            "rewrite a path",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: /b
            """,
            [
                "sluice.yaml:6:14: error: 'rewrite' must be a mapping of keys to values, not a single value"
            ]),
        Golden(
            "prefix of a pattern",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ path: { prefix: /a } }, { path: { regex: /b.* } }]
                rewrite: { prefix: /b }
            """,
            [
                "sluice.yaml:7:16: error: 'prefix' has nothing to replace where the route matches a path by 'regex', write 'regex' or 'path'"
            ]),
        Golden(
            "paths",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { path: b }
            """,
            [
                "sluice.yaml:6:22: error: the path 'b' must begin with '/', write '/b'"
            ]),
        Golden(
            "path with a query",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { path: '/b?c=d' }
            """,
            [
                "sluice.yaml:6:22: error: the path '/b?c=d' must end before the query, which stays as the request has it"
            ]),
        Golden(
            "path with a blank",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { prefix: '/b c' }
            """,
            [
                "sluice.yaml:6:24: error: the path '/b c' has a blank, control or non-ASCII character, write it percent-encoded"
            ]),
        Golden(
            "path with dots",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { prefix: /b/.. }
            """,
            [
                "sluice.yaml:6:24: error: the path '/b/..' has a dot segment, and requests whose path has one are refused"
            ]),
        Golden(
            "path with a backslash",
            #"""
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { path: '/b\c' }
            """#,
            [
                "sluice.yaml:6:22: error: the path '/b\\c' has a backslash, and requests whose path has one are refused"
            ]),
        Golden(
            "path with an encoded slash",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { path: '/b%2Fc' }
            """,
            [
                "sluice.yaml:6:22: error: the path '/b%2Fc' has an encoded slash, backslash or NUL, and requests whose path has one are refused"
            ]),
        Golden(
            "hosts",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { host: 'http://b' }
            """,
            [
                "sluice.yaml:6:22: error: 'host': 'http://b' must not have a scheme, leave 'http://' out and write host:port"
            ]),
        Golden(
            "host with a bad port",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { host: 'b:x' }
            """,
            [
                "sluice.yaml:6:22: error: 'host': 'b:x' has no port, write host:port such as 127.0.0.1:8000"
            ]),
        Golden(
            "address as host",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { host: '[::1]:80' }
            """,
            []),
        Golden(
            "groups",
            #"""
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { regex: { match: '/(a)', replace: '/\2' } }
            """#,
            [
                "sluice.yaml:6:49: error: 'regex' has a replacement with \\2, and the pattern has one group"
            ]),
        Golden(
            "escapes",
            #"""
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { regex: { match: '/(a)', replace: '/\n' } }
            """#,
            [
                "sluice.yaml:6:49: error: 'regex' has a replacement with a backslash before neither a digit nor a backslash, write \\\\ for a backslash"
            ]),
        Golden(
            "escape at the end",
            #"""
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { regex: { match: '/(a)', replace: '/\' } }
            """#,
            [
                "sluice.yaml:6:49: error: 'regex' has a replacement with a backslash before neither a digit nor a backslash, write \\\\ for a backslash"
            ]),
        Golden(
            "pattern too large to replace",
            #"""
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { regex: { match: '/(a{1000}){2}(b{1000})', replace: '/\1' } }
            """#,
            [
                "sluice.yaml:6:67: error: 'regex' is too long for a replacement, use fewer or smaller counted repetitions"
            ]),
        Golden(
            "backslash in a replacement",
            #"""
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { regex: { match: '/(a)', replace: '/\\\1' } }
            """#,
            [
                "sluice.yaml:6:49: error: 'replace' has a '?', '#', backslash, blank or non-ASCII character, which no path has, write it percent-encoded or leave it out"
            ]),
        Golden(
            "query in a replacement",
            #"""
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { regex: { match: '/(a)', replace: '/?a=\1' } }
            """#,
            [
                "sluice.yaml:6:49: error: 'replace' has a '?', '#', backslash, blank or non-ASCII character, which no path has, write it percent-encoded or leave it out"
            ]),
        Golden(
            "bad pattern",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { regex: { match: '(', replace: /a } }
            """,
            [
                "sluice.yaml:6:32: error: bad regular expression: '(' without ')'; write '\\(' for the character"
            ]),
        Golden(
            "half a pattern",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { regex: { match: /a } }
            """,
            [
                "sluice.yaml:6:23: error: 'regex' needs 'replace', write it such as { match: \"^/v1/(.*)\", replace: '/v2/\\1' }"
            ]),
        Golden(
            "no pattern",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { regex: /a }
            """,
            [
                "sluice.yaml:6:23: error: 'regex' must be a mapping of keys to values, not a single value"
            ]),
        Golden(
            "empty pattern",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                rewrite: { regex: { replace: /b } }
            """,
            [
                "sluice.yaml:6:23: error: 'regex' needs 'match', write it such as { match: \"^/v1/(.*)\", replace: '/v2/\\1' }"
            ]),
        Golden(
            "rewrite without backends",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                respond: { status: 200 }
                rewrite: { path: /b }
            """,
            [
                "sluice.yaml:6:5: error: 'rewrite' means nothing without 'backends', leave it out"
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
