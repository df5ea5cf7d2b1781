import Inference
import Testing

/// The steps of a body, with the bytes of each message put together.
private func steps(_ body: [UInt8], cuts: [Int]) -> [String] {
    var scanner = GRPCMessageScanner()
    var steps: [String] = []
    var content: [UInt8] = []
    var start = 0
    for cut in cuts + [body.count] {
        let piece = Array(body[start..<cut])
        start = cut
        let isOver = piece.withUnsafeBytes { bytes in
            var offset = 0
            while true {
                switch scanner.next(bytes, from: &offset) {
                case .needMore: return false
                case .start(let length, let isCompressed): steps.append("\(isCompressed ? "z" : "")\(length)")
                case .data(let amount):
                    content += bytes[offset..<(offset + amount)]
                    offset += amount
                case .end:
                    steps.append("\(content)")
                    content = []
                case .failed: return true
                }
            }
        }
        if isOver { return steps + ["failed"] }
    }
    if scanner.isInsideMessage { steps.append("inside") }
    return steps
}

struct GRPCMessageScannerTests {
    @Test(
        arguments: [
            ([], []),
            ([0, 0, 0, 0, 0], ["0", "[]"]),
            ([1, 0, 0, 0, 0], ["z0", "[]"]),
            ([0, 0, 0, 0, 2, 7, 8], ["2", "[7, 8]"]),
            ([0, 0, 0, 0, 2, 7, 8, 1, 0, 0, 0, 1, 9], ["2", "[7, 8]", "z1", "[9]"]),
            ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], ["0", "[]", "0", "[]"]),
            ([0, 0, 0, 0, 2, 7], ["2", "inside"]),
            ([0, 0, 0, 0, 2], ["2", "inside"]),
            ([0], ["inside"]),
            ([0, 0, 0, 0], ["inside"]),
            ([0, 0, 0, 0, 0, 0], ["0", "[]", "inside"]),
            ([0, 1, 2, 3, 4], ["16909060", "inside"]),
            ([0, 255, 255, 255, 255, 1], ["4294967295", "inside"]),
            ([2], ["failed"]), ([0x80, 0, 0, 0, 0], ["failed"]),
            ([0, 0, 0, 0, 0, 3], ["0", "[]", "failed"]),
        ] as [([UInt8], [String])])
    func findsMessages(_ body: [UInt8], _ expected: [String]) {
        #expect(steps(body, cuts: []) == expected)
        #expect(steps(body, cuts: Array(body.indices)) == expected)
        for first in body.indices {
            for second in first..<body.count { #expect(steps(body, cuts: [first, second]) == expected) }
        }
    }

    /// What follows a message is not waited for.
    @Test func reportsTheEndWithTheLastByte() {
        #expect(steps([0, 0, 0, 0, 1, 7], cuts: []).last == "[7]")
        #expect(steps([0, 0, 0, 0, 0], cuts: []).last == "[]")
    }
}
