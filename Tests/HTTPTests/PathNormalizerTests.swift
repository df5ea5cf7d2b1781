import Base
import HTTP
import Testing

struct PathNormalizerTests {
    /// The path to match, or `nil` where it is refused.
    static func normalized(_ path: String) -> String? {
        var decoded = ByteBuffer()
        // What an earlier path left there must not show.
        decoded.append(raw("/left/over"))
        let bytes = raw(path)
        switch bytes.withUnsafeBytes({ PathNormalizer.normalize($0, into: &decoded) }) {
        case .asReceived:
            #expect(!path.contains("%"))
            return path
        case .decoded: return shown(decoded.bytes)
        case .refused(let error):
            #expect(error.kind == .malformed)
            return nil
        }
    }

    @Test(arguments: [
        ("", ""), ("/", "/"), ("/a/b", "/a/b"), ("//", "//"), ("/a//b/", "/a//b/"), ("/...", "/..."),
        ("/.../", "/.../"), ("/.a", "/.a"),
        ("/..a/", "/..a/"), ("/a.", "/a."), ("/a..", "/a.."), ("/a../b", "/a../b"), ("/a./b", "/a./b"),
        ("/a.b.c", "/a.b.c"),
        ("/.well-known/x", "/.well-known/x"), ("/*", "/*"), ("/;p=1", "/;p=1"), ("/a+b", "/a+b"),
        // Escapes of unreserved characters are what they stand for (RFC 3986 section 6.2.2.2).
        ("/%61", "/a"), ("/%41%5A%7a", "/AZz"), ("/%30%39", "/09"), ("/%2D%2E%5F%7E", "/-._~"),
        ("/%2d%2e%5f%7e", "/-._~"),
        ("/%76%32/models", "/v2/models"), ("/a%2Eb", "/a.b"), ("/%2E%2E%2E", "/..."),
        // All others stay, in one spelling (section 6.2.2.1).
        ("/%20", "/%20"), ("/%c3%a9", "/%C3%A9"), ("/%C3%A9", "/%C3%A9"), ("/%25", "/%25"), ("/%252F", "/%252F"),
        ("/%252e", "/%252e"),
        ("/%252E%252E", "/%252E%252E"), ("/%25%32%65", "/%252e"), ("/%3f%23%26", "/%3F%23%26"), ("/%3B%3d", "/%3B%3D"),
        ("/%7f%01", "/%7F%01"),
        ("/%ff", "/%FF"), ("/%21%2a", "/%21%2A"), ("/%40%5b%60%7b", "/%40%5B%60%7B"), ("/%3a/", "/%3A/"),
    ])
    func accepts(_ path: String, _ expected: String) {
        #expect(Self.normalized(path) == expected)
    }

    @Test(arguments: [
        // Dot segments, in every spelling and place.
        "/.", "/..", "/./", "/../", "/a/.", "/a/..", "/a/./b", "/a/../b", "/a/b/../../c", "//..", "/..//",
        "/a/.../../b", "/%2e", "/%2E%2e",
        "/.%2e/", "/%2e./a", "/a/%2e%2E/b", "/a/%2E", "/a/%2e/b", "/.././..", "/a.b/../c",
        // What some take for a slash.
        "\\", "/a\\b", "/\\..\\", "/%5c", "/%5C..", "/a%5cb", "/%2f", "/%2F", "/a%2fb", "/a%2F..%2Fb", "/%2f%2e%2e",
        // The end of a string to some.
        "/%00", "/a%00.txt", "/a%00",
        // Broken escapes.
        "%", "/%", "/%2", "/%2/", "/%g0", "/%0g", "/%%", "/%%41", "/% 1", "/%u0041", "/a%", "/a%4", "/%-1", "/%+1",
        "/%\u{FF}\u{FF}",
    ])
    func refuses(_ path: String) {
        #expect(Self.normalized(path) == nil)
    }

    @Test func everyEscape() {
        let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
        for byte in UInt8.min...UInt8.max {
            for upper in [true, false] {
                let digits = String(byte, radix: 16, uppercase: upper)
                let found = Self.normalized("/x%" + (byte < 16 ? "0" : "") + digits + "y")
                switch byte {
                case 0, 0x2F, 0x5C: #expect(found == nil)
                case _ where unreserved.contains(byte): #expect(found == "/x\(Character(UnicodeScalar(byte)))y")
                default: #expect(found == "/x%" + (byte < 16 ? "0" : "") + digits.uppercased() + "y")
                }
            }
        }
    }

    /// A path in its one reading has no other: normalising it again changes nothing.
    @Test(arguments: 0..<16) func readsItsOwnResultTheSame(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let pieces = [
            "/", ".", "..", "a", "%2e", "%2F", "%25", "%41", "%5c", "\\", "%", "%00", "%c3", "2f", "2e", "/v2", "//",
        ]
        var accepted = 0
        for _ in 0..<2000 {
            let path = "/" + (0..<random.below(7)).map { _ in pieces[Int(random.below(UInt32(pieces.count)))] }.joined()
            guard let once = Self.normalized(path) else { continue }
            accepted += 1
            #expect(Self.normalized(once) == once, "\(path)")
            let segments = once.split(separator: "/", omittingEmptySubsequences: false)
            #expect(!segments.contains(".") && !segments.contains("..") && !once.contains("\\"), "\(path)")
        }
        #expect(accepted > 200 && accepted < 1900)
    }
}
