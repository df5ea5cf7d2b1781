import HTTP
import Testing

/// RFC 9112 sections 6 and 7.1.
struct BodyReaderTests {
    /// A body that has to be the same wherever it is cut.
    static func read(_ framing: BodyFraming, _ text: String) -> BodyReading {
        let bytes = raw(text)
        let whole = readBody(framing, bytes, cuts: [])
        #expect(readBody(framing, bytes, cuts: 0...bytes.count) == whole, "byte by byte: \(text.debugDescription)")
        for cut in 0...bytes.count {
            #expect(readBody(framing, bytes, cuts: [cut]) == whole, "cut at \(cut): \(text.debugDescription)")
        }
        return whole
    }

    @Test(arguments: [
        (BodyFraming.none, "", "", BodyReading.End.complete(0)), (.none, "GET /", "", .complete(0)),
        (.length(0), "x", "", .complete(0)),
        (.length(3), "", "", .open), (.length(3), "ab", "ab", .open), (.length(3), "abc", "abc", .complete(3)),
        (.length(3), "abcGET /", "abc", .complete(3)), (.length(3), "\r\n\u{00}0", "\r\n\u{00}", .complete(3)),
        (.close, "", "", .open), (.close, "abc\r\n0\r\n\r\n", "abc\r\n0\r\n\r\n", .open),
        (.length(999_999_999_999_999_999), "abc", "abc", .open),
    ])
    func findsTheEnd(_ framing: BodyFraming, _ text: String, _ data: String, _ end: BodyReading.End) {
        #expect(Self.read(framing, text) == BodyReading(data: raw(data), end: end))
    }

    @Test(arguments: [
        ("0\r\n", "", 3), ("0\r\n\r\nGET /", "", 3), ("000\r\n", "", 5), ("000000000000000\r\n", "", 17),
        ("3\r\nabc\r\n0\r\n\r\n", "abc", 11), ("1\r\na\r\n2\r\nbc\r\n0\r\nA: b\r\n\r\n", "abc", 16),
        ("03\r\nabc\r\n00\r\n", "abc", 13),
        ("a\r\n0123456789\r\n0\r\n", "0123456789", 18), ("A\r\n0123456789\r\n0\r\n", "0123456789", 18),
        ("5\r\n\r\n0\r\n\r\n0\r\n", "\r\n0\r\n", 13),
        // Extensions are read over (RFC 9112 section 7.1.1), with the white space some put in front of them.
        ("1;\r\na\r\n0\r\n", "a", 10), ("1;a=b\r\na\r\n0;x\r\n", "a", 15), ("1 ;a\r\na\r\n0\r\n", "a", 12),
        ("1\t ; a = \"b;c\"\r\na\r\n0\r\n", "a", 22),
        ("1;\u{E9}\r\na\r\n0\r\n", "a", 11),
    ])
    func takesTheChunksOff(_ text: String, _ data: String, _ used: Int) {
        #expect(Self.read(.chunked, text) == BodyReading(data: raw(data), end: .trailers(used)))
    }

    @Test(arguments: [
        ("", ""), ("3", ""), ("3\r", ""), ("3\r\n", ""), ("3\r\nab", "ab"), ("3\r\nabc", "abc"), ("3\r\nabc\r", "abc"),
        ("3\r\nabc\r\n", "abc"), ("3\r\nabc\r\n0", "abc"), ("3\r\nabc\r\n0\r", "abc"), ("0;abc", ""),
        ("fffffffffffffff\r\nab", "ab"),
    ])
    func waitsForTheRest(_ text: String, _ data: String) {
        #expect(Self.read(.chunked, text) == BodyReading(data: raw(data), end: .open))
    }

    @Test(arguments: [
        // Sizes that others read differently.
        ("\r\n", ""), ("x\r\n", ""), ("g\r\n", ""), ("-1\r\n", ""), ("+1\r\na\r\n", ""), (" 1\r\na\r\n", ""),
        ("\t1\r\na\r\n", ""), ("1 \r\na\r\n", ""),
        ("0x1\r\na\r\n", ""), ("0X1\r\n", ""), ("1_0\r\n", ""), ("1 1\r\n", ""), ("1,1\r\n", ""), (";a\r\n", ""),
        ("1h\r\n", ""), ("\"1\"\r\n", ""),
        ("1000000000000000\r\n", ""), ("fffffffffffffffff\r\n", ""), ("0000000000000001\r\na", ""), ("\u{B2}\r\n", ""),
        ("1\u{00}\r\na", ""),
        // Line ends that are none.
        ("1\na\r\n0\r\n", ""), ("1\r\r\na", ""), ("1\ra\r\n", ""), ("1;a\nb\r\n", ""), ("1;a\rb\r\n", ""),
        ("1\n\r\n", ""), ("0\n\n", ""), ("0\r\r", ""),
        ("1;a\u{00}\r\na", ""), ("1;a\u{7F}\r\na", ""), ("1;a\u{0B}\r\na", ""),
        // Data that does not end where its size says.
        ("1\r\nab\r\n0\r\n", "a"), ("1\r\na\n0\r\n", "a"), ("1\r\na\r0\r\n", "a"), ("1\r\na0\r\n", "a"),
        ("2\r\na\r\n0\r\n", "a\r"), ("1\r\na\r\n\r\n0\r\n", "a"),
        ("3\r\nabc\r\n\n", "abc"), ("3\r\nabc\r\n;\r\n", "abc"), ("3\r\nabc\r\n 0\r\n", "abc"),
    ])
    func refuses(_ text: String, _ data: String) {
        #expect(Self.read(.chunked, text) == BodyReading(data: raw(data), end: .failed(.malformed)))
    }

    @Test func boundsExtensionsOverTheWholeBody() {
        let most = ChunkedDecoder.maxExtensionBytes
        func body(_ chunks: Int, _ bytesEach: Int) -> [UInt8] {
            raw(
                String(repeating: "1;" + String(repeating: "x", count: bytesEach) + "\r\na\r\n", count: chunks)
                    + "0\r\n")
        }
        #expect(readBody(.chunked, body(1, most), cuts: []).end == .trailers(most + 10))
        #expect(readBody(.chunked, body(1, most + 1), cuts: []).end == .failed(.malformed))
        #expect(readBody(.chunked, body(16, most / 16), cuts: []).data.count == 16)
        #expect(readBody(.chunked, body(17, most / 16), cuts: []).end == .failed(.malformed))
        #expect(
            readBody(.chunked, raw("1" + String(repeating: " ", count: most + 1)), cuts: []).end == .failed(.malformed))
        // Chunks without extensions are as many as they like.
        #expect(readBody(.chunked, body(1000, 0), cuts: []).data.count == 1000)
    }

    @Test func knowsWhatIsLeft() {
        var reader = BodyReader(.length(5))
        #expect(reader.remaining == 5 && !reader.endsWithConnection)
        var offset = 0
        raw("abc").withUnsafeBytes { bytes in
            if case .data(3) = reader.next(bytes, from: &offset) {} else { Issue.record("no data") }
        }
        #expect(reader.remaining == 2)
        #expect(
            BodyReader(.none).remaining == 0 && BodyReader().remaining == 0 && BodyReader(.length(0)).remaining == 0)
        #expect(BodyReader(.chunked).remaining == nil && !BodyReader(.chunked).endsWithConnection)
        #expect(BodyReader(.close).remaining == nil && BodyReader(.close).endsWithConnection)
    }

    /// What follows the end is the next message's, however often it is asked for.
    @Test func staysAtItsEnd() {
        for (framing, text) in [(BodyFraming.length(1), "aGET"), (.chunked, "0\r\nGET")] {
            var reader = BodyReader(framing)
            var offset = 0
            raw(text).withUnsafeBytes { bytes in
                if case .data(let amount) = reader.next(bytes, from: &offset) {
                    offset += amount
                }
                for _ in 0..<3 {
                    let before = offset
                    guard case .end = reader.next(bytes, from: &offset) else {
                        Issue.record("goes on after \(framing)")
                        return
                    }
                    #expect(offset == before && bytes.count - offset == 3)
                }
                #expect(reader.remaining == 0)
            }
        }
    }

    @Test func skipsWhatWentAnotherWay() {
        var reader = BodyReader(.length(10))
        reader.skip(4)
        #expect(reader.remaining == 6)
        reader.skip(6)
        #expect(reader.remaining == 0)
        var other = BodyReader(.chunked)
        other.skip(1)
        #expect(other.remaining == nil)
    }
}
