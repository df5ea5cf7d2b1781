/// Triton's own parameters of an inference request, which its scheduler goes by
/// (github.com/triton-inference-server/server/blob/main/docs/protocol/extension_schedule_policy.md).
package struct RequestParameters: Sendable, Equatable {
    /// 1 is the highest, 0 stands for the model's default; `nil` leaves what the client says.
    package var priority: UInt32?
    /// In microseconds, from 1 on; `nil` leaves what the client says. Triton's is signed: more than that counts as the most.
    package var timeout: UInt64?

    package init(priority: UInt32? = nil, timeout: UInt64? = nil) {
        self.priority = priority
        self.timeout = timeout
    }

    static let priorityName: StaticString = "priority"
    static let timeoutName: StaticString = "timeout"

    private var timeoutValue: UInt64? { timeout.map { min($0, UInt64(Int64.max)) } }

    /// The members of a JSON object: `"priority":1,"timeout":250000`.
    var members: ShortText {
        var text = ShortText()
        if let priority {
            text.append("\"priority\":")
            text.append(decimal: UInt64(priority))
        }
        if let timeoutValue {
            text.append(text.count > 0 ? ",\"timeout\":" : "\"timeout\":")
            text.append(decimal: timeoutValue)
        }
        return text
    }

    /// Entries of a `ModelInferRequest`'s parameters, `map<string, InferParameter> parameters = 4`, each with an `int64_param`,
    /// the one kind of number that Triton takes for both.
    var entries: ShortText {
        var text = ShortText()
        if let priority { Self.append(Self.priorityName, UInt64(priority), to: &text) }
        if let timeoutValue { Self.append(Self.timeoutName, timeoutValue, to: &text) }
        return text
    }

    private static func append(_ name: StaticString, _ value: UInt64, to text: inout ShortText) {
        let key = UInt64(name.utf8CodeUnitCount)
        let number = 1 &+ ShortText.varintBytes(value)
        text.append(byte: 4 << 3 | 2)
        text.append(varint: key &+ number &+ 4)
        text.append(byte: 1 << 3 | 2)
        text.append(varint: key)
        text.append(name)
        text.append(byte: 2 << 3 | 2)
        text.append(varint: number)
        text.append(byte: 2 << 3)
        text.append(varint: value)
    }
}

/// A few bytes without memory of their own. What does not fit is left out, which nothing written here comes near.
struct ShortText: Sendable {
    /// Both parameters with the greatest values take 51 bytes as members, 43 as entries; a key that may be theirs, each letter of
    /// it escaped, 62.
    private static let capacity = 80

    private var storage = InlineArray<80, UInt8>(repeating: 0)
    private(set) var count = 0

    mutating func append(byte: UInt8) {
        guard count < Self.capacity else { return }
        storage[count] = byte
        count &+= 1
    }

    mutating func append(_ text: StaticString) {
        for index in 0..<text.utf8CodeUnitCount { append(byte: text.utf8Start[index]) }
    }

    mutating func append(decimal value: UInt64) {
        if value >= 10 { append(decimal: value / 10) }
        append(byte: 0x30 &+ UInt8(truncatingIfNeeded: value % 10))
    }

    /// https://protobuf.dev/programming-guides/encoding/#varints
    mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(byte: UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(byte: UInt8(truncatingIfNeeded: rest))
    }

    static func varintBytes(_ value: UInt64) -> UInt64 {
        UInt64((64 &- (value | 1).leadingZeroBitCount &+ 6) / 7)
    }

    func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        storage.span.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
}
