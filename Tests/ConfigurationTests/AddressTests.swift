import Testing

@testable import Configuration

@Suite struct AddressTests {
    @Test(arguments: [
        ("127.0.0.1:8000", "127.0.0.1", 8000), ("[::1]:8080", "::1", 8080),
        ("triton.default.svc:8000", "triton.default.svc", 8000),
        ("LOCALHOST:1", "localhost", 1), ("[2001:DB8::1]:65535", "2001:db8::1", 65535), ("0.0.0.0:0", "0.0.0.0", 0),
        ("my_triton-1:080", "my_triton-1", 80), ("10-0-0-1.pod:80", "10-0-0-1.pod", 80),
    ])
    func reads(text: String, host: String, port: UInt16) throws {
        let address = try HostPort(parsing: text)
        #expect(address == HostPort(host: host, port: port))
    }

    @Test(arguments: [
        ("", "has no port, write host:port such as 127.0.0.1:8000"),
        ("127.0.0.1", "has no port, write host:port such as 127.0.0.1:8000"),
        ("127.0.0.1:", "has no port, write host:port such as 127.0.0.1:8000"),
        ("127.0.0.1:http", "has no port, write host:port such as 127.0.0.1:8000"),
        ("127.0.0.1:-1", "has no port, write host:port such as 127.0.0.1:8000"),
        ("127.0.0.1:65536", "has a port above 65535"),
        (":8080", "has no host, write 0.0.0.0:8080 for every IPv4 address or 127.0.0.1:8080"),
        ("*:8080", "has no host, write 0.0.0.0:8080 for every IPv4 address"),
        ("::1:8080", "needs brackets around its IPv6 address, write [::1]:8080"),
        ("a:b:80", "is not an address, write host:port such as 127.0.0.1:8000"),
        ("[::1:80", "is not an address, write host:port such as 127.0.0.1:8000"),
        ("[127.0.0.1]:80", "has no IPv6 address between its brackets, write it as [::1]:80"),
        ("[]:80", "has no IPv6 address between its brackets, write it as [::1]:80"),
        ("10.0.0:80", "has a host that is neither a name nor an address, write host:port such as 127.0.0.1:8000"),
        ("10.0.0.256:80", "has a host that is neither a name nor an address, write host:port such as 127.0.0.1:8000"),
        ("a b:80", "has a host that is neither a name nor an address, write host:port such as 127.0.0.1:8000"),
        ("-a:80", "has a host that is neither a name nor an address, write host:port such as 127.0.0.1:8000"),
        ("http://a:80", "must not have a scheme, leave 'http://' out and write host:port"),
        ("unix:/run/a.sock", "must be a host and a port here: write host:port instead of 'unix:'"),
        ("systemd:http", "must be a host and a port here: write host:port instead of 'systemd:'"),
    ])
    func refuses(text: String, message: String) {
        #expect(throws: InvalidValue(message)) { try HostPort(parsing: text) }
    }

    @Test(
        arguments: [
            ("127.0.0.1:8000", .tcp(HostPort(host: "127.0.0.1", port: 8000))),
            ("unix:/run/a.sock", .unix(path: "/run/a.sock")),
            ("unix:a b.sock", .unix(path: "a b.sock")), ("systemd:http", .systemd(name: "http")),
            ("systemd:sluice.socket", .systemd(name: "sluice.socket")),
        ] as [(String, Address)])
    func readsEveryKind(text: String, address: Address) throws {
        #expect(try Address(parsing: text) == address)
        #expect(address.description == text)
        #expect((address.hostPort == nil) == !text.hasPrefix("127"))
    }

    @Test(arguments: [
        ("unix:", "has no path, write unix:/run/sluice/sluice.sock"),
        ("unix:@abstract", "is in the abstract namespace, which has no permissions: write the path of a file"),
        (
            "unix:/" + String(repeating: "a", count: 107),
            "has a path of more than 107 bytes, which no Unix socket can have"
        ),
        ("unix:/a\u{1}", "has a control character in its path"),
        ("systemd:", "has no name, write systemd:NAME as in FileDescriptorName=NAME"),
        ("systemd:a:b", "has a name that no passed socket can have: at most 255 visible ASCII characters without ':'"),
        ("systemd:a b", "has a name that no passed socket can have: at most 255 visible ASCII characters without ':'"),
        ("nonsense", "has no port, write host:port such as 127.0.0.1:8000"),
    ])
    func refusesEveryKind(text: String, message: String) {
        #expect(throws: InvalidValue(message)) { try Address(parsing: text) }
    }

    @Test(
        arguments: [
            ("0.0.0.0", 0, 0xffff_0000_0000), ("192.0.2.1", 0, 0xffff_c000_0201), ("::", 0, 0), ("::1", 0, 1),
            ("::ffff:192.0.2.1", 0, 0xffff_c000_0201), ("2001:db8::", 0x2001_0db8_0000_0000, 0),
            ("1:2:3:4:5:6:7:8", 0x0001_0002_0003_0004, 0x0005_0006_0007_0008), ("1::8", 0x0001_0000_0000_0000, 8),
            ("1:2:3:4:5:6:7::", 0x0001_0002_0003_0004, 0x0005_0006_0007_0000),
            ("64:ff9b::10.0.0.1", 0x0064_ff9b_0000_0000, 0x0a00_0001),
            ("FE80::ABCD", 0xfe80_0000_0000_0000, 0xabcd),
        ] as [(String, UInt64, UInt64)])
    func readsLiterals(text: String, high: UInt64, low: UInt64) {
        #expect(IPAddress(text) == IPAddress(high: high, low: low))
    }

    @Test(arguments: [
        "", ".", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.-4", "1.2.3.4 ", "1..2.3", "a.b.c.d", ":", ":::",
        "1:2:3",
        "1::2::3", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "::g", "::1.2.3", "1.2.3.4::", "::1.2.3.4:5",
        "fe80::1%eth0",
        ":1", "1:", "1:2:3:4:5:6:7:1.2.3.4", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
    ])
    func refusesLiterals(text: String) {
        #expect(IPAddress(text) == nil)
    }

    /// RFC 5952: the longest run of zeros is cut, the first of equally long ones, and never a single group.
    @Test(arguments: [
        "0.0.0.0", "10.0.0.1", "::", "::1", "2001:db8::1", "1::", "1:0:2::3", "1::2:0:0:3", "1:2:3:4:5:6:7:8",
        "1:0:3:4:5:6:7:8",
        "fe80::abcd",
    ])
    func printsLiterals(text: String) {
        #expect(IPAddress(text)?.description == text)
    }

    @Test func knowsLoopback() {
        let loopback = ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"]
        let other = ["128.0.0.1", "0.0.0.0", "::", "::2", "2001:db8::1", "::7f00:1"]
        #expect(loopback.allSatisfy { IPAddress($0)?.isLoopback == true })
        #expect(other.allSatisfy { IPAddress($0)?.isLoopback == false })
    }
}
