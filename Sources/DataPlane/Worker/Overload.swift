package import EventLoop
import Synchronization
package import Traffic

/// How short the process's memory is, as all loops see it: one relaxed load for each request.
///
/// Who watches the memory looks at it every now and then, and may have to wait for a processor just when many requests
/// come. So each loop looks as well, before what it has let in since could have used up what was left.
package final class Overload: Sendable {
    /// What a request may make the gateway hold: twice `Exchange.backlogLimit`, or the first window of a stream.
    private static let costOfRequest = 256 * 1024
    /// Bytes let in without a look, however much is left: the limit may change.
    private static let mostUnmeasured = 1 << 30

    private let loops: Int
    private let stored = Atomic<UInt8>(MemoryLevel.normal.rawValue)
    private let tightAt = Atomic<Int>(.max)
    private let shedAt = Atomic<Int>(.max)
    package let memory: ProcessMemory?

    package init(loops: Int) {
        self.loops = max(1, loops)
        memory = ProcessMemory()
    }

    package var level: MemoryLevel { MemoryLevel(rawValue: stored.load(ordering: .relaxed)) ?? .normal }

    /// - Parameters:
    ///   - tight: bytes from which on there is nothing to spare for mirrors.
    ///   - shed: bytes from which on requests are refused.
    package func set(_ level: MemoryLevel, tightAt tight: Int, shedAt shed: Int) {
        tightAt.store(tight, ordering: .relaxed)
        shedAt.store(shed, ordering: .relaxed)
        stored.store(level.rawValue, ordering: .relaxed)
    }

    /// Whether a new request may come in.
    ///
    /// - Parameter unmeasured: bytes that the loop may still let in before it looks at the memory.
    func admitsRequest(_ unmeasured: inout Int) -> Bool {
        spend(Self.costOfRequest, &unmeasured) < MemoryLevel.shedding.rawValue
    }

    /// Whether a mirror may have what it holds.
    ///
    /// - Parameter bytes: that it holds more than before.
    func sparesForMirror(_ bytes: Int, _ unmeasured: inout Int) -> Bool {
        spend(bytes, &unmeasured) < MemoryLevel.tight.rawValue
    }

    private func spend(_ bytes: Int, _ unmeasured: inout Int) -> UInt8 {
        unmeasured &-= bytes
        if unmeasured < 0 { unmeasured = measure() }
        return stored.load(ordering: .relaxed)
    }

    /// - Returns: how much the loop may let in before it looks again.
    private func measure() -> Int {
        let shed = shedAt.load(ordering: .relaxed)
        guard shed != .max, let bytes = memory?.bytes else { return Self.mostUnmeasured }
        let tight = tightAt.load(ordering: .relaxed)
        // Raised until whoever watches knows it as well; to lower it is for him.
        if bytes >= shed {
            _ = stored.max(MemoryLevel.shedding.rawValue, ordering: .relaxed)
        } else if bytes >= tight {
            _ = stored.max(MemoryLevel.tight.rawValue, ordering: .relaxed)
        }
        let left = bytes < tight ? tight &- bytes : shed &- bytes
        return min(Self.mostUnmeasured, max(0, left) / loops)
    }
}
