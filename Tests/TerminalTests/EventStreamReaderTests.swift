import Terminal
import Testing

/// HTML Standard section 9.2.6.
@Suite struct EventStreamReaderTests {
    private static func read(_ text: String, pieces: Int = .max) -> [String] {
        var reader = EventStreamReader()
        var messages: [EventStreamReader.Message] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            messages += reader.take(Array(rest.prefix(pieces)))
            rest = rest.dropFirst(pieces)
        }
        return messages.map { "\($0.event)=\(String(decoding: $0.data, as: UTF8.self))" }
    }

    @Test(arguments: [1, 2, 7, .max]) func messagesInPieces(_ pieces: Int) {
        let text =
            "retry: 1000\n\nid: 1\nevent: state\ndata: {\"a\":1}\n\n: still there\n\nid: 2\nevent: delta\ndata:{}\n\n"
        #expect(Self.read(text, pieces: pieces) == ["state={\"a\":1}", "delta={}"])
        let dos = text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
        #expect(Self.read(dos, pieces: pieces) == ["state={\"a\":1}", "delta={}"])
        let mac = text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r")
        #expect(Self.read(mac, pieces: pieces) == ["state={\"a\":1}", "delta={}"])
    }

    @Test func details() {
        #expect(Self.read("data: a\ndata:  b\ndata\n\n") == ["message=a\n b\n"])
        #expect(Self.read("event: x\n\ndata: y\n\n") == ["message=y"])
        #expect(Self.read("data: unfinished\n") == [])
    }

    @Test func longMessagesEnd() {
        var reader = EventStreamReader()
        let piece = [UInt8](repeating: 0x61, count: 1 << 20)
        for _ in 0...EventStreamReader.longestMessage >> 20 { #expect(reader.take(piece) == []) }
        #expect(reader.hasOverflowed)
        #expect(reader.take(Array("\n\ndata: x\n\n".utf8)) == [])
    }
}
