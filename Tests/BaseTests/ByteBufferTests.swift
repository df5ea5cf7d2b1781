import Base
import Testing

struct ByteBufferTests {
    @Test func isEmptyBeforeTheFirstByte() {
        var buffer = ByteBuffer()
        #expect(buffer.isEmpty == true)
        #expect(buffer.count == 0)
        #expect(contents(buffer) == [])
        buffer.consume(0)
        buffer.append([])
        buffer.append("")
        buffer.append(UnsafeRawBufferPointer(start: nil, count: 0))
        buffer.truncate(to: 10)
        #expect(buffer.isEmpty == true)
    }

    @Test func keepsBytesWhileItGrows() {
        var buffer = ByteBuffer()
        var expected: [UInt8] = []
        for step in 0..<10 {
            let piece = [UInt8](repeating: UInt8(step), count: 1 << (step + 4))
            buffer.append(piece)
            expected += piece
            #expect(contents(buffer) == expected, "step \(step)")
        }
        #expect(buffer.count == expected.count)
    }

    /// The read bytes in front are used again instead of growing: the address stays within the first allocation.
    @Test func movesUnreadBytesToTheFrontInsteadOfGrowing() {
        var buffer = ByteBuffer()
        buffer.append([UInt8](repeating: 1, count: 1000))
        let start = UInt(bitPattern: buffer.bytes.baseAddress)
        for round in 0..<1000 {
            buffer.consume(buffer.count - 100)
            buffer.append([UInt8](repeating: UInt8(truncatingIfNeeded: round), count: 300))
            let place = UInt(bitPattern: buffer.bytes.baseAddress)
            #expect(place >= start && place < start + 1024)
        }
        #expect(buffer.count == 400)
        #expect(Array(buffer.bytes.suffix(300)) == [UInt8](repeating: UInt8(truncatingIfNeeded: 999), count: 300))
    }

    @Test func reusesTheWholeAllocationOnceEverythingIsRead() {
        var buffer = ByteBuffer()
        buffer.append([UInt8](repeating: 1, count: 1024))
        let start = UInt(bitPattern: buffer.bytes.baseAddress)
        buffer.consume(1024)
        #expect(buffer.isEmpty == true)
        buffer.append([UInt8](repeating: 2, count: 1024))
        #expect(UInt(bitPattern: buffer.bytes.baseAddress) == start)
        buffer.removeAll()
        buffer.append([3])
        #expect(UInt(bitPattern: buffer.bytes.baseAddress) == start)
        #expect(contents(buffer) == [3])
    }

    @Test func consumingMoreThanThereIsLeavesNothing() {
        var buffer = ByteBuffer()
        buffer.append([1, 2, 3])
        buffer.consume(5)
        #expect(buffer.isEmpty == true)
        buffer.append([4])
        #expect(contents(buffer) == [4])
    }

    @Test(arguments: [(-1, 0), (0, 0), (1, 1), (3, 3), (4, 4), (9, 4)])
    func truncates(to length: Int, leaving left: Int) {
        var buffer = ByteBuffer()
        buffer.append([9, 1, 2, 3, 4])
        buffer.consume(1)
        buffer.truncate(to: length)
        #expect(contents(buffer) == Array([1, 2, 3, 4].prefix(left)))
        buffer.append([7])
        #expect(buffer.bytes.last == 7)
        #expect(buffer.count == left + 1)
    }

    @Test func reservedRoomCountsOnlyWhatIsAdvanced() {
        var buffer = ByteBuffer()
        buffer.append([1])
        buffer.reserve(5000).storeBytes(of: 2, as: UInt8.self)
        #expect(buffer.count == 1)
        buffer.advance(1)
        #expect(contents(buffer) == [1, 2])
    }

    @Test(arguments: [(100, 4096, true), (4096, 4096, true), (4097, 4096, false), (1, 0, false)])
    func keepsMemoryUpToABound(_ used: Int, _ bound: Int, _ isKept: Bool) {
        var buffer = ByteBuffer()
        buffer.append([UInt8](repeating: 1, count: used))
        buffer.removeAll(keepingAtMost: bound)
        #expect(buffer.count == 0)
        #expect((buffer.bytes.baseAddress != nil) == isKept)
        buffer.append([5])
        #expect(contents(buffer) == [5])
    }

    @Test func worksAgainAfterGivingItsMemoryBack() {
        var buffer = ByteBuffer()
        buffer.release()
        buffer.append([1, 2])
        buffer.release()
        #expect(buffer.isEmpty == true)
        #expect(buffer.bytes.baseAddress == nil)
        buffer.append([3])
        #expect(contents(buffer) == [3])
    }

    @Test func appendsTextOfEveryKind() {
        var buffer = ByteBuffer()
        buffer.append("static ")
        buffer.append(text: "grün ")
        buffer.append(byte: 0xFF)
        buffer.append(raw(" array"))
        #expect(contents(buffer) == Array("static grün ".utf8) + [0xFF] + Array(" array".utf8))
    }

    static let numbers: [UInt64] =
        [0, 1, 9, 10, 11, 15, 16, 17, 99, 100, 255, 256, 4095, 4096, 1 << 32, (1 << 60) - 1, 1 << 63, .max - 1, .max]
        + (1...19).flatMap { digits -> [UInt64] in
            let power = (0..<digits).reduce(1) { value, _ in value * 10 } as UInt64
            return [power - 1, power, power + 1]
        } + (0..<64).flatMap { bit -> [UInt64] in [(1 << bit) - 1, 1 << bit] }

    @Test func writesNumbers() {
        for number in Self.numbers {
            var buffer = ByteBuffer()
            buffer.append(decimal: number)
            #expect(contents(buffer) == Array(String(number).utf8))
            buffer.removeAll()
            buffer.append(hex: number)
            #expect(contents(buffer) == Array(String(number, radix: 16).utf8))
        }
    }

    @Test(arguments: 0..<32) func agreesWithAnArray(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        var buffer = ByteBuffer()
        var model: [UInt8] = []
        for step in 0..<400 {
            switch random.below(10) {
            case 0...4:
                let piece = randomBytes(Int(random.below(random.below(8) == 0 ? 5000 : 300)), &random)
                buffer.append(piece)
                model += piece
            case 5...7:
                let amount = min(Int(random.below(600)), model.count)
                buffer.consume(amount)
                model.removeFirst(amount)
            case 8:
                let length = Int(random.below(2000))
                buffer.truncate(to: length)
                model = Array(model.prefix(length))
            default:
                if random.below(4) == 0 {
                    buffer.release()
                    model = []
                } else {
                    buffer.append(byte: UInt8(truncatingIfNeeded: step))
                    model.append(UInt8(truncatingIfNeeded: step))
                }
            }
            #expect(contents(buffer) == model, "seed \(seed), step \(step)")
        }
    }

    @Test func writesAllDigitsOfAWord() {
        var random = RandomSource(seed: 7)
        let fixed: [UInt64] = [0, .max, 0x0123_4567_89AB_CDEF, 0x9A9A_9A9A_0F0F_F0F0, 1, 1 << 63]
        for value in fixed + (0..<1000).map({ _ in random.next() }) {
            let text = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { room in
                guard let target = room.baseAddress else { return "" }
                writeHex16(value, to: target)
                return String(decoding: room, as: UTF8.self)
            }
            let digits = String(value, radix: 16)
            #expect(text == String(repeating: "0", count: 16 - digits.count) + digits)
        }
    }
}
