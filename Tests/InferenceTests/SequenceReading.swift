import Base
import Inference

/// What came of a whole body.
enum SequenceOutcome: Equatable, CustomStringConvertible {
    case found(String), absent, refused

    var description: String {
        switch self {
        case .found(let id): "found '\(id)'"
        case .absent: "absent"
        case .refused: "refused"
        }
    }
}

extension SequenceReader {
    /// Feeds a whole body, cut at the given places.
    func read(_ body: [UInt8], as format: Format, cuts: [Int] = []) -> SequenceOutcome {
        begin(format)
        var start = 0
        for cut in cuts + [body.count] {
            _ = body[start..<cut].withUnsafeBytes { feed($0) }
            start = cut
        }
        return switch end() {
        case .found: .found(shown(id))
        case .refused: .refused
        case .absent, .undecided: .absent
        }
    }

    func json(_ text: String, headerBytes: Int? = nil) -> SequenceOutcome {
        read(Array(text.utf8), as: .json(headerBytes: headerBytes))
    }
}

/// A `ModelInferRequest`'s parameters, written byte by byte so that tests can also write what no library would.
extension Wire {
    static func number(_ field: UInt64, _ value: UInt64) -> [UInt8] { tag(field, 0) + varint(value) }
    static func entry(_ key: String, _ value: [UInt8]) -> [UInt8] { bytes(4, string(1, key) + bytes(2, value)) }
    static func id(_ text: String) -> [UInt8] { entry("sequence_id", string(3, text)) }
    static func id(_ number: UInt64) -> [UInt8] { entry("sequence_id", Wire.number(2, number)) }
}
