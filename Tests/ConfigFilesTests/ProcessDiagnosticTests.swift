import Testing

/// What the process may take, and who takes over from it.
@Suite struct ProcessDiagnosticTests {
    @Test(arguments: [
        Golden(
            "fine",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            memoryLimit: 64MiB
            takeover: { socket: /run/sluice/takeover.sock }
            """,
            []),
        Golden(
            "too little memory",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            memoryLimit: 67108863
            """,
            [
                "sluice.yaml:4:14: error: 'memoryLimit' must be from 64MiB to 1024TiB, not '67108863'"
            ]),
        Golden(
            "memory in another unit",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            memoryLimit: 1GB
            """,
            [
                "sluice.yaml:4:14: error: 'memoryLimit': '1GB' is not a size, write 1GiB"
            ]),
        Golden(
            "a share of memory",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            memoryLimit: 80%
            """,
            [
                "sluice.yaml:4:14: error: 'memoryLimit': '80%' is not a size, write a whole number of bytes, KiB, MiB or GiB, such as 64KiB"
            ]),
        Golden(
            "too much memory",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            memoryLimit: 1025TiB
            """,
            [
                "sluice.yaml:4:14: error: 'memoryLimit' must be from 64MiB to 1024TiB, not '1025TiB'"
            ]),
        Golden(
            "no socket",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            takeover: {}
            """,
            [
                "sluice.yaml:4:11: error: 'takeover' needs a socket, write 'socket: /run/sluice/takeover.sock'"
            ]),
        Golden(
            "no mapping",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            takeover: /run/sluice/takeover.sock
            """,
            [
                "sluice.yaml:4:11: error: 'takeover' must be a mapping of keys to values, not a single value"
            ]),
        Golden(
            "nothing",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            takeover: { socket: }
            """,
            [
                "sluice.yaml:4:13: error: 'socket' has no value, write one or leave the key out"
            ]),
        Golden(
            "not a path",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            takeover: { socket: [a], path: /x }
            """,
            [
                "sluice.yaml:4:21: error: 'socket' must be text, not a list",
                "sluice.yaml:4:26: error: unknown key 'path', the keys of 'takeover' are socket",
            ]),
        Golden(
            "empty",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            takeover: { socket: '' }
            """,
            [
                "sluice.yaml:4:21: error: 'socket' must not be empty"
            ]),
        Golden(
            "an address",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            takeover: { socket: 'unix:/run/sluice/takeover.sock' }
            """,
            [
                "sluice.yaml:4:21: error: 'socket' is a path, leave 'unix:' out"
            ]),
        Golden(
            "the longest path",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            takeover: { socket: /ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss }
            """,
            []),
        Golden(
            "a path that is too long",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            takeover: { socket: /sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss }
            """,
            [
                "sluice.yaml:4:21: error: 'socket' is '/sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss', which has 108 bytes, and the path of a socket has at most 107, write a shorter one"
            ]),
        Golden(
            "bytes count and not letters",
            """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: ['a:1'] } }
            routes: [{ name: a, backends: [{ name: stable }] }]
            takeover: { socket: /ääääääääääääääääääääääääääääääääääääääääääääääääääääää }
            """,
            [
                "sluice.yaml:4:21: error: 'socket' is '/ääääääääääääääääääääääääääääääääääääääääääääääääääääää', which has 109 bytes, and the path of a socket has at most 107, write a shorter one"
            ]),
    ])
    func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }
}
