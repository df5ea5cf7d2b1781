import EventLoop
import Glibc
import Testing

struct SocketAddressTests {
    @Test(
        arguments: [
            ("127.0.0.1", 8080, "127.0.0.1:8080", false), ("0.0.0.0", 0, "0.0.0.0:0", false),
            ("255.255.255.255", 65535, "255.255.255.255:65535", false), ("::1", 80, "[::1]:80", true),
            ("::", 1, "[::]:1", true), ("2001:DB8:0:0::1", 443, "[2001:db8::1]:443", true),
            ("fe80::1:2:3:4", 443, "[fe80::1:2:3:4]:443", true),
        ] as [(String, UInt16, String, Bool)])
    func readsLiterals(_ host: String, _ port: UInt16, _ description: String, _ isIPv6: Bool) throws {
        let address = try #require(SocketAddress(literal: host, port: port))
        #expect(address.description == description)
        #expect(address.isIPv6 == isIPv6)
        #expect(address.port == port)
        #expect(address.family == (isIPv6 ? AF_INET6 : AF_INET))
        #expect(SocketAddress(literal: address.host, port: port) == address)
    }

    @Test(arguments: [
        "", "localhost", "127.0.0", "127.0.0.1.", "256.0.0.1", "1::2::3", "[::1]", "::1%lo", "127.0.0.1:80",
    ])
    func refusesWhatIsNoLiteral(_ host: String) {
        #expect(SocketAddress(literal: host, port: 1) == nil)
    }

    @Test(arguments: ["10.1.2.3", "127.0.0.1", "::1", "2001:db8::ff", "fe80::1"])
    func survivesTheKernelsForm(_ host: String) throws {
        let address = try #require(SocketAddress(literal: host, port: 54321))
        let back = address.withKernelForm { form, length in
            let family = UnsafeRawPointer(form).load(as: sa_family_t.self)
            #expect(Int32(family) == address.family)
            #expect(
                Int(length)
                    == (address.isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size))
            return SocketAddress(form.pointee)
        }
        #expect(back == address)
        #expect(back?.hashValue == address.hashValue)
        #expect(back?.description == address.description)
    }

    @Test func refusesOtherFamilies() throws {
        let address = try #require(SocketAddress(literal: "10.1.2.3", port: 1))
        for family in [AF_UNIX, AF_UNSPEC, AF_NETLINK] {
            let read = address.withKernelForm { form, _ in
                var storage = form.pointee
                withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: sa_family_t(family), as: sa_family_t.self) }
                return SocketAddress(storage)
            }
            #expect(read == nil)
        }
    }

    /// What a dual-stack socket reports of an IPv4 client (RFC 4291 section 2.5.5.2).
    @Test func takesAMappedClientForAnIPv4Client() throws {
        let mapped = try #require(SocketAddress(literal: "::ffff:192.0.2.7", port: 99))
        let client = try #require(mapped.withKernelForm { form, _ in SocketAddress(form.pointee) })
        let plain = try #require(SocketAddress(literal: "192.0.2.7", port: 99))
        #expect(client == plain)
        #expect(!client.isIPv6)
        #expect(client.description == "192.0.2.7:99")
        // Addresses that only look alike stay what they are.
        for other in ["::fffe:192.0.2.7", "::192.0.2.7", "1::ffff:192.0.2.7", "::1:ffff:192.0.2.7"] {
            let address = try #require(SocketAddress(literal: other, port: 99))
            #expect(address.withKernelForm { form, _ in SocketAddress(form.pointee)?.isIPv6 } == true, "\(other)")
        }
    }

    @Test(
        arguments: [
            ("10.1.2.3", 0, 0xFFFF_0A01_0203), ("0.0.0.0", 0, 0xFFFF_0000_0000),
            ("255.255.255.255", 0, 0xFFFF_FFFF_FFFF),
            ("::ffff:10.1.2.3", 0, 0xFFFF_0A01_0203), ("::1", 0, 1), ("::", 0, 0),
            ("2001:db8:1:2:3:4:5:6", 0x2001_0DB8_0001_0002, 0x0003_0004_0005_0006),
        ] as [(String, UInt64, UInt64)])
    func comparesInMappedForm(_ host: String, _ high: UInt64, _ low: UInt64) throws {
        let address = try #require(SocketAddress(literal: host, port: 1))
        #expect(address.mapped == (high, low))
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.255.254", true), ("::1", true), ("126.255.255.255", false), ("128.0.0.1", false),
        ("0.0.0.0", false), ("::", false), ("::2", false), ("7f00::1", false),
    ])
    func knowsLoopbacks(_ host: String, _ expected: Bool) throws {
        #expect(try #require(SocketAddress(literal: host, port: 1)).isLoopback == expected)
    }

    @Test func isDifferentInAnyPart() throws {
        let address = SocketAddress(literal: "10.0.0.1", port: 1)
        #expect(address != SocketAddress(literal: "10.0.0.2", port: 1))
        #expect(address != SocketAddress(literal: "10.0.0.1", port: 2))
        #expect(SocketAddress(literal: "::", port: 1) != SocketAddress(literal: "0.0.0.0", port: 1))
        #expect(address?.with(port: 2) == SocketAddress(literal: "10.0.0.1", port: 2))
    }

    @Test func linkLocalAddressesDifferByInterface() throws {
        let plain = try #require(SocketAddress(literal: "fe80::1", port: 80))
        func scoped(_ interface: UInt32) -> SocketAddress? {
            plain.withKernelForm { form, _ in
                var storage = form.pointee
                // Family, port, flow and address come first (struct sockaddr_in6).
                withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: interface, toByteOffset: 24, as: UInt32.self) }
                return SocketAddress(storage)
            }
        }
        let second = try #require(scoped(2))
        #expect(second == scoped(2))
        #expect(second != scoped(3))
        #expect(second.withKernelForm { form, _ in SocketAddress(form.pointee) } == second)
        // Resolving a name goes this way.
        #expect(second.with(port: 80) == second)
    }

    @Test func holdsThePathOfAUnixSocket() throws {
        let longest = "/" + String(repeating: "a", count: SocketAddress.longestPath - 1)
        let address = try #require(SocketAddress(path: longest))
        #expect(address.description == "unix:\(longest)")
        #expect(address.host == "unix")
        #expect(address.family == AF_UNIX)
        #expect(address.isUnix && !address.isIPv6 && !address.isLoopback)
        #expect(address.with(port: 80) == address)
        #expect(address != SocketAddress(path: "/b"))
        #expect(address != SocketAddress(literal: "0.0.0.0", port: 0))
        address.withKernelForm { form, length in
            let bytes = UnsafeRawBufferPointer(start: form, count: Int(length))
            #expect(Array(bytes[2...].prefix { $0 != 0 }) == Array(longest.utf8))
            #expect(bytes.last == 0)
            // Clients of one have no address.
            #expect(SocketAddress(form.pointee) == nil)
        }
    }

    @Test(arguments: ["", "/a\0b", "/" + String(repeating: "a", count: SocketAddress.longestPath)])
    func refusesPathsThatNoSocketHas(_ path: String) {
        #expect(SocketAddress(path: path) == nil)
    }
}
