import HTTP
import Testing

/// RFC 9112 section 4.
struct StatusLineTests {
    @Test(
        arguments: [
            ("HTTP/1.1 200 OK", 200, "OK", 1), ("HTTP/1.1 200 ", 200, "", 1), ("HTTP/1.1 200", 200, "", 1),
            ("HTTP/1.0 404 Not Found", 404, "Not Found", 0), ("HTTP/1.7 599 a", 599, "a", 1),
            ("HTTP/1.1 100 Continue", 100, "Continue", 1),
            ("HTTP/1.1 299  two  spaces ", 299, " two  spaces ", 1),
            ("HTTP/1.1 200 gr\u{FC}n\t!", 200, "gr\u{FC}n\t!", 1),
        ] as [(String, Int, String, UInt8)])
    func accepts(_ line: String, _ status: Int, _ reason: String, _ minor: UInt8) {
        let text = line + "\r\nA: b\r\n\r\n"
        let reading = read(.answer, text)
        #expect(reading.outcome == .complete(raw(text).count))
        #expect(reading.status == status && reading.reason == reason && reading.minorVersion == minor)
        #expect(reading.fields == [.init("A", "b")])
    }

    @Test(arguments: [
        "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000 OK", "HTTP/1.1 200OK", "HTTP/1.1  200 OK",
        "HTTP/1.1 099 a",
        "HTTP/1.1 000 a", "HTTP/1.1 600 a", "HTTP/1.1 999 a", "HTTP/1.1 2 0 a", "HTTP/1.1 +20 a", "HTTP/1.1 -20 a",
        "HTTP/1.1 20x a",
        "HTTP/2.0 200 OK", "HTTP/1.x 200 OK", "http/1.1 200 OK", "ICY 200 OK", "HTTP/1.1\t200 OK", "HTTP/1.1 200\tOK",
        " HTTP/1.1 200 OK", "HTTP/1.1 200 O\u{00}K", "HTTP/1.1 200 O\u{7F}K", "GET / HTTP/1.1",
        "HTTP/1.1 \u{662}\u{660}\u{660} OK",
    ])
    func refuses(_ line: String) {
        #expect(read(.answer, line + "\r\nA: b\r\n\r\n").outcome == .failed(.malformed))
    }

    @Test(arguments: [
        "\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\r\nA: b\n\r\n",
        "HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 200 OK\r\nA\r\n\r\n",
    ])
    func refusesWhatRequestsMustNotHoldEither(_ text: String) {
        #expect(read(.answer, text).outcome == .failed(.malformed))
    }

    @Test func needsNoFields() {
        let reading = read(.answer, "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1")
        #expect(reading.outcome == .complete(27))
        #expect(reading.fields.isEmpty)
    }
}
