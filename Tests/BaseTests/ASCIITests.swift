import Base
import Testing

struct ASCIITests {
    /// HTAB is the one control character a field value may hold (RFC 9110 section 5.5).
    static func isControl(_ byte: UInt8) -> Bool { (byte < 0x20 && byte != 0x09) || byte == 0x7F }

    /// Every byte at every place of runs that cover a word, its neighbours and the rest behind it, among bytes that are the
    /// nearest to what is looked for.
    @Test(arguments: [0x20, 0x41, 0x7E, 0x80, 0xFF, 0x09] as [UInt8])
    func findsControlCharacters(among filler: UInt8) {
        for count in 0...41 {
            var run = [UInt8](repeating: filler, count: count)
            #expect(run.withUnsafeBytes(containsControl) == Self.isControl(filler))
            for place in run.indices {
                for byte in UInt8.min...UInt8.max {
                    run[place] = byte
                    let found = run.withUnsafeBytes(containsControl)
                    if found != Self.isControl(byte) {
                        Issue.record("byte \(byte) at \(place) of \(count) among \(filler): \(found)")
                    }
                }
                run[place] = filler
            }
        }
    }

    @Test func findsControlCharactersAtAnyAlignment() {
        var run = [UInt8](repeating: 0x61, count: 64)
        run[63] = 0x1F
        run.withUnsafeBytes { all in
            for start in 0..<64 {
                #expect(containsControl(UnsafeRawBufferPointer(rebasing: all[start...])))
                #expect(!containsControl(UnsafeRawBufferPointer(rebasing: all[start..<63])))
            }
        }
        #expect(!containsControl(UnsafeRawBufferPointer(start: nil, count: 0)))
    }

    @Test func lowersLettersOnly() {
        for byte in UInt8.min...UInt8.max {
            let expected = (0x41...0x5A).contains(byte) ? byte + 0x20 : byte
            #expect(lowercased(byte) == expected)
        }
    }

    @Test func readsHexadecimalDigits() {
        for byte in UInt8.min...UInt8.max {
            let character = Character(UnicodeScalar(byte))
            let expected = byte < 0x80 ? character.hexDigitValue : nil
            #expect(hexValue(byte).map(Int.init) == expected)
        }
    }

    @Test(arguments: [
        ("", "", true), ("a", "a", true), ("A", "a", true), ("Content-Length", "content-length", true),
        ("a", "", false), ("", "a", false), ("ab", "aa", false), ("@", "`", false), ("[", "{", false),
        ("content-lengt", "content-length", false), ("\u{C9}", "\u{E9}", false),
    ])
    func comparesIgnoringCase(_ left: String, _ right: String, _ expected: Bool) {
        raw(left).withUnsafeBytes { left in
            raw(right).withUnsafeBytes { right in
                #expect(equalsIgnoringCase(left, right) == expected)
                #expect(equalsIgnoringCase(right, left) == expected)
            }
        }
    }

    @Test func comparesWithLiteralsIgnoringCase() {
        func same(_ text: String) -> Bool { raw(text).withUnsafeBytes { equalsIgnoringCase($0, "keep-alive") } }
        #expect(same("keep-alive") && same("KEEP-ALIVE") && same("Keep-Alive"))
        // A carriage return differs from a hyphen by the bit that tells cases apart.
        #expect(!same("keep\ralive") && !same("keep-aliv") && !same("keep-alive "))
    }

    @Test func comparingIsSeenAtEveryPositionOfEveryLength() {
        var random = RandomSource(seed: 4)
        for length in 0...33 {
            let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            #expect(same(bytes, bytes))
            for position in 0..<length {
                for change: UInt8 in [0x20, 0x01, 0x80] {
                    var other = bytes
                    other[position] ^= change
                    let expected = lowercased(bytes[position]) == lowercased(other[position])
                    #expect(same(bytes, other) == expected, "\(bytes) \(other)")
                }
            }
        }
    }

    private func same(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.withUnsafeBytes { left in right.withUnsafeBytes { equalsIgnoringCase(left, $0) } }
    }

    @Test func controlsAreSeenAtEveryPositionOfEveryLength() {
        for length in 0...33 {
            #expect(![UInt8](repeating: 0xFF, count: length).withUnsafeBytes(containsControl))
            #expect(![UInt8](repeating: 0x09, count: length).withUnsafeBytes(containsControl))
            for position in 0..<length {
                for control: UInt8 in [0x00, 0x0A, 0x1F, 0x7F] {
                    var bytes = [UInt8](repeating: 0x20, count: length)
                    bytes[position] = control
                    #expect(bytes.withUnsafeBytes(containsControl))
                }
            }
        }
    }

    @Test func comparesBytes() {
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        #expect(equals(empty, empty) && equals(empty, []) && hasPrefix(empty, []))
        #expect(!equals(empty, [0]) && !hasPrefix(empty, [0]))
        raw("abc").withUnsafeBytes { bytes in
            #expect(equals(bytes, raw("abc")) && !equals(bytes, raw("abd")) && !equals(bytes, raw("ab")))
            #expect(!equals(bytes, raw("ABC")))
            #expect(hasPrefix(bytes, []) && hasPrefix(bytes, raw("ab")) && hasPrefix(bytes, raw("abc")))
            #expect(!hasPrefix(bytes, raw("abcd")) && !hasPrefix(bytes, raw("b")))
        }
    }

    @Test func readsTextWithRepairs() {
        #expect(raw("gr\u{FC}n").withUnsafeBytes(text) == "gr\u{FFFD}n")
        #expect(Array("grün".utf8).withUnsafeBytes(text) == "grün")
    }
}
