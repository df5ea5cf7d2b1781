import Testing

@testable import Configuration

@Suite struct SizeTextTests {
    @Test(arguments: [
        ("0", 0), ("1", 1), ("100B", 100), ("64KiB", 65_536), ("64MiB", 67_108_864), ("1GiB", 1_073_741_824),
        ("2TiB", 2_199_023_255_552), ("9223372036854775807", Int64.max), ("8388607TiB", 8_388_607 << 40),
    ])
    func reads(text: String, expected: Int64) throws {
        #expect(try SizeText.parse(text) == expected)
    }

    @Test(arguments: [
        "", "KiB", "-1", "+1", "1.5MiB", "64 KiB", "64KiB ", "9223372036854775808", "8388608TiB", "1PiB", "0x10", "1e6",
        "٣KiB",
    ])
    func refuses(text: String) {
        #expect(throws: InvalidValue.self) { try SizeText.parse(text) }
    }

    @Test(arguments: [("64KB", "64KiB"), ("64k", "64KiB"), ("1M", "1MiB"), ("1gb", "1GiB"), ("5Mi", "5MiB")])
    func suggestsTheUnitThatWasMeant(text: String, suggestion: String) {
        #expect(throws: InvalidValue("is not a size, write \(suggestion)")) { try SizeText.parse(text) }
    }

    @Test(arguments: ["0", "1", "1023", "1KiB", "64KiB", "1MiB", "1TiB", "1025"])
    func formatsWhatItReads(text: String) throws {
        #expect(SizeText.format(try SizeText.parse(text)) == text)
    }
}
