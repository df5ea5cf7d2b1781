import Base
import Glibc

/// Writes one line into room that was reserved for it as a whole, so that no piece has to ask for room. Whoever reserves it
/// counts with `escapedSize(of:)` for whatever a peer has sent.
struct LineWriter: ~Copyable {
    private let start: UnsafeMutableRawPointer
    /// Where the slack begins.
    private let end: UnsafeMutableRawPointer
    private var cursor: UnsafeMutableRawPointer

    /// Bytes that a copy in whole words may write behind what it counts. `capacity` includes them.
    static let slack = 24

    /// Room for `capacity` bytes at `start`.
    init(at start: UnsafeMutableRawPointer, capacity: Int) {
        self.start = start
        end = start + capacity - Self.slack
        cursor = start
    }

    /// Bytes written.
    var count: Int { cursor - start }

    @inline(__always)
    private mutating func advance(_ amount: Int) {
        cursor += amount
        assert(cursor <= end, "too little room was reserved for the line")
    }

    @inline(__always)
    mutating func append(_ text: StaticString) {
        memcpy(cursor, text.utf8Start, text.utf8CodeUnitCount)
        advance(text.utf8CodeUnitCount)
    }

    @inline(__always)
    mutating func append(byte: UInt8) {
        cursor.storeBytes(of: byte, as: UInt8.self)
        advance(1)
    }

    /// A text of fewer bytes than are stored for it.
    @inline(__always)
    mutating func append(padded text: InlineArray<24, UInt8>, count: Int) {
        cursor.storeBytes(of: text, as: InlineArray<24, UInt8>.self)
        advance(count)
    }

    /// 32 bytes.
    @inline(__always)
    mutating func append(words: InlineArray<4, UInt64>) {
        cursor.storeBytes(of: words, as: InlineArray<4, UInt64>.self)
        advance(32)
    }

    /// Nanoseconds that are less than a second when they are rounded to microseconds: a digit, a point and six decimals.
    @inline(__always)
    mutating func append(secondsBelowOne nanoseconds: UInt64) {
        let digits = eightDigits((nanoseconds &+ 500) / 1000)
        // Two zeros in front, of which the second makes place for the point.
        cursor.storeBytes(of: digits ^ (0x30 ^ 0x2E) &<< 8, as: UInt64.self)
        advance(8)
    }

    /// Bytes as they are.
    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        memcpy(cursor, source, bytes.count)
        advance(bytes.count)
    }

    /// A number in decimal, without padding. Most in a line have one digit.
    @inline(__always)
    mutating func append(decimal value: UInt64) {
        if value < 10 {
            append(byte: UInt8(truncatingIfNeeded: value) &+ UInt8(ascii: "0"))
        } else {
            advance(writeDecimal(value, to: cursor.assumingMemoryBound(to: UInt8.self)))
        }
    }

    /// A number below 10^6 with leading zeros.
    @inline(__always)
    mutating func append(sixDigits value: UInt64) {
        cursor.storeBytes(of: eightDigits(value) &>> 16, as: UInt64.self)
        advance(6)
    }

    /// Writes bytes as they are if none of them needs an escape, and otherwise nothing that counts.
    ///
    /// Plain are the bytes `floor`...0x7E but for quote and backslash; `floor` is at most 0x41. Eight are copied and looked at
    /// together, the last eight of them once more where the number is not a multiple.
    @inline(__always)
    mutating func append(ifPlain bytes: UnsafeRawBufferPointer, floor: UInt8) -> Bool {
        let count = bytes.count
        guard let source = bytes.baseAddress else { return true }
        let floors = Self.each &* UInt64(floor)
        var marks: UInt64 = 0
        if count >= 8 {
            let last = count &- 8
            var index = 0
            while true {
                let block = (source + index).loadUnaligned(as: UInt64.self)
                (cursor + index).storeBytes(of: block, as: UInt64.self)
                marks |= Self.marks(block, floors: floors)
                guard index < last else { break }
                index = min(index &+ 8, last)
            }
        } else {
            // With plain letters behind them.
            let block = shortWord(source, count) | (Self.each &* 0x41) &<< UInt64(8 &* count)
            cursor.storeBytes(of: block, as: UInt64.self)
            marks = Self.marks(block, floors: floors)
        }
        guard marks & Self.highBits == 0 else { return false }
        advance(count)
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

/// Not inlined: a line has five numbers for it, and code that is there once is fetched once.
@inline(never)
private func eightDigits(_ value: UInt64) -> UInt64 { decimalDigits8(value) }
