import HTTP
import Testing

/// RFC 9112 section 6.3 for answers.
struct ResponseFramingTests {
    static let lines = [
        ("", BodyFraming.close), ("Content-Length: 0\r\n", .length(0)), ("Content-Length: 12\r\n", .length(12)),
        ("Transfer-Encoding: chunked\r\n", .chunked), ("Connection: close\r\n", .close),
    ]

    static func framing(_ status: Int, _ lines: String, to method: Method) throws -> BodyFraming {
        let answer = try head(.answer, "HTTP/1.1 \(status) X\r\n" + lines + "\r\n")
        try answer.frameResponse(to: method)
        return answer.framing
    }

    @Test(arguments: [200, 201, 205, 206, 301, 400, 401, 404, 500, 503, 599])
    func answersHaveTheBodyTheyDeclare(_ status: Int) throws {
        for (lines, expected) in Self.lines {
            for method in [Method.get, .post, .options, .other] {
                #expect(try Self.framing(status, lines, to: method) == expected, "\(lines)")
            }
        }
    }

    @Test func someAnswersHaveNoneWhateverTheyDeclare() throws {
        for (lines, _) in Self.lines {
            for status in [100, 103, 199, 204, 304] {
                for method in [Method.get, .post, .head] {
                    #expect(try Self.framing(status, lines, to: method) == BodyFraming.none, "\(status) \(lines)")
                }
            }
            #expect(try Self.framing(200, lines, to: .head) == BodyFraming.none, "\(lines)")
            #expect(try Self.framing(404, lines, to: .head) == BodyFraming.none, "\(lines)")
        }
    }

    @Test(arguments: [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ])
    func refusesTwoFramings(_ lines: String) throws {
        for status in [200, 204, 304] {
            let answer = try head(.answer, "HTTP/1.1 \(status) X\r\n" + lines + "\r\n")
            #expect(throws: MessageError.self) { try answer.frameResponse(to: .get) }
            #expect(throws: MessageError.self) { try answer.frameResponse(to: .head) }
        }
    }

    @Test func statesLengthsOfBodiesThatAreNotThere() throws {
        let answer = try head(.answer, "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n")
        try answer.frameResponse(to: .head)
        #expect(answer.framing == .none && answer.statedLength == 77)
        let silent = try head(.answer, "HTTP/1.1 200 OK\r\n\r\n")
        #expect(silent.statedLength == nil)
    }

    @Test(
        arguments: [("gzip", .malformed), ("gzip, chunked", .notImplemented), ("chunked, gzip", .malformed)]
            as [(String, MessageError.Kind)])
    func refusesOtherCodings(_ value: String, _ kind: MessageError.Kind) {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: \(value)\r\n\r\n"
        #expect(read(.answer, text).outcome == .failed(kind))
    }
}
