import Base
import Testing

@testable import DataPlane

struct LogBatchTests {
    private static let full = LogBatch.keptBytes - 20_000

    /// Hands it over with so many bytes of lines.
    private static func use(_ batch: LogBatch, _ size: Int) {
        batch.text.append([UInt8](repeating: UInt8(ascii: "x"), count: size))
        batch.finish()
    }

    /// Whether it has the memory of a full one: then nothing has to move for that.
    private static func isLarge(_ batch: LogBatch) -> Bool {
        let start = batch.text.reserve(1)
        return batch.text.reserve(full) == start
    }

    @Test func aFullOneKeepsItsMemory() {
        let batch = LogBatch()
        for _ in 0..<3 {
            Self.use(batch, Self.full)
            #expect(Self.isLarge(batch))
        }
    }

    /// The rest of a burst is followed by the next burst.
    @Test func aSmallOneBehindALargeOneKeepsTheMemory() {
        let batch = LogBatch()
        for size in [Self.full, 100, Self.full, 100] {
            Self.use(batch, size)
            #expect(Self.isLarge(batch))
        }
    }

    @Test func quietGivesTheMemoryBack() {
        let batch = LogBatch()
        for size in [Self.full, 100, 100] { Self.use(batch, size) }
        #expect(!Self.isLarge(batch))
    }

    @Test func whatAHostileLineNeededIsGivenBack() {
        let batch = LogBatch()
        Self.use(batch, 2 * LogBatch.keptBytes)
        #expect(!Self.isLarge(batch))
    }
}
