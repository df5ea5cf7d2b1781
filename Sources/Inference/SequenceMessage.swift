import Base

/// Walks the first message of a gRPC body, a `ModelInferRequest`, to find the entry `sequence_id` of its parameters:
///
///     map<string, InferParameter> parameters = 4;   // entries: key = 1, value = 2
///     InferParameter: bool_param = 1, int64_param = 2, string_param = 3, double_param = 4, uint64_param = 5
///
/// (`grpc_service.proto` of triton-inference-server/common.) The contents of other fields are passed over. An entry
/// is held until it is complete, for its value may stand in front of its key.
struct SequenceMessage {
    private enum State: UInt8 { case tag, varint, length, skipped, entryLength, entry }

    private static let parametersField: UInt64 = 4
    /// Room for the longest id with everything around it; longer entries are passed over.
    private static let maxEntryBytes = SequenceReader.maxIDBytes + 64
    private static let maxVarintBytes = 10

    private var scanner = GRPCMessageScanner()
    private var state = State.tag
    private var number: UInt64 = 0
    private var digits = 0
    /// Bytes of the present field that are still to come.
    private var left: UInt64 = 0
    private var entry: [UInt8] = []
    private(set) var hasKey = false
    /// An entry was too long to be read.
    private var isIncomplete = false

    private(set) var hasID = false

    mutating func read(_ bytes: UnsafeRawBufferPointer, into id: inout ByteBuffer) -> SequenceStep {
        var offset = 0
        while true {
            switch scanner.next(bytes, from: &offset) {
            case .needMore: return .needMore
            case .start(_, let isCompressed): if isCompressed { return .ended }
            case .data(let amount):
                let end = offset &+ amount
                let step = walk(UnsafeRawBufferPointer(rebasing: bytes[offset..<end]), into: &id)
                if step != .needMore { return step }
                offset = end
            case .end: return isIncomplete ? .ended : .complete
            case .failed: return .ended
            }
        }
    }

    private mutating func walk(_ bytes: UnsafeRawBufferPointer, into id: inout ByteBuffer) -> SequenceStep {
        var offset = 0
        while true {
            switch state {
            case .tag, .varint, .length, .entryLength:
                guard offset < bytes.count else { return .needMore }
                let byte = bytes[offset]
                offset &+= 1
                number |= UInt64(byte & 0x7F) &<< UInt64(truncatingIfNeeded: 7 &* digits)
                digits &+= 1
                if byte >= 0x80 {
                    if digits == Self.maxVarintBytes { return .ended }
                    continue
                }
                let value = number
                number = 0
                digits = 0
                guard begin(value) else { return .ended }
            case .skipped:
                let amount = min(left, UInt64(bytes.count &- offset))
                offset &+= Int(amount)
                left &-= amount
                if left > 0 { return .needMore }
                state = .tag
            case .entry:
                let amount = Int(min(left, UInt64(bytes.count &- offset)))
                entry.append(contentsOf: bytes[offset..<(offset &+ amount)])
                offset &+= amount
                left &-= UInt64(amount)
                if left > 0 { return .needMore }
                state = .tag
                if let step = endEntry(into: &id) { return step }
            }
        }
    }

    /// A number is complete.
    ///
    /// - Returns: whether anything can be read after it.
    private mutating func begin(_ value: UInt64) -> Bool {
        switch state {
        case .tag:
            switch value & 7 {
            case 0: state = .varint
            case 1:
                state = .skipped
                left = 8
            case 2: state = value >> 3 == Self.parametersField ? .entryLength : .length
            case 5:
                state = .skipped
                left = 4
            default: return false
            }
        case .varint: state = .tag
        case .length:
            left = value
            state = .skipped
        case .entryLength:
            left = value
            state = value <= UInt64(Self.maxEntryBytes) ? .entry : .skipped
            if state == .skipped { isIncomplete = true }
            entry.removeAll(keepingCapacity: true)
        case .skipped, .entry: break
        }
        return true
    }

    private mutating func endEntry(into id: inout ByteBuffer) -> SequenceStep? {
        let (result, wasFound) = entry.withUnsafeBytes { SequenceEntry.read($0, isSecond: hasKey, into: &id) }
        switch result {
        case .other: return nil
        case .malformed: return .ended
        case .repeated: return .repeated
        case .sequenceID:
            hasKey = true
            hasID = wasFound
            return nil
        }
    }
}
