import Testing

@testable import Telemetry

@Suite struct LineWriterTests {
    @Test(arguments: [0, 1, 9, 10, 99, 100, 1_234_567_890, UInt64.max])
    func decimals(value: UInt64) {
        #expect(line { $0.append(decimal: value) } == String(value))
    }

    @Test func paddedDecimals() {
        let text = line {
            $0.append(decimal: 42, digits: 6)
            $0.append(decimal: 1_234_567, digits: 6)
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
}
