import Testing

/// What a route's match may say.
@Suite struct MatchDiagnosticTests {
    @Test(arguments: [
        Golden(
            "match a mapping",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: { path: { prefix: /v2 } }
            """,
            [
                "sluice.yaml:6:12: error: 'match' must be a list, not a mapping, write it such as [{ path: { prefix: /v2 } }]"
            ]),
        Golden(
            "match empty",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: []
            """,
            [
                "sluice.yaml:6:12: error: 'match' is empty, write it such as [{ path: { prefix: /v2 } }] or leave it out"
            ]),
        Golden(
            "match of nothing",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{}]
            """,
            [
                "sluice.yaml:6:13: error: this match is empty and takes every request, leave 'match' out for that"
            ]),
        Golden(
            "unknown key",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ paths: { prefix: /v2 }, port: 80 }]
            """,
            [
                "sluice.yaml:6:15: error: unknown key 'paths', did you mean 'path'?"
            ]),
        Golden(
            "path a word",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ path: /v2 }]
            """,
            [
                "sluice.yaml:6:21: error: 'path' must say how to compare: write one of exact, prefix, startsWith or regex, such as { prefix: /v2 }"
            ]),
        Golden(
            "path empty",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ path: {} }]
            """,
            [
                "sluice.yaml:6:21: error: 'path' is empty, write one of exact, prefix, startsWith or regex"
            ]),
        Golden(
            "path twice",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ path: { prefix: /v2, exact: /v3 } }]
            """,
            [
                "sluice.yaml:6:23: error: 'path' compares in two ways, write one of exact, prefix, startsWith or regex"
            ]),
        Golden(
            "path misspelt",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ path: { perfix: /v2 } }]
            """,
            [
                "sluice.yaml:6:23: error: unknown key 'perfix', did you mean 'prefix'?"
            ]),
        Golden(
            "path relative",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ path: { prefix: v2 } }]
            """,
            [
                "sluice.yaml:6:31: error: the path 'v2' must begin with '/', write '/v2'"
            ]),
        Golden(
            "path with query",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ path: { exact: '/v2?a=b' } }]
            """,
            [
                "sluice.yaml:6:30: error: the path '/v2?a=b' must end before the query, match parameters with 'query'"
            ]),
        Golden(
            "path with escape",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ path: { exact: '/%41' } }, { path: { exact: '/a%2fb' } }, { path: { prefix: '/a b' } }, { path: { prefix: /a/../b } }]
            """,
            [
                "sluice.yaml:6:30: error: the path '/%41' has an escape that is decoded before matching, write 'A' instead of '%41'",
                "sluice.yaml:6:59: error: the path '/a%2fb' has an encoded slash, backslash or NUL, and requests whose path has one are refused",
                "sluice.yaml:6:91: error: the path '/a b' has a blank, control or non-ASCII character, write it percent-encoded",
                "sluice.yaml:6:121: error: the path '/a/../b' has a dot segment, and requests whose path has one are refused",
            ]),
        Golden(
            "regex",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ path: { regex: '/v2/(models' } }]
            """,
            [
                "sluice.yaml:6:30: error: bad regular expression: '(' without ')'; write '\\(' for the character"
            ]),
        Golden(
            "method",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ method: post }, { method: 'PO ST' }, { method: [GET] }]
            """,
            [
                "sluice.yaml:6:23: error: methods are in capitals, write POST",
                "sluice.yaml:6:41: error: 'PO ST' is no method, write one such as POST",
                "sluice.yaml:6:62: error: 'method' must be text, not a list",
            ]),
        Golden(
            "headers",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ headers: { 'x y': a, x-a: , x-b: {}, x-c: { exact: a, prefix: b }, x-d: { present: maybe }, x-e: { is: a }, x-f: ' a', x-g: { prefix: ' a' }, x-h: { regex: '(' }, X-A: b, x-i: [a] } }]
            """,
            [
                "sluice.yaml:6:26: error: 'x y' is no header name, write one such as x-tenant",
                "sluice.yaml:6:36: error: 'x-a' has no value, write one, in quotes if it is null or empty",
                "sluice.yaml:6:48: error: 'x-b' is empty, write one of exact, prefix, regex or present",
                "sluice.yaml:6:69: error: 'x-c' compares in two ways, write one of exact, prefix, regex or present",
                "sluice.yaml:6:98: error: 'present' must be true or false",
                "sluice.yaml:6:114: error: unknown key 'is', the keys of a value match are exact, prefix, regex and present",
                "sluice.yaml:6:128: error: 'x-f' never has this value: it has control characters or blanks around it",
                "sluice.yaml:6:149: error: no value of 'x-g' begins so: it has control characters or a blank in front",
                "sluice.yaml:6:171: error: bad regular expression: '(' without ')'; write '\\(' for the character",
                "sluice.yaml:6:178: error: 'X-A' is already in line 6 (column 36), keep one",
                "sluice.yaml:6:191: error: 'x-i' must say how to compare: write one of exact, prefix, regex or present, such as { exact: gold }",
            ]),
        Golden(
            "headers empty",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ headers: {}, query: {} }]
            """,
            [
                "sluice.yaml:6:15: error: 'headers' is empty, write it such as { x-tenant: gold } or leave it out",
                "sluice.yaml:6:28: error: 'query' is empty, write it such as { debug: \"1\" } or leave it out",
            ]),
        Golden(
            "headers a list",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ headers: [x-a] }]
            """,
            [
                "sluice.yaml:6:24: error: 'headers' must be a mapping, not a list, write it such as { x-tenant: gold }"
            ]),
        Golden(
            "query",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ query: { '': a, a: { regexp: b } } }]
            """,
            [
                "sluice.yaml:6:24: error: a query parameter needs a name",
                "sluice.yaml:6:36: error: unknown key 'regexp', did you mean 'regex'?",
            ]),
        Golden(
            "model",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                match: [{ model: a/b, version: '1/2' }, { model: '' }]
            """,
            [
                "sluice.yaml:6:22: error: 'model' must not hold '/', write the name of one model",
                "sluice.yaml:6:36: error: 'version' must not hold '/', write the name of one version",
                "sluice.yaml:6:54: error: 'model' must not be empty",
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
