import HTTP
import Testing

struct FieldNameTests {
    static let table: [(String, FieldName)] = [
        ("Host", .host), ("Content-Length", .contentLength), ("Transfer-Encoding", .transferEncoding),
        ("Connection", .connection), ("Keep-Alive", .keepAlive), ("Proxy-Connection", .proxyConnection), ("TE", .te),
        ("Trailer", .trailer), ("Upgrade", .upgrade), ("Expect", .expect), ("Authorization", .authorization),
        ("Via", .via),
        ("Date", .date), ("User-Agent", .userAgent), ("Content-Type", .contentType), ("Forwarded", .forwarded),
        ("X-Forwarded-For", .xForwardedFor),
        ("X-Forwarded-Proto", .xForwardedProto), ("X-Forwarded-Host", .xForwardedHost), ("X-Request-ID", .xRequestID),
        ("traceparent", .traceparent), ("tracestate", .tracestate), ("X-Sluice-Mirror", .sluice),
        ("x-sluice-y", .sluice),
    ]

    static func id(_ name: String) -> FieldName { raw(name).withUnsafeBytes { FieldName($0) } }

    @Test func namesEveryCase() {
        let missing = Set(FieldName.allCases).subtracting(Self.table.map(\.1))
        #expect(missing == [.other], "the table does not have these")
    }

    @Test(arguments: table) func ignoresCase(_ name: String, _ expected: FieldName) {
        #expect(Self.id(name) == expected)
        #expect(Self.id(name.lowercased()) == expected)
        #expect(Self.id(name.uppercased()) == expected)
    }

    /// One letter more, less or other is another name.
    @Test(arguments: table.filter { $0.1 != .sluice }) func takesWholeNamesOnly(_ name: String, _: FieldName) {
        #expect(Self.id(name + "s") == .other)
        #expect(Self.id(" " + name) == .other)
        #expect(Self.id(String(name.dropLast())) == .other)
        #expect(Self.id(name.replacing("-", with: "_")) == (name.contains("-") ? .other : Self.id(name)))
        let letters = Array(name.utf8)
        for place in letters.indices {
            var other = letters
            // Another letter, and the control character that differs only by the bit that tells cases apart.
            for change in [0x01, 0x10, 0x20, 0x40] as [UInt8] {
                other[place] = letters[place] ^ change
                guard shown(other).lowercased() != name.lowercased() else { continue }
                #expect(Self.id(shown(other)) == .other, "\(shown(other).debugDescription)")
            }
        }
    }

    @Test(arguments: [
        "", "x", "x-sluice", "x-sluice-", "X-Sluices-A", "xx-sluice-a", "x_sluice_a", "x-sluicea-", "Accept",
    ])
    func leavesTheOthersAlone(_ name: String) {
        #expect(Self.id(name) == .other)
    }

    /// RFC 9110 section 7.6.1, and the length, which the writer states itself.
    @Test func hopByHop() {
        let names = Self.table.filter(\.1.isHopByHop).map(\.0)
        #expect(
            Set(names) == [
                "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Upgrade",
            ])
        #expect(!FieldName.other.isHopByHop)
    }
}
