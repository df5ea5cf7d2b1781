import Base
import Testing

struct ByteQueueTests {
    @Test func isEmptyAtFirst() {
        let pool = BlockPool()
        defer { pool.deallocate() }
        var queue = ByteQueue()
        #expect(queue.isEmpty && queue.isContiguous && queue.first.isEmpty)
        queue.append(UnsafeRawBufferPointer(start: nil, count: 0), from: pool)
        [UInt8]().withUnsafeBytes { queue.append($0, from: pool) }
        queue.consume(5, into: pool)
        queue.removeAll(into: pool)
        #expect(queue.isEmpty && queue.first.isEmpty)
    }

    /// One byte less than a block, a block, one byte more: where the chain grows a link.
    @Test(arguments: [-1, 0, 1]) func fillsBlocksToTheirLastByte(_ difference: Int) {
        let pool = BlockPool()
        defer { pool.deallocate() }
        var queue = ByteQueue()
        var random = RandomSource(seed: 1)
        let bytes = randomBytes(BlockPool.blockBytes + difference, &random)
        bytes.withUnsafeBytes { queue.append($0, from: pool) }
        #expect(queue.count == bytes.count)
        #expect(queue.isContiguous == (difference <= 0))
        #expect(queue.first.count == min(bytes.count, BlockPool.blockBytes))
        queue.consume(BlockPool.blockBytes - 1, into: pool)
        #expect(queue.count == difference + 1)
        #expect(drained(&queue, pool) == Array(bytes.suffix(difference + 1)))
        #expect(queue.isContiguous == true)
    }

    @Test func consumesNoMoreThanItHolds() {
        let pool = BlockPool()
        defer { pool.deallocate() }
        var queue = ByteQueue()
        [1, 2, 3].withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in queue.append(bytes, from: pool) }
        queue.consume(.max, into: pool)
        #expect(queue.isEmpty && queue.count == 0)
        [UInt8(9)].withUnsafeBytes { queue.append($0, from: pool) }
        #expect(drained(&queue, pool) == [9])
    }

    @Test func takesWhatAnotherHolds() {
        let pool = BlockPool()
        defer { pool.deallocate() }
        func queue(_ bytes: [UInt8]) -> ByteQueue {
            var made = ByteQueue()
            bytes.withUnsafeBytes { made.append($0, from: pool) }
            return made
        }
        for (left, right) in [([], []), ([1], []), ([], [2]), ([1, 2], [3, 4])] as [([UInt8], [UInt8])] {
            var first = queue(left)
            var second = queue(right)
            first.take(&second)
            #expect(second.isEmpty && second.first.isEmpty)
            #expect(first.count == left.count + right.count)
            // Both go on working: what is appended lands behind what was taken.
            [UInt8(7)].withUnsafeBytes { first.append($0, from: pool) }
            [UInt8(8)].withUnsafeBytes { second.append($0, from: pool) }
            #expect(drained(&first, pool) == left + right + [7])
            #expect(drained(&second, pool) == [8])
        }
    }

    @Test(arguments: 0..<24) func agreesWithAnArray(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let pool = BlockPool()
        defer { pool.deallocate() }
        var queue = ByteQueue()
        var other = ByteQueue()
        var model: [UInt8] = []
        var otherModel: [UInt8] = []
        for step in 0..<300 {
            switch random.below(8) {
            case 0...2:
                let piece = randomBytes(Int(random.below(random.below(6) == 0 ? 40000 : 400)), &random)
                piece.withUnsafeBytes { queue.append($0, from: pool) }
                model += piece
            case 3...5:
                let amount = Int(random.below(random.below(4) == 0 ? 50000 : 500))
                queue.consume(amount, into: pool)
                model.removeFirst(min(amount, model.count))
            case 6:
                let piece = randomBytes(Int(random.below(20000)), &random)
                piece.withUnsafeBytes { other.append($0, from: pool) }
                otherModel += piece
                let amount = Int(random.below(9000))
                other.consume(amount, into: pool)
                otherModel.removeFirst(min(amount, otherModel.count))
            default:
                queue.take(&other)
                model += otherModel
                otherModel = []
            }
            #expect(queue.count == model.count && other.count == otherModel.count, "seed \(seed), step \(step)")
            #expect(queue.isEmpty == model.isEmpty)
            #expect(Array(queue.first) == Array(model.prefix(queue.first.count)), "seed \(seed), step \(step)")
            #expect(queue.first.isEmpty == model.isEmpty)
            if queue.isContiguous { #expect(queue.first.count == model.count) }
        }
        queue.take(&other)
        #expect(drained(&queue, pool) == model + otherModel, "seed \(seed)")
    }
}
