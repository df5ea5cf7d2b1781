import Testing

/// What is wrong with the YAML itself, and with the document as a whole.
@Suite struct YAMLDiagnosticTests {
    @Test(arguments: [
        Golden(
            "empty",
            """
            """,
            [
                "sluice.yaml:1:1: error: the configuration is empty, write at least 'listeners', 'backends' and 'routes'"
            ]),
        Golden(
            "comments only",
            """
            # nothing
            ---
            """,
            [
                "sluice.yaml:1:1: error: the configuration is empty, write at least 'listeners', 'backends' and 'routes'"
            ]),
        Golden(
            "a word",
            """
            hello
            """,
            [
                "sluice.yaml:1:1: error: a configuration must be a mapping of keys to values, not a single value"
            ]),
        Golden(
            "a list",
            """
            - a
            """,
            [
                "sluice.yaml:1:1: error: a configuration must be a mapping of keys to values, not a list"
            ]),
        Golden(
            "tab",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
            \t- name: a
            """,
            [
                "sluice.yaml:4:1: error: not YAML: a tab cannot indent, use spaces"
            ]),
        Golden(
            "unclosed quote",
            """
            a: "x
            b: 1
            """,
            [
                "sluice.yaml:2:5: error: not YAML: found unexpected end of stream while scanning a quoted scalar that begins in line 1"
            ]),
        Golden(
            "unclosed list",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { a: [
            """,
            [
                "sluice.yaml:3:1: error: not YAML: did not find expected node content while parsing a flow node"
            ]),
        Golden(
            "reserved character",
            """
            listeners: @x
            """,
            [
                "sluice.yaml:1:12: error: not YAML: text that begins with '@' must be in quotes"
            ]),
        Golden(
            "bad indentation",
            """
            listeners:
              - address: 0.0.0.0:1
             - address: 0.0.0.0:2
            """,
            [
                "sluice.yaml:3:2: error: not YAML: did not find expected key while parsing a block mapping that begins in line 1"
            ]),
        Golden(
            "control character",
            """
            a: \u{1}
            """,
            [
                "sluice.yaml:1:4: error: the character U+0001 must not be in a configuration, remove it"
            ]),
        Golden(
            "private use",
            """
            a: \u{F0000}
            """,
            [
                "sluice.yaml:1:4: error: the character U+F0000 must not be in a configuration, remove it"
            ]),
        Golden(
            "key twice",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            loops: 1
            loops: 2
            """,
            [
                "sluice.yaml:5:1: error: 'loops' is already in line 4, keep one of them"
            ]),
        Golden(
            "key thrice, with quotes",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            loops: 1
            "loops": 2
            'loops': 3
            """,
            [
                "sluice.yaml:5:1: error: 'loops' is already in line 4, keep one of them",
                "sluice.yaml:6:1: error: 'loops' is already in line 4, keep one of them",
            ]),
        Golden(
            "key twice in a flow mapping",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, name: b, backends: [{ name: stable, weight: 1, weight: 2 }] }]
            """,
            [
                "sluice.yaml:3:21: error: 'name' is already in line 3 (column 12), keep one of them",
                "sluice.yaml:3:68: error: 'weight' is already in line 3 (column 57), keep one of them",
            ]),
        Golden(
            "key twice and a syntax error",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            loops: 1
            loops: 2
            backends: {
            """,
            [
                "sluice.yaml:5:1: error: not YAML: did not find expected node content while parsing a flow node"
            ]),
        Golden(
            "alias",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: &b { endpoints: [127.0.0.1:8000] }, canary: *b }
            routes: [{ name: a, backends: [{ name: stable }, { name: canary }] }]
            """,
            []),
        Golden(
            "unknown alias",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: *b }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:21: error: '*b' is an alias without an anchor before it, put text that begins with '*' in quotes"
            ]),
        Golden(
            "asterisk without quotes",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes:
              - name: a
                backends: [{ name: stable }]
                hosts: [*.example.com]
            """,
            [
                "sluice.yaml:6:13: error: '*.example.com' is an alias without an anchor before it, put text that begins with '*' in quotes"
            ]),
        Golden(
            "problem behind an alias once",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: &b { endpoints: [x] }, canary: *b }
            routes: [{ name: a, backends: [{ name: stable }, { name: canary }] }]
            """,
            [
                "sluice.yaml:2:38: error: an endpoint: 'x' has no port, write host:port such as 127.0.0.1:8000"
            ]),
        Golden(
            "merge key",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { <<: { endpoints: [127.0.0.1:8000] } } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            """,
            [
                "sluice.yaml:2:13: error: backend 'stable' has no endpoints, write 'endpoints: [127.0.0.1:8000]'",
                "sluice.yaml:2:23: error: merge keys ('<<') are not supported, write the keys out",
            ]),
        Golden(
            "tag",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            loops: !!int 2
            """,
            [
                "sluice.yaml:4:8: error: the tag '!!int' is not supported, leave it out"
            ]),
        Golden(
            "key that is a list",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            [a]: b
            """,
            [
                "sluice.yaml:4:1: error: a key must be text, not a list or a mapping"
            ]),
        Golden(
            "second document",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            ---
            routes: [{ name: a, backends: [{ name: stable }] }]
            ---
            loops: 2
            """,
            []),
        Golden(
            "set twice in two documents",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            loops: 1
            ---
            loops: 2
            """,
            [
                "sluice.yaml:6:1: error: 'loops' is already in line 4, keep one of them"
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
