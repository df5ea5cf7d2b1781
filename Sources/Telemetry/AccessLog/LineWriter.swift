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
    func fits(_ amount: Int) -> Bool {
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

    /// Copies bytes from `index` on up to the first that needs an escape, and returns that one's index or the count.
    ///
    /// Plain are the bytes `floor`...0x7E but for quote and backslash; `floor` is at most 0x41. Eight are copied and looked at
    /// together; those from the first on that is not plain are written over by what comes next.
    @inline(__always)
    mutating func appendPlain(_ bytes: UnsafeRawBufferPointer, from start: Int, floor: UInt8) -> Int {
        guard let source = bytes.baseAddress, fits(bytes.count &- start &+ Self.slack) else { return bytes.count }
        let floors = Self.each &* UInt64(floor)
        let target = cursor - start
        var index = start
        while bytes.count &- index >= 8 {
            let block = (source + index).loadUnaligned(as: UInt64.self)
            (target + index).storeBytes(of: block, as: UInt64.self)
            let marks = Self.marks(block, floors: floors)
            if marks != 0 {
                index &+= marks.trailingZeroBitCount / 8
                cursor = target + index
                return index
            }
            index &+= 8
        }
        let rest = bytes.count &- index
        guard rest > 0 else {
            cursor = target + index
            return index
        }
        let block: UInt64
        if index &- start >= 8 {
            // Together with what is in front of it, which is plain and written once more.
            index = bytes.count &- 8
            block = (source + index).loadUnaligned(as: UInt64.self)
        } else {
            // With plain letters behind them.
            block = shortWord(source + index, rest) | (Self.each &* 0x41) &<< UInt64(8 &* rest)
        }
        (target + index).storeBytes(of: block, as: UInt64.self)
        index = min(bytes.count, index &+ Self.marks(block, floors: floors).trailingZeroBitCount / 8)
        cursor = target + index
        return index
    }

    private static let each: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// The high bits of those of eight bytes that are below the floor, a quote, a backslash, or above 0x7E. The lowest mark is
    /// right; above it there may be some too many.
    ///
    /// Subtracting 1 from a byte that is 0 borrows into its high bit, and likewise for the floor; a borrow that goes on into
    /// the next byte can only mark one above a byte that is marked rightly, and so can what adding 1 to 0xFF carries over.
    /// Comparing with `SIMD16` instead takes several times as long, because the toolchain compares its lanes one by one.
    @inline(__always)
    private static func marks(_ block: UInt64, floors: UInt64) -> UInt64 {
        let quote = block ^ each &* 0x22
        let backslash = block ^ each &* 0x5C
        // Where the block's own high bit is set it is marked anyway, so the `& ~` of the textbook can be left to it once.
        let marks = (block &- floors) | (quote &- each) | (backslash &- each)
        return (marks & ~block | block | (block &+ each)) & highBits
    }
}
