import HTTP
import Testing

/// RFC 9112 section 5, RFC 9110 section 5.
struct FieldTests {
    /// A request with `lines` behind its Host.
    static func request(_ lines: String) -> Reading { read(.request, "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n") }

    @Test(arguments: [
        ("A: b", "A", "b"), ("A:b", "A", "b"), ("A:", "A", ""), ("A: ", "A", ""), ("A: \t ", "A", ""),
        ("A:\t b \t", "A", "b"),
        ("A: b  c", "A", "b  c"), ("A: b\tc", "A", "b\tc"), ("A: :b:", "A", ":b:"),
        ("A: \u{80}\u{FF}", "A", "\u{80}\u{FF}"),
        ("!#$%&'*+-.^_`|~0aZ: x", "!#$%&'*+-.^_`|~0aZ", "x"), ("a: \"b, c\"", "a", "\"b, c\""),
    ])
    func accepts(_ line: String, _ name: String, _ value: String) {
        for section in Section.allCases {
            let start = ["GET / HTTP/1.1\r\nHost: a\r\n", "HTTP/1.1 200 OK\r\n", ""][
                Section.allCases.firstIndex(of: section) ?? 0]
            let text = start + line + "\r\n\r\n"
            let reading = read(section, text)
            #expect(reading.outcome == .complete(raw(text).count))
            #expect(reading.fields.last == .init(name, value))
        }
    }

    @Test(arguments: [
        // Folded lines, also as the first.
        " A: b", "\tA: b", "A: b\r\n c", "A: b\r\n\tc", "A:\r\n b", "A: b\r\n \r\nC: d",
        // White space in and around names (RFC 9112 section 5.1).
        "A : b", "A\t: b", "A b: c", " : b", "A",
        // Names that are no tokens.
        ": b", ":", "A(: b", "A\u{E9}: b", "A/b: c", "A;b: c", "A,b: c", "{A}: b", "\"A\": b", "A@b: c", "A=b: c",
        // Control characters anywhere.
        "A: b\u{00}", "A: \u{00}", "A\u{00}: b", "A: b\u{0B}c", "A: \u{0C}b", "A: b\u{1B}[2J", "A: b\u{7F}", "\u{00}",
        "A: b\rc", "A: b\nc: d",
    ])
    func refuses(_ line: String) {
        for (section, start) in zip(Section.allCases, ["GET / HTTP/1.1\r\nHost: a\r\n", "HTTP/1.1 200 OK\r\n", ""]) {
            #expect(read(section, start + line + "\r\n\r\n").outcome == .failed(.malformed), "\(section)")
        }
    }

    @Test func everyByteOfAName() {
        for byte in UInt8.min...UInt8.max where byte != 0x0D {
            let reading = read(.request, raw("GET / HTTP/1.1\r\nHost: a\r\nA") + [byte] + raw("b: c\r\n\r\n"))
            let isGood = isTokenByte(byte) || byte == UInt8(ascii: ":")
            #expect((reading.kind == nil) == isGood, "byte \(byte)")
            #expect(isGood || reading.kind == .malformed)
        }
    }

    @Test func everyByteOfAValue() {
        for byte in UInt8.min...UInt8.max where byte != 0x0D {
            let reading = read(.request, raw("GET / HTTP/1.1\r\nHost: a\r\nA: b") + [byte] + raw("c\r\n\r\n"))
            let isGood = byte == 0x09 || (byte >= 0x20 && byte != 0x7F)
            #expect((reading.kind == nil) == isGood, "byte \(byte)")
            if isGood { #expect(reading.fields.last?.value == shown(raw("b") + [byte] + raw("c"))) }
        }
    }

    /// RFC 9110 section 5.6.2.
    @Test func tokenBytes() {
        let marks = Set("!#$%&'*+-.^_`|~".utf8)
        for byte in UInt8.min...UInt8.max {
            let isAlphanumeric =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            #expect(isTokenByte(byte) == (isAlphanumeric || marks.contains(byte)), "byte \(byte)")
        }
    }

    // MARK: Host

    @Test(
        arguments: [
            ("", .failed(.malformed)), ("Host: a\r\n", .complete(29 - 2)), ("hOST: a\r\n", .complete(27)),
            ("Host:\r\n", .complete(25)),
            ("Host: a\r\nHost: a\r\n", .failed(.malformed)), ("Host: a\r\nX: y\r\nhost: b\r\n", .failed(.malformed)),
            ("X-Host: a\r\n", .failed(.malformed)),
        ] as [(String, Reading.Outcome)])
    func requestsHaveOneHost(_ lines: String, _ expected: Reading.Outcome) {
        #expect(read(.request, "GET / HTTP/1.1\r\n" + lines + "\r\n").outcome == expected)
    }

    @Test func oldRequestsNeedNoHost() {
        let reading = read(.request, "GET / HTTP/1.0\r\n\r\n")
        #expect(reading.outcome == .complete(18))
        #expect(reading.hostIndex == -1 && !reading.allowsReuse)
        #expect(read(.request, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n").outcome == .failed(.malformed))
    }

    // MARK: Connection

    @Test(arguments: [
        ("", false, false, false, true), ("Connection: close\r\n", true, false, false, false),
        ("Connection: Close\r\n", true, false, false, false), ("Connection: keep-alive\r\n", false, true, false, true),
        ("Connection: Keep-Alive\r\n", false, true, false, true),
        ("Connection: x, close\r\n", true, false, true, false),
        ("Connection: ,, close ,\r\n", true, false, false, false),
        ("Connection: x\r\nConnection: close\r\n", true, false, true, false),
        ("Connection: keep-alive, close\r\n", true, true, false, false),
        ("Connection: closed\r\n", false, false, true, true),
        ("Connection: \r\n", false, false, false, true), ("Connection: \"close\"\r\n", false, false, true, true),
    ])
    func readsConnection(_ lines: String, close: Bool, keepAlive: Bool, nominates: Bool, reuse: Bool) {
        let reading = Self.request(lines)
        #expect(reading.saysClose == close && reading.saysKeepAlive == keepAlive)
        #expect(reading.nominatesFields == nominates)
        #expect(reading.allowsReuse == reuse)
        // HTTP/1.0 ends with the message unless both keep-alive and no close are said (RFC 9112 section 9.3).
        let old = read(.request, "GET / HTTP/1.0\r\n" + lines + "\r\n")
        #expect(old.allowsReuse == (keepAlive && !close))
        let answer = read(.answer, "HTTP/1.0 200 OK\r\n" + lines + "\r\n")
        #expect(answer.allowsReuse == (keepAlive && !close))
    }

    /// Each option is compared with every field, so there are not many.
    @Test func boundsConnectionOptions() {
        func options(_ count: Int) -> String { (0..<count).map { "x-\($0)" }.joined(separator: ",") }
        #expect(Self.request("Connection: \(options(16))\r\n").kind == nil)
        #expect(Self.request("Connection: \(options(17))\r\n").kind == .malformed)
        #expect(Self.request(String(repeating: "Connection: \(options(8))\r\n", count: 2)).kind == nil)
        #expect(Self.request(String(repeating: "Connection: \(options(6))\r\n", count: 3)).kind == .malformed)
        #expect(Self.request("Connection: \(options(16)),,, ,\r\n").kind == nil)
    }

    @Test(arguments: [
        ("Expect: 100-continue", true), ("expect: 100-Continue", true), ("Expect: 100-continue, x", false),
        ("Expect: x", false),
        ("Expect:", false), ("X-Expect: 100-continue", false),
    ])
    func readsExpect(_ line: String, _ expected: Bool) {
        #expect(Self.request(line + "\r\n").expectsContinue == expected)
    }

    @Test func nominationsRemoveFieldsButNotTheirFraming() throws {
        let text =
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-one, HOST ,, x-two\r\nX-One: 1\r\nx-two: 2\r\nX-Three: 3\r\n"
            + "Connection: X-THREE\r\nX-On: 4\r\nX-One-More: 5\r\n\r\n"
        let parsed = try head(.request, text)
        let nominated = (0..<parsed.fieldCount).filter(parsed.isNominated).map { shown(parsed.name($0)) }
        #expect(nominated == ["X-One", "x-two", "X-Three"])
        let plain = try head(.request, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nClose: 1\r\n\r\n")
        #expect((0..<plain.fieldCount).allSatisfy { !plain.isNominated($0) })
    }

    @Test func takesOutWhatIsNominatedAndNotWhatIsWrittenAnew() throws {
        let parsed = try head(
            .request,
            "GET / HTTP/1.1\r\nConnection: TE, x-one, X-Forwarded-For\r\nTE: trailers\r\nX-One: 1\r\nHost: a\r\n"
                + "X-Forwarded-For: 192.0.2.1\r\nX-Two: 2\r\n\r\n")
        parsed.removeNominated()
        let left = (0..<parsed.fieldCount).map { shown(parsed.name($0)) }
        #expect(left == ["Connection", "TE", "Host", "X-Forwarded-For", "X-Two"])
        #expect(parsed.hostIndex == 2)
    }

    @Test(arguments: [("X-User", true), ("x_USER", true), ("X_User", true), ("X-User-", false), ("XxUser", false)])
    func takesOutWhatServersMayReadUnderAName(_ name: String, _ isGone: Bool) throws {
        for wanted in ["x-user", "X_User"] {
            let parsed = try head(
                .request, "GET / HTTP/1.1\r\nHost: a\r\n\(name): 1\r\nX-Other: 2\r\n\(name): 3\r\n\r\n")
            #expect(parsed.has(readAs: Array(wanted.utf8)) == isGone)
            parsed.remove(readAs: Array(wanted.utf8))
            #expect(parsed.fieldCount == (isGone ? 2 : 4))
        }
    }

    @Test func findsTheFirstOfAName() throws {
        let parsed = try head(.request, "GET / HTTP/1.1\r\nVia: 1\r\nHost: a\r\nVia: 2\r\n\r\n")
        #expect(parsed.first(.via) == 0)
        #expect(parsed.first(.host) == 1 && parsed.hostIndex == 1)
        #expect(parsed.first(.date) == nil)
    }

    @Test(arguments: [
        ("", []), (",", []), (" , ,", []), ("a", ["a"]), (" a ", ["a"]), ("a,b", ["a", "b"]), ("a ,\tb,", ["a", "b"]),
        ("a b, c", ["a b", "c"]),
    ])
    func takesListsApart(_ value: String, _ expected: [String]) {
        var elements: [String] = []
        raw(value).withUnsafeBytes { forEachListElement($0) { elements.append(shown($0)) } }
        #expect(elements == expected)
    }
}
