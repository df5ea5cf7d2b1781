import Testing

@testable import Telemetry

@Suite struct LineWriterTests {
    @Test(arguments: [0, 1, 9, 10, 99, 100, 101, 99_999_999, 100_000_000, 1_234_567_890, UInt64.max])
    func decimals(value: UInt64) {
        #expect(line { $0.append(decimal: value) } == String(value))
    }

    @Test func paddedDecimals() {
        let text = line {
            $0.append(sixDigits: 42)
            $0.append(sixDigits: 234_567)
        }
        #expect(text == "000042234567")
    }

    @Test func piecesInOrder() {
        let text = line {
            $0.append("abc")
            $0.append(byte: UInt8(ascii: "d"))
            $0.append(UnsafeRawBufferPointer(start: nil, count: 0))
            $0.append("")
            $0.append("e")
        }
        #expect(text == "abcde")
    }

    /// Fields shorter than a word are read in pieces: each length, and each place of what has to be escaped.
    @Test func shortFields() {
        for length in 0...9 {
            let plain = Array("abcdefghi".utf8.prefix(length))
            #expect(AccessLogEscapingTests.json(plain) == String(decoding: plain, as: UTF8.self))
            for place in 0..<length {
                var bytes = plain
                bytes[place] = UInt8(ascii: "\"")
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(AccessLogEscapingTests.json(bytes) == text.replacing("\"", with: "\\\""))
            }
        }
    }
}
