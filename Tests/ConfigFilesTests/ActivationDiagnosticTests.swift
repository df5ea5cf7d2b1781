import Configuration
import Testing

@testable import ConfigFiles

/// How a backend is started when it is needed.
@Suite struct ActivationDiagnosticTests {
    private static func lines(_ activate: String, endpoints: String = "'a:1'") -> String {
        """
        listeners: [{ address: 0.0.0.0:8080 }]
        backends: { stable: { endpoints: [\(endpoints)], activate: \(activate) } }
        routes: [{ name: a, backends: [{ name: stable }] }]
        """
    }

    @Test(arguments: [
        Golden(
            "nothing to start", lines("{ idleAfter: 10m }"),
            [
                "2:43: error: 'activate' does not say what to start, write it such as { exec: [tritonserver, --model-repository=models], idleAfter: 10m }"
            ]),
        Golden(
            "two ways", lines("{ exec: [sh], kubernetes: { namespace: a, deployment: b } }"),
            ["2:43: error: 'activate' has both 'exec' and 'kubernetes', leave one of them out"]),
        Golden(
            "no list", lines("{ exec: sh }"),
            [
                "2:61: error: 'exec' must be a list, not a single value, write it such as [tritonserver, --model-repository=models]"
            ]),
        Golden(
            "an empty list", lines("{ exec: [] }"),
            ["2:61: error: 'exec' is empty, write it such as [tritonserver, --model-repository=models]"]),
        Golden(
            "an empty program", lines("{ exec: ['', a] }"),
            [
                "2:62: error: the program must not be empty, write such as { exec: [tritonserver, --model-repository=models], idleAfter: 10m }"
            ]),
        Golden(
            "two endpoints", lines("{ exec: [sh] }", endpoints: "'a:1', 'b:1'"),
            [
                "2:62: error: 'exec' starts one process, which is one endpoint, but there are others: write a backend for each"
            ]),
        Golden(
            "no such file", lines("{ exec: [./nowhere] }"),
            ["2:62: warning: './nowhere' does not exist, so the backend cannot be started"]),
        Golden(
            "a directory", lines("{ exec: [/usr] }"), ["2:62: warning: '/usr' is a directory, name the program in it"]),
        Golden(
            "no program", lines("{ exec: [/etc/passwd] }"),
            ["2:62: warning: '/etc/passwd' may not be executed, see chmod(1)"]),
        Golden(
            "not in PATH", lines("{ exec: [no-such-program] }"),
            [
                "2:62: warning: there is no 'no-such-program' in the directories of PATH, write the whole path if it is elsewhere"
            ]),
        Golden(
            "half a Deployment", lines("{ kubernetes: { namespace: a } }"),
            [
                "2:67: error: 'kubernetes' has no deployment, write it such as { namespace: models, deployment: triton }"
            ]),
        Golden(
            "a path", lines("{ kubernetes: { namespace: a, deployment: ../b } }"),
            [
                "2:95: error: 'deployment' must be a name of small letters, digits, '-' and '.' (RFC 1123), not '../b'"
            ]),
        Golden(
            "ranges", lines("{ exec: [sh], idleAfter: 500ms, hold: { requests: 0, bytes: 1B, timeout: 0s } }"),
            [
                "2:78: error: 'idleAfter' must be 0s or from 1s to 168h, not '500ms'",
                "2:103: error: 'requests' must be a whole number from 1 to 1000000, not '0'",
                "2:113: error: 'bytes' must be from 1KiB to 1TiB, not '1B'",
                "2:126: error: 'timeout' must be from 1ms to 168h, not '0s'",
            ]),
    ])
    func says(_ golden: Golden) throws {
        let wanted = golden.expected.map { "sluice.yaml:\($0)" }
        let said = try golden.reported()
        #expect(said == wanted)
    }

    @Test func isRead() throws {
        let scratch = try ScratchDirectory([
            "sluice.yaml": Self.lines("{ exec: [sh, -c, 'a b', ''], idleAfter: 0s, hold: { requests: 7 } }")
        ])
        let activation = try #require(scratch.load().gateway?.backends.first?.activation)
        #expect(activation.means == .exec(["sh", "-c", "a b", ""]))
        #expect(activation.idleAfter == nil && activation.hold.requests == 7)
        #expect(activation.hold.timeout == .seconds(300) && activation.hold.bytes == 256 << 20)
    }
}
