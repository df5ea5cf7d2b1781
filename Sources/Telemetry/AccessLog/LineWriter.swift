import Base
import Glibc

/// Writes one line into room that was reserved for it as a whole, so that no piece has to ask for room again.
///
/// What would not fit is left out: memory is safe even if the caller reserved too little, which tests look for.
struct LineWriter: ~Copyable {
    private let start: UnsafeMutableRawPointer
    private let end: UnsafeMutableRawPointer
    private var cursor: UnsafeMutableRawPointer

    /// Bytes that a copy in whole blocks may write behind what it counts. `capacity` includes them.
    static let slack = 8

    /// Room for `capacity` bytes at `start`.
    init(at start: UnsafeMutableRawPointer, capacity: Int) {
        self.start = start
        end = start + capacity
        cursor = start
    }

    /// Bytes written.
    var count: Int { cursor - start }

    /// Whether `amount` more bytes fit.
    @inline(__always)
    private func fits(_ amount: Int) -> Bool {
        let fits = end - cursor >= amount
        assert(fits, "too little room was reserved for the line")
        return fits
    }

    @inline(__always)
    mutating func append(_ text: StaticString) {
        guard fits(text.utf8CodeUnitCount) else { return }
        memcpy(cursor, text.utf8Start, text.utf8CodeUnitCount)
        cursor += text.utf8CodeUnitCount
    }

    @inline(__always)
    mutating func append(byte: UInt8) {
        guard fits(1) else { return }
        cursor.storeBytes(of: byte, as: UInt8.self)
        cursor += 1
    }

    /// Bytes as they are.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, fits(bytes.count) else { return }
        memcpy(cursor, source, bytes.count)
        cursor += bytes.count
    }

    /// A number in decimal, without padding.
    mutating func append(decimal value: UInt64) {
        guard fits(20) else { return }
        cursor += writeDecimal(value, to: cursor.assumingMemoryBound(to: UInt8.self))
    }

    /// The last `digits` decimal digits of a number, with leading zeros.
    mutating func append(decimal value: UInt64, digits: Int) {
        guard fits(digits) else { return }
        var rest = value
        var position = digits
        while position > 0 {
            position &-= 1
            let digit = UInt8(truncatingIfNeeded: rest % 10) &+ UInt8(ascii: "0")
            cursor.storeBytes(of: digit, toByteOffset: position, as: UInt8.self)
            rest /= 10
        }
        cursor += digits
    }

    /// Copies bytes from `index` on up to the first that needs an escape, and returns that one's index or the count.
    ///
    /// Plain are the bytes `floor`...0x7E but for quote and backslash; `floor` is at most 0x7F. Eight are copied and looked at
    /// together; if one of them is not plain, the copies from it on are written over.
    mutating func appendPlain(_ bytes: UnsafeRawBufferPointer, from start: Int, floor: UInt8) -> Int {
        guard let source = bytes.baseAddress, fits(bytes.count &- start &+ Self.slack) else { return bytes.count }
        let floors = Self.each &* UInt64(floor)
        var index = start
        while bytes.count &- index >= 8 {
            let block = (source + index).loadUnaligned(as: UInt64.self)
            cursor.storeBytes(of: block, as: UInt64.self)
            if Self.hasSpecial(block, floors: floors) { break }
            index &+= 8
            cursor += 8
        }
        // The rest together with what is in front of it, which is written once more.
        let rest = bytes.count &- index
        if rest > 0, rest < 8, index &- start >= 8 {
            let block = (source + (bytes.count &- 8)).loadUnaligned(as: UInt64.self)
            if !Self.hasSpecial(block, floors: floors) {
                cursor += rest
                (cursor - 8).storeBytes(of: block, as: UInt64.self)
                return bytes.count
            }
        }
        while index < bytes.count {
            let byte = source.load(fromByteOffset: index, as: UInt8.self)
            if byte < floor || byte > 0x7E || byte == 0x22 || byte == 0x5C { break }
            cursor.storeBytes(of: byte, as: UInt8.self)
            index &+= 1
            cursor += 1
        }
        return index
    }

    private static let each: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// Whether one of eight bytes is below the floor, a quote, a backslash, or above 0x7E.
    ///
    /// Subtracting 1 from a byte that is 0 borrows into its high bit, and likewise for the floor; a borrow that goes on into
    /// the next byte can only mark a byte too many where one is marked rightly. Comparing with `SIMD16` instead takes several
    /// times as long, because the toolchain compares its lanes one by one.
    @inline(__always)
    private static func hasSpecial(_ block: UInt64, floors: UInt64) -> Bool {
        let quote = block ^ each &* 0x22
        let backslash = block ^ each &* 0x5C
        let delete = block ^ each &* 0x7F
        // Where the block's own high bit is set it is marked anyway, so the `& ~` of the textbook can be left to it once.
        let marks = (block &- floors) | (quote &- each) | (backslash &- each) | (delete &- each)
        return (marks & ~block | block) & highBits != 0
    }
}
