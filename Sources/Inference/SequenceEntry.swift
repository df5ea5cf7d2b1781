import Base

/// One complete entry of a `ModelInferRequest`'s parameters.
enum SequenceEntry {
    enum Result { case other, sequenceID, repeated, malformed }

    private struct Malformed: Error {}

    private struct Field {
        var number: UInt64
        var wireType: UInt64
        /// Of wire type 0.
        var value: UInt64 = 0
        /// Of the others.
        var content = 0..<0
    }

    /// Fields of one small message, one after the other.
    private struct Fields {
        let bytes: UnsafeRawBufferPointer
        var offset = 0

        /// The next field; `nil` at the end.
        mutating func next() throws(Malformed) -> Field? {
            if offset == bytes.count { return nil }
            let tag = try varint()
            var field = Field(number: tag >> 3, wireType: tag & 7)
            switch field.wireType {
            case 0: field.value = try varint()
            case 1: field.content = try take(8)
            case 2: field.content = try take(try varint())
            case 5: field.content = try take(4)
            default: throw Malformed()
            }
            return field
        }

        private mutating func take(_ count: UInt64) throws(Malformed) -> Range<Int> {
            guard count <= UInt64(bytes.count &- offset) else { throw Malformed() }
            let start = offset
            offset &+= Int(count)
            return start..<offset
        }

        private mutating func varint() throws(Malformed) -> UInt64 {
            var value: UInt64 = 0
            for shift in stride(from: 0 as UInt64, to: 70, by: 7) {
                guard offset < bytes.count else { throw Malformed() }
                let byte = bytes[offset]
                offset &+= 1
                value |= UInt64(byte & 0x7F) &<< shift
                if byte < 0x80 { return value }
            }
            throw Malformed()
        }
    }

    /// - Parameters:
    ///   - isSecond: there has been a `sequence_id` already.
    ///   - id: gets the id, if there is one that Triton would take.
    /// - Returns: what the entry is, and whether `id` has got something. An entry with two keys, or whose id has two
    ///   values, is a repeated one: readers of protobuf take the last, others the first.
    static func read(
        _ entry: UnsafeRawBufferPointer, isSecond: Bool, into id: inout ByteBuffer
    ) -> (Result, wasFound: Bool) {
        do throws(Malformed) {
            var fields = Fields(bytes: entry)
            var keys = 0
            var isWanted = false
            var values = 0
            var value = 0..<0
            while let field = try fields.next() {
                switch (field.number, field.wireType) {
                case (1, 2):
                    keys += 1
                    if equals(slice(entry, field.content), "sequence_id") { isWanted = true }
                case (2, 2):
                    values += 1
                    value = field.content
                case (1, _), (2, _): return (.malformed, false)
                default: break
                }
            }
            guard isWanted else { return (.other, false) }
            if isSecond || keys > 1 || values > 1 { return (.repeated, false) }
            return try read(value: slice(entry, value), into: &id)
        } catch {
            return (.malformed, false)
        }
    }

    private static func read(
        value: UnsafeRawBufferPointer, into id: inout ByteBuffer
    ) throws(Malformed) -> (Result, wasFound: Bool) {
        var fields = Fields(bytes: value)
        var choices = 0
        var text = SequenceText()
        while let field = try fields.next() {
            switch (field.number, field.wireType) {
            // Triton takes an `int64_param` for the same 64 bits without a sign.
            case (2, 0), (5, 0):
                choices += 1
                if choices == 1 && field.value != 0 { id.append(decimal: field.value) }
            case (3, 2):
                choices += 1
                if choices == 1 { for byte in slice(value, field.content) { text.append(byte, to: &id) } }
            case (1...5, _): choices += 1
            default: break
            }
        }
        if choices > 1 { return (.repeated, false) }
        return (.sequenceID, !id.isEmpty)
    }

    private static func slice(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }
}
