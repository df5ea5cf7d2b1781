import Base
import Glibc

/// Writes one line into room that was reserved for it as a whole, so that no piece has to ask for room again.
///
/// What would not fit is left out, and `isCut` tells.
struct LineWriter: ~Copyable {
    private let start: UnsafeMutableRawPointer
    private let end: UnsafeMutableRawPointer
    private var cursor: UnsafeMutableRawPointer
    /// There was too little room.
    private(set) var isCut = false

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
    mutating func fits(_ amount: Int) -> Bool {
        if end - cursor >= amount { return true }
        isCut = true
        return false
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

    /// A text of fewer bytes than are stored for it.
    @inline(__always)
    mutating func append(padded text: InlineArray<24, UInt8>, count: Int) {
        guard fits(24) else { return }
        cursor.storeBytes(of: text, as: InlineArray<24, UInt8>.self)
        cursor += count
    }

    /// 32 bytes.
    @inline(__always)
    mutating func append(words: InlineArray<4, UInt64>) {
        guard fits(32) else { return }
        cursor.storeBytes(of: words, as: InlineArray<4, UInt64>.self)
        cursor += 32
    }

    /// Nanoseconds that are less than a second when they are rounded to microseconds: a digit, a point and six decimals.
    @inline(__always)
    mutating func append(secondsBelowOne nanoseconds: UInt64) {
        guard fits(Self.slack) else { return }
        let digits = decimalDigits8((nanoseconds &+ 500) / 1000)
        // Two zeros in front, of which the second makes place for the point.
        cursor.storeBytes(of: digits ^ (0x30 ^ 0x2E) &<< 8, as: UInt64.self)
        cursor += 8
    }

    /// Bytes as they are.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, fits(bytes.count) else { return }
        memcpy(cursor, source, bytes.count)
        cursor += bytes.count
    }

    /// A number in decimal, without padding. Most in a line have one digit.
    @inline(__always)
    mutating func append(decimal value: UInt64) {
        guard fits(20) else { return }
        if value < 10 {
            cursor.storeBytes(of: UInt8(truncatingIfNeeded: value) &+ UInt8(ascii: "0"), as: UInt8.self)
            cursor += 1
        } else {
            cursor += writeDecimal(value, to: cursor.assumingMemoryBound(to: UInt8.self))
        }
    }

    /// A number below 10^6 with leading zeros.
    @inline(__always)
    mutating func append(sixDigits value: UInt64) {
        guard fits(Self.slack) else { return }
        cursor.storeBytes(of: decimalDigits8(value) &>> 16, as: UInt64.self)
        cursor += 6
    }

    /// Writes bytes as they are if none of them needs an escape, and otherwise nothing.
    ///
    /// Plain are the bytes `floor`...0x7E but for quote and backslash; `floor` is at most 0x41. Eight are copied and looked at
    /// together, the last eight of them once more where the number is not a multiple.
    @inline(__always)
    mutating func append(ifPlain bytes: UnsafeRawBufferPointer, floor: UInt8) -> Bool {
        let count = bytes.count
        guard let source = bytes.baseAddress, fits(count &+ Self.slack) else { return bytes.isEmpty }
        let floors = Self.each &* UInt64(floor)
        var marks: UInt64 = 0
        if count >= 8 {
            let last = count &- 8
            var index = 0
            while index < last {
                let block = (source + index).loadUnaligned(as: UInt64.self)
                (cursor + index).storeBytes(of: block, as: UInt64.self)
                marks |= Self.marks(block, floors: floors)
                index &+= 8
            }
            let block = (source + last).loadUnaligned(as: UInt64.self)
            (cursor + last).storeBytes(of: block, as: UInt64.self)
            marks |= Self.marks(block, floors: floors)
        } else {
            // With plain letters behind them.
            let block = shortWord(source, count) | (Self.each &* 0x41) &<< UInt64(8 &* count)
            cursor.storeBytes(of: block, as: UInt64.self)
            marks = Self.marks(block, floors: floors)
        }
        guard marks & Self.highBits == 0 else { return false }
        cursor += count
        return true
    }

    private static let each: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// Has a high bit for one of eight bytes that is below the floor, a quote, a backslash, or above 0x7E; of the others at
    /// most above such a one.
    ///
    /// Subtracting 1 from a byte that is 0 borrows into its high bit, and likewise for the floor; a borrow that goes on into
    /// the next byte can only mark one above a byte that is marked rightly, and so can what adding 1 to 0xFF carries over.
    /// Comparing with `SIMD16` instead takes several times as long, because the toolchain compares its lanes one by one.
    @inline(__always)
    private static func marks(_ block: UInt64, floors: UInt64) -> UInt64 {
        // Where the block's own high bit is set it is marked anyway, so the `& ~` of the textbook can be left out.
        (block &- floors) | ((block ^ each &* 0x22) &- each) | ((block ^ each &* 0x5C) &- each) | block
            | (block &+ each)
    }
}
