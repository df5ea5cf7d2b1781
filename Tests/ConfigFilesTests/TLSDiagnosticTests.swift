import Testing

@testable import ConfigFiles

/// What is said of TLS settings, on listeners and towards backends.
@Suite struct TLSDiagnosticTests {
    private static let goldens: [Golden] = [
        Golden(
            "listener's tls",
            """
            listeners:
              - address: 0.0.0.0:80
                tls: { certificates: [{ certificate: none.crt }], clientAuth: require, minVersion: "1.1", handshakeTimeout: 0s }
              - address: 0.0.0.0:81
                tls: { certificates: [{ certificate: none.crt, privateKey: none.key }], clientCA: none.ca }
              - { address: 0.0.0.0:82, tls: true }
              - { address: 0.0.0.0:83, tls: { certificates: [], certs: [] } }
            backends: { a: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: a }] }]
            """,
            [
                "sluice.yaml:3:27: error: a certificate and its key belong together, add 'privateKey'",
                "sluice.yaml:3:42: error: cannot read the certificate 'none.crt': there is no such file",
                "sluice.yaml:3:55: error: 'clientAuth: require' needs to know whose certificates are good, add 'clientCA: ca.crt'",
                "sluice.yaml:3:88: error: 'minVersion' must be 1.2 or 1.3, not '1.1'",
                "sluice.yaml:3:113: error: 'handshakeTimeout' must be from 1ms to 168h, not '0s'",
                "sluice.yaml:5:42: error: cannot read the certificate 'none.crt': there is no such file",
                "sluice.yaml:5:64: error: cannot read the private key 'none.key': there is no such file",
                "sluice.yaml:5:87: error: cannot read the authorities of clients 'none.ca': there is no such file",
                "sluice.yaml:6:33: error: 'tls' must be a mapping of keys to values, not a single value",
                "sluice.yaml:7:49: error: 'certificates' is empty, write it such as [{ certificate: tls.crt, privateKey: tls.key }]",
                "sluice.yaml:7:53: error: unknown key 'certs', the keys of a listener's tls are certificates, clientCA, clientAuth, minVersion and handshakeTimeout",
            ]),
        Golden(
            "backend's tls",
            """
            listeners: [{ address: 0.0.0.0:80 }]
            backends:
              a: { endpoints: [127.0.0.1:8000], tls: { serverName: "a b", certificate: none.crt } }
              b: { endpoints: [127.0.0.1:8000], tls: { ca: none.ca, verify: false } }
            routes: [{ name: a, backends: [{ name: a }, { name: b }] }]
            """,
            [
                "sluice.yaml:3:42: error: a certificate and its key belong together, add 'privateKey'",
                "sluice.yaml:3:56: error: 'a b' is no host name, write a name without scheme, port or final dot",
                "sluice.yaml:3:76: error: cannot read the certificate 'none.crt': there is no such file",
                "sluice.yaml:4:48: error: cannot read the authorities 'none.ca': there is no such file",
                "sluice.yaml:4:57: error: unknown key 'verify', the keys of a backend's tls are ca, serverName, certificate and privateKey",
            ]),
    ]

    @Test(arguments: goldens) func reports(golden: Golden) throws {
        #expect(try golden.reported() == golden.expected)
    }

    @Test func filesAreLookedInto() throws {
        let yaml = """
            listeners: [{ address: 0.0.0.0:80, tls: { certificates: [{ certificate: a.crt, privateKey: a.key }] } }]
            backends: { a: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, backends: [{ name: a }] }]
            """
        let scratch = try ScratchDirectory(["sluice.yaml": yaml, "a.crt": "no certificate", "a.key": "no key"])
        let outcome = scratch.load()
        #expect(outcome.gateway == nil)
        let lines = scratch.lines(outcome)
        #expect(lines.count == 1 && lines[0].hasPrefix("sluice.yaml:1:43: error: certificate 1: "), "\(lines)")
        #expect(
            outcome.watched.contains { $0.hasSuffix("/a.crt") } && outcome.watched.contains { $0.hasSuffix("/a.key") })
    }
}
