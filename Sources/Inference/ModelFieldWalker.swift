/// Walks the top-level fields of one protobuf message, which arrives in pieces of any size, and gives out the two that
/// name a model: field 1 (its name) and field 2 (its version), which the requests of `inference.GRPCInferenceService`
/// have in common. The contents of all others are passed over.
///
/// Readers of protobuf take the last of a repeated field, wherever it stands, and differ in what else they forgive.
/// What is accepted here has one reading for all of them.
package struct ModelFieldWalker {
    /// Triton's models are directories, whose names have at most 255 bytes; this leaves others some room.
    package static let maxNameBytes = 1024
    /// A tag is a `uint32`.
    private static let maxTagBytes = 5
    private static let maxVarintBytes = 10
    /// Protobuf counts bytes in an `int32`.
    private static let maxFieldBytes = UInt64(Int32.max)

    package enum Field: UInt8 { case model = 1, version = 2 }

    package enum Step {
        /// Everything given is used up; or the message is, and all was well.
        case needMore
        /// The field is there and has `length` bytes, at most `maxNameBytes`.
        case name(Field, length: Int)
        /// Bytes of the field: this many from the offset on, which the caller advances over them.
        case data(Field, Int)
        /// The field is complete.
        case nameEnd(Field)
        case failed(StaticString)
    }

    private enum State: UInt8 { case tag, varint, length, skipped, nameLength, name }

    private enum Varint {
        case needMore
        /// Numbers above 64 bits count as the greatest.
        case value(UInt64)
        case failed(StaticString)
    }

    private var state = State.tag
    /// Bytes of the message that are still to come.
    private var remaining: UInt32 = 0
    /// Bytes of the present field's content that are still to come, at most `remaining`.
    private var left: UInt32 = 0
    private var number: UInt64 = 0
    private var digits = 0
    private var field = Field.model
    private var hasModel = false
    private var hasVersion = false

    /// - Parameter length: of the message. No more than that may be given to `next`.
    package init(length: UInt32) { remaining = length }

    /// Whether the field has begun in this message.
    package func has(_ field: Field) -> Bool { field == .model ? hasModel : hasVersion }

    /// Whether a model's name or version has begun and not ended.
    package var isInsideName: Bool { state == .nameLength || state == .name }

    /// - Parameter offset: advanced over what needs no attention. To be called until it says `needMore`, and no more
    ///   after `failed`.
    package mutating func next(_ bytes: UnsafeRawBufferPointer, from offset: inout Int) -> Step {
        while true {
            switch state {
            case .tag:
                // The one place where a message may end.
                if remaining == 0 { return .needMore }
                switch varint(bytes, from: &offset, atMost: Self.maxTagBytes) {
                case .needMore: return .needMore
                case .failed(let reason): return .failed(reason)
                case .value(let tag): if let reason = begin(tag) { return .failed(reason) }
                }
            case .varint:
                switch varint(bytes, from: &offset, atMost: Self.maxVarintBytes) {
                case .needMore: return .needMore
                case .failed(let reason): return .failed(reason)
                case .value: state = .tag
                }
            case .length, .nameLength:
                switch varint(bytes, from: &offset, atMost: Self.maxVarintBytes) {
                case .needMore: return .needMore
                case .failed(let reason): return .failed(reason)
                case .value(let length):
                    if let reason = expect(length) { return .failed(reason) }
                    guard state == .nameLength else {
                        state = .skipped
                        continue
                    }
                    guard length <= UInt64(Self.maxNameBytes) else {
                        return .failed("a model name or version longer than 1024 bytes")
                    }
                    state = .name
                    return .name(field, length: Int(left))
                }
            case .skipped:
                let amount = takeContent(bytes.count &- offset)
                offset &+= amount
                if left > 0 { return .needMore }
                state = .tag
            case .name:
                if left == 0 {
                    state = .tag
                    return .nameEnd(field)
                }
                let amount = takeContent(bytes.count &- offset)
                return amount == 0 ? .needMore : .data(field, amount)
            }
        }
    }

    /// Takes a tag: the number of a field and its wire type.
    private mutating func begin(_ tag: UInt64) -> StaticString? {
        guard tag <= UInt64(UInt32.max) else { return "a protobuf tag longer than 32 bits" }
        let wireType = tag & 7
        switch tag >> 3 {
        case 0: return "a protobuf field without a number"
        case 1:
            if hasModel { return "more than one model name in a message" }
            guard wireType == 2 else { return "a model name that is no string" }
            hasModel = true
            field = .model
            state = .nameLength
            return nil
        case 2:
            if hasVersion { return "more than one model version in a message" }
            guard wireType == 2 else { return "a model version that is no string" }
            hasVersion = true
            field = .version
            state = .nameLength
            return nil
        default: break
        }
        switch wireType {
        case 0: state = .varint
        case 1:
            state = .skipped
            return expect(8)
        case 2: state = .length
        case 5:
            state = .skipped
            return expect(4)
        default: return "a protobuf field of an unknown wire type"
        }
        return nil
    }

    private mutating func expect(_ length: UInt64) -> StaticString? {
        guard length <= Self.maxFieldBytes else { return "a protobuf field of an impossible length" }
        guard length <= UInt64(remaining) else { return "a protobuf field longer than its message" }
        left = UInt32(length)
        return nil
    }

    /// Counts content off; returns how many of the `available` bytes are part of it.
    private mutating func takeContent(_ available: Int) -> Int {
        let amount = min(Int(left), max(available, 0))
        left &-= UInt32(truncatingIfNeeded: amount)
        remaining &-= UInt32(truncatingIfNeeded: amount)
        return amount
    }

    /// Numbers count by their value: they may have more bytes than they need.
    private mutating func varint(
        _ bytes: UnsafeRawBufferPointer, from offset: inout Int, atMost most: Int
    ) -> Varint {
        while remaining > 0 {
            guard offset < bytes.count else { return .needMore }
            let byte = bytes[offset]
            offset &+= 1
            remaining &-= 1
            // The tenth byte has room for one bit.
            if digits == 9 && byte & 0x7F > 1 { number = .max }
            number |= UInt64(byte & 0x7F) &<< UInt64(truncatingIfNeeded: 7 &* digits)
            digits &+= 1
            if byte < 0x80 {
                defer {
                    number = 0
                    digits = 0
                }
                return .value(number)
            }
            if digits == most { return .failed("a protobuf number with too many bytes") }
        }
        return .failed("a protobuf message that ends inside a field")
    }
}
