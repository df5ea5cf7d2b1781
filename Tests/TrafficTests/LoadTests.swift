import Dispatch
import Synchronization
import Testing
import Traffic

struct LoadTests {
    @Test func takesUpToTheLimit() {
        let load = EndpointLoad()
        #expect((0..<5).map { _ in load.inFlight.take(limit: 3) } == [true, true, true, false, false])
        #expect(load.inFlight.current == 3)
        load.inFlight.give()
        #expect(load.inFlight.current == 2)
        #expect((0..<2).map { _ in load.inFlight.take(limit: 3) } == [true, false])
        // A reload may lower the limit below what is under way.
        let takesMore = load.inFlight.take(limit: 1)
        #expect(!takesMore && load.inFlight.current == 3)
        let takesAny = load.connections.take(limit: 0)
        #expect(!takesAny && load.connections.current == 0)
    }

    @Test func takesAnyNumberWithoutALimit() {
        let load = BackendLoad()
        #expect((0..<100).allSatisfy { _ in load.connections.take(limit: nil) })
        #expect(load.connections.current == 100)
        #expect(load.inFlight.current == 0 && load.queued.current == 0 && load.idleConnections.current == 0)
    }

    /// No two threads ever hold more places together than there are, and none is lost.
    @Test func threadsNeverHoldMoreThanTheLimit() {
        let load = BackendLoad()
        let held = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        let taken = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<20_000 where load.inFlight.take(limit: 3) {
                let now = held.add(1, ordering: .sequentiallyConsistent).newValue
                most.max(now, ordering: .sequentiallyConsistent)
                taken.add(1, ordering: .relaxed)
                held.subtract(1, ordering: .sequentiallyConsistent)
                load.inFlight.give()
            }
        }
        #expect(most.load(ordering: .relaxed) <= 3)
        #expect(taken.load(ordering: .relaxed) > 0)
        #expect(load.inFlight.current == 0)
    }
}
