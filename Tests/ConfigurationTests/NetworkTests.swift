import Testing

@testable import Configuration

@Suite struct NetworkTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "::ffff:10.0.0.1", true),
        ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.6", false), ("0.0.0.0/0", "203.0.113.9", true),
        ("0.0.0.0/0", "2001:db8::1", false), ("::/0", "203.0.113.9", true), ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::", false), ("2001:db8::/65", "2001:db8::7fff:0:0:1", true),
        ("2001:db8::/65", "2001:db8:0:0:8000::", false), ("::1", "::1", true), ("::1", "::", false),
        ("128.0.0.0/1", "127.255.255.255", false), ("10.1.2.3/32", "10.1.2.3", true),
    ])
    func contains(network: String, address: String, expected: Bool) throws {
        let address = try #require(IPAddress(address))
        #expect(try CIDR(parsing: network).contains(address) == expected)
    }

    @Test(arguments: [
        ("", "is not a network, write an address and a prefix length such as 10.0.0.0/8"),
        ("10.0.0", "is not a network, write an address and a prefix length such as 10.0.0.0/8"),
        ("example.com/8", "is not a network, write an address and a prefix length such as 10.0.0.0/8"),
        ("10.0.0.0/", "has a prefix length outside 0 to 32, write it such as 10.0.0.0/32"),
        ("10.0.0.0/33", "has a prefix length outside 0 to 32, write it such as 10.0.0.0/32"),
        ("10.0.0.0/8/8", "has a prefix length outside 0 to 32, write it such as 10.0.0.0/32"),
        ("10.0.0.0/+8", "has a prefix length outside 0 to 32, write it such as 10.0.0.0/32"),
        ("::/129", "has a prefix length outside 0 to 128, write it such as ::/128"),
        ("10.0.0.7/8", "has bits behind its prefix, write 10.0.0.0/8 or 10.0.0.7"),
        ("2001:db8::1/32", "has bits behind its prefix, write 2001:db8::/32 or 2001:db8::1"),
    ])
    func refuses(text: String, message: String) {
        #expect(throws: InvalidValue(message)) { try CIDR(parsing: text) }
    }
}
