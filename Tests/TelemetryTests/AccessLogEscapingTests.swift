import Foundation
import Testing

@testable import Telemetry

@Suite struct AccessLogEscapingTests {
    static func json(_ bytes: [UInt8]) -> String {
        bytes.withUnsafeBytes { view in line(room: LineWriter.escapedSize(of: view)) { $0.append(json: view) } }
    }

    static func text(_ bytes: [UInt8], quoted: Bool) -> String {
        bytes.withUnsafeBytes { view in
            line(room: LineWriter.escapedSize(of: view)) { $0.append(printable: view, quoted: quoted) }
        }
    }

    @Test(arguments: [
        ("plain text of more than eight bytes ~", "plain text of more than eight bytes ~"),
        ("a\"b\\c/d", #"a\"b\\c/d"#),
        ("\n\r\t\u{0}\u{1F}\u{7F}", #"\n\r\t\u0000\u001f\u007f"#),
        ("12345678\n", #"12345678\n"#),
        ("é ü 模型 🙂", "é ü 模型 🙂"),
        ("\u{85}\u{9B}\u{A0}\u{2028}\u{2029}", "\\u0085\\u009b\u{A0}\\u2028\\u2029"),
    ])
    func jsonStrings(value: String, expected: String) {
        #expect(Self.json(Array(value.utf8)) == expected)
    }

    /// Table 3-8 of the Unicode Standard and the other ways to be ill-formed.
    @Test(
        arguments: [
            ([0x80], 1), ([0xFF, 0xFE], 2), ([0xC0, 0x80], 2), ([0xC1, 0xBF], 2),
            ([0xE0, 0x80, 0x80], 3), ([0xED, 0xA0, 0x80], 3), ([0xF0, 0x80, 0x80, 0x80], 4), ([0xF5, 0x80], 2),
            ([0xF4, 0x90, 0x80, 0x80], 4),
            // Cut short: one substitution for what might have become a character.
            ([0xC3], 1), ([0xE2, 0x82], 1), ([0xF0, 0x9F, 0x99], 1), ([0xF0, 0x9F, 0x99, 0xF0, 0x9F], 2),
        ] as [([UInt8], Int)])
    func illFormedUTF8IsSubstituted(bytes: [UInt8], substitutions: Int) {
        let expected = String(repeating: "\\ufffd", count: substitutions)
        #expect(Self.json(bytes) == expected)
        #expect(Self.json([0x61] + bytes + [0x62]) == "a\(expected)b")
        // The standard library substitutes in the same places.
        #expect(String(decoding: bytes, as: UTF8.self).unicodeScalars.count == substitutions)
    }

    @Test func everyByteAtEveryPositionOfAWordIsSeen() {
        for byte in UInt8.min...UInt8.max {
            for position in 0..<17 {
                var bytes = [UInt8](repeating: 0x61, count: 17)
                bytes[position] = byte
                let plain = byte >= 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x5C
                let unchanged = String(decoding: bytes, as: UTF8.self)
                #expect((Self.json(bytes) == unchanged) == plain)
                #expect((Self.text(bytes, quoted: true) == unchanged) == plain)
                #expect((Self.text(bytes, quoted: false) == unchanged) == (plain && byte != 0x20))
            }
        }
    }

    @Test func textKeepsBlanksOnlyInsideQuotes() {
        let bytes = Array("a b\"\\\né".utf8)
        #expect(Self.text(bytes, quoted: true) == #"a b\"\\\x0a\xc3\xa9"#)
        #expect(Self.text(bytes, quoted: false) == #"a\x20b\"\\\x0a\xc3\xa9"#)
    }

    @Test func longFieldsAreCutBetweenCharacters() {
        let limit = AccessLogFormatter.fieldLimit
        let fits = [UInt8](repeating: 0x61, count: limit)
        #expect(Self.json(fits) == String(decoding: fits, as: UTF8.self))
        #expect(Self.json(fits + [0x62]) == String(decoding: fits, as: UTF8.self) + "\\u2026")
        #expect(Self.text(fits + [0x62], quoted: true) == String(decoding: fits, as: UTF8.self) + "...")
        for before in 0..<4 {
            let head = String(repeating: "a", count: limit - before)
            let long = Array((head + "🙂🙂").utf8)
            #expect(Self.json(long) == head + "\\u2026")
        }
        // Not a character at all: the cut stays near the limit.
        let hostile = [UInt8](repeating: 0x80, count: limit * 2)
        #expect(Self.json(hostile) == String(repeating: "\\ufffd", count: limit - 3) + "\\u2026")
    }

    /// Bytes of which every one takes the longest escape fill the room that is reserved for them, and no more.
    @Test(arguments: [0, 1, 15, 16, 17, AccessLogFormatter.fieldLimit, AccessLogFormatter.fieldLimit + 1])
    func theReservedRoomIsEnough(count: Int) {
        let worst = [UInt8](repeating: 0, count: count)
        let cut = count > AccessLogFormatter.fieldLimit ? 6 : 0
        #expect(Self.json(worst).utf8.count == 6 * min(count, AccessLogFormatter.fieldLimit) + cut)
    }

    @Test func randomBytesMakeValidLines() throws {
        var random = SeededRandom(seed: 2026)
        // Bytes that matter to the formats come more often than chance would bring them.
        let pool: [UInt8] = Array("\"\\\n\r\u{0}\u{1B}{}[],:= é🙂\u{2028}".utf8) + [0x80, 0xC0, 0xED, 0xF4, 0xFF]
        for turn in 0..<2000 {
            let length = Int(random.next() % 64)
            let bytes = (0..<length).map { _ in
                random.next() % 2 == 0
                    ? pool[Int(random.next() % UInt64(pool.count))] : UInt8(truncatingIfNeeded: random.next())
            }
            try bytes.withUnsafeBytes { view in
                let record = AccessLogRecord()
                record.client = view
                record.method = view
                record.path = view
                record.host = view
                var entry = KeptMembers()
                var endpoint = KeptMembers()
                func name(for format: AccessLogFormatter.Format) {
                    record.entry = entry.keep(route: view, backend: view, for: format)
                    record.endpoint = endpoint.keep(endpoint: view, for: format)
                }
                record.requestID = view
                record.user = view
                record.userAgent = view
                record.model = view
                record.version = view

                name(for: .json)
                let line = Sample.bytes(record, .json)
                #expect(line.firstIndex(of: 0x0A) == line.count - 1, "turn \(turn): one line")
                #expect(!line.dropLast().contains { $0 < 0x20 || $0 == 0x7F }, "turn \(turn): no control byte")
                let parsed = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]
                let expected = bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
                for key in [
                    "client", "method", "path", "host", "route", "backend", "endpoint", "requestId", "user", "model",
                    "version",
                ] {
                    let value = parsed?[key] as? String
                    #expect(value?.unicodeScalars.elementsEqual(expected?.unicodeScalars ?? "".unicodeScalars) != false)
                    #expect((value == nil) == (expected == nil), "turn \(turn): \(key)")
                }

                name(for: .text)
                let text = Sample.bytes(record, .text)
                #expect(text.last == 0x0A)
                #expect(text.dropLast().allSatisfy { $0 >= 0x20 && $0 < 0x7F }, "turn \(turn): printable")
                // 25 blanks are the line's own; of the client's only those of the quoted user agent are kept.
                let blanks = text.count { $0 == 0x20 }
                #expect(blanks == 25 + bytes.count { $0 == 0x20 }, "turn \(turn)")
            }
        }
    }
}
