import Base

/// Writes the fields of a protobuf message one behind the other (protobuf.dev, "Encoding").
///
/// Beside the library for what there is hundreds of a second: there each text becomes a `String` first, each attribute three
/// objects, and the size of a message is counted anew for each level it is in, which took a hundred times as long.
struct FieldWriter: ~Copyable {
    private(set) var buffer = ByteBuffer()

    private enum WireType: UInt64 { case varint = 0, fixed64 = 1, lengthDelimited = 2, fixed32 = 5 }

    mutating func removeAll() { buffer.removeAll() }

    mutating func append(_ field: UInt64, number: UInt64) {
        append(field, .varint)
        append(varint: number)
    }

    mutating func append(_ field: UInt64, fixed64 value: UInt64) {
        append(field, .fixed64)
        buffer.reserve(8).storeBytes(of: value.littleEndian, as: UInt64.self)
        buffer.advance(8)
    }

    mutating func append(_ field: UInt64, fixed32 value: UInt32) {
        append(field, .fixed32)
        buffer.reserve(4).storeBytes(of: value.littleEndian, as: UInt32.self)
        buffer.advance(4)
    }

    /// Bytes, or another message.
    mutating func append(_ field: UInt64, _ bytes: UnsafeRawBufferPointer) {
        append(field, length: bytes.count)
        buffer.append(bytes)
    }

    mutating func append(_ field: UInt64, _ bytes: [UInt8]) { bytes.withUnsafeBytes { append(field, $0) } }

    /// Those of a word, first digit first.
    mutating func append(_ field: UInt64, bytesOf words: UInt64...) {
        append(field, length: 8 * words.count)
        for word in words {
            buffer.reserve(8).storeBytes(of: word.bigEndian, as: UInt64.self)
            buffer.advance(8)
        }
    }

    /// The beginning of a field of which `length` bytes follow.
    mutating func append(_ field: UInt64, length: Int) {
        append(field, .lengthDelimited)
        append(varint: UInt64(length))
    }

    /// Bytes that a field below 16 takes.
    static func size(ofLength length: Int) -> Int { 1 + size(ofVarint: UInt64(length)) + length }

    static func size(ofNumber number: UInt64) -> Int { 1 + size(ofVarint: number) }

    /// Seven bits in each byte, and one at least.
    private static func size(ofVarint value: UInt64) -> Int { max(1, (70 - value.leadingZeroBitCount) / 7) }

    private mutating func append(_ field: UInt64, _ type: WireType) { append(varint: field << 3 | type.rawValue) }

    private mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            buffer.append(byte: UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        buffer.append(byte: UInt8(truncatingIfNeeded: rest))
    }
}
