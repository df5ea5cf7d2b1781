import Base
import Configuration
import Testing
import Traffic

struct AddressSetTests {
    private func networks(_ texts: [String]) throws -> [CIDR] { try texts.map { try CIDR(parsing: $0) } }

    @Test(
        arguments: [
            (["10.0.0.0/8"], "10.1.2.3", true), (["10.0.0.0/8"], "11.0.0.0", false),
            (["10.0.0.0/8"], "::ffff:10.0.0.1", true), (["10.0.0.0/8"], "::10.0.0.1", false),
            (["192.0.2.7"], "192.0.2.7", true), (["192.0.2.7"], "192.0.2.8", false),
            (["2001:db8::/32"], "2001:db8:ffff::1", true), (["2001:db8::/32"], "2001:db9::", false),
            (["::/0"], "192.0.2.1", true), (["0.0.0.0/0"], "255.255.255.255", true), (["0.0.0.0/0"], "::1", false),
            (["10.0.0.0/8", "10.1.0.0/16"], "10.255.0.1", true), (["10.1.0.0/16", "10.0.0.0/8"], "10.0.0.1", true),
            (["10.0.0.0/9", "10.128.0.0/9"], "10.200.0.1", true), ([], "10.0.0.1", false),
        ])
    func contains(_ texts: [String], _ address: String, _ expected: Bool) throws {
        let address = try #require(IPAddress(address))
        #expect(AddressSet(try networks(texts)).contains(address) == expected)
    }

    /// Against looking at each network, at the edges of all of them.
    @Test(arguments: 0..<40)
    func agreesWithThePlainReading(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let networks = (0..<Int(random.below(60))).map { _ in
            let isShort = random.chance(percent: 20)
            return CIDR(
                high: isShort ? random.next() & 0xFF : 0, low: 0xFFFF_0000_0000 | random.next() & 0xFF00_FF0F,
                prefixLength: isShort ? Int(random.below(129)) : 96 + Int(random.below(33)))
        }
        let set = AddressSet(networks)
        for network in networks {
            for low in [network.low, network.low &- 1, network.low | 0xFF, network.low &+ 1] {
                let expected = networks.contains { $0.contains(high: network.high, low: low) }
                #expect(set.contains(IPAddress(high: network.high, low: low)) == expected)
            }
        }
    }

    @Test(
        arguments: [
            ([], ["10.0.0.0/8"], "10.0.0.1", true), ([], ["10.0.0.0/8"], "11.0.0.1", false),
            (["10.6.6.6"], [], "10.6.6.6", false), (["10.6.6.6"], [], "10.6.6.7", true),
            (["10.6.6.6"], ["10.0.0.0/8"], "10.6.6.6", false), (["10.6.6.6"], ["10.0.0.0/8"], "10.6.6.5", true),
            (["10.6.6.6"], [], nil, true), (["10.6.6.6"], ["10.0.0.0/8"], nil, false),
        ] as [([String], [String], String?, Bool)])
    func rules(_ deny: [String], _ allow: [String], _ address: String?, _ expected: Bool) throws {
        let rules = try #require(AccessRules(deny: try networks(deny), allow: try networks(allow)))
        #expect(rules.admits(address.flatMap { IPAddress($0) }) == expected)
    }

    @Test func noRules() { #expect(AccessRules(deny: [], allow: []) == nil ? true : false) }
}
