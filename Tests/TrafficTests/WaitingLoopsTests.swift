import Testing
import Traffic

@Suite struct WaitingLoopsTests {
    @Test func nobodyWaits() {
        let waiting = WaitingLoops()
        #expect(waiting.isEmpty && waiting.next() == nil && waiting.another(than: 0) == nil)
        #expect(waiting.lets(pass: false) && waiting.lets(pass: true))
    }

    @Test func loopsTakeTurns() {
        let waiting = WaitingLoops()
        #expect(waiting.join(2, isUrgent: false))
        for loop in [0, 63] { #expect(!waiting.join(loop, isUrgent: false), "others are served first") }
        #expect((0..<6).map { _ in waiting.next() } == [2, 63, 0, 2, 63, 0].map { .first($0) })
        waiting.left(2, hasUrgent: false, hasAny: false)
        #expect((0..<3).map { _ in waiting.next() } == [63, 0, 63].map { .first($0) })
        waiting.left(63, hasUrgent: false, hasAny: true)
        #expect(waiting.next() == .first(0), "some are left on it")
        #expect(waiting.next() == .first(63))
    }

    @Test func whatIsUrgentGoesFirst() {
        let waiting = WaitingLoops()
        _ = waiting.join(1, isUrgent: false)
        #expect(!waiting.lets(pass: false) && waiting.lets(pass: true), "it need not stand behind what is not urgent")
        #expect(waiting.join(3, isUrgent: true), "nor does it wait for others to be served")
        #expect(!waiting.lets(pass: true))
        #expect((0..<3).map { _ in waiting.next() } == [3, 3, 3].map { .first($0) })
        #expect(waiting.another(than: 1) == 3)
        waiting.left(3, hasUrgent: false, hasAny: true)
        #expect([waiting.next(), waiting.next()] == [.first(1), .first(3)])
    }

    @Test func aPlaceNobodyCouldUseGoesToAnother() {
        let waiting = WaitingLoops()
        _ = waiting.join(4, isUrgent: false)
        #expect(waiting.another(than: 4) == nil)
        _ = waiting.join(5, isUrgent: false)
        #expect(waiting.another(than: 4) == 5 && waiting.another(than: 5) == 4)
    }

    @Test func whoNeedsACertainEndpointGetsEveryOtherPlace() {
        let waiting = WaitingLoops()
        waiting.joinChoosy(1)
        waiting.joinChoosy(6)
        #expect(!waiting.isEmpty && waiting.hasChoosy)
        #expect(waiting.lets(pass: false) && waiting.lets(pass: true), "nobody stands behind them")
        #expect((0..<4).map { _ in waiting.next() } == [1, 6, 1, 6].map { .choosy($0) })
        #expect(waiting.join(3, isUrgent: false))
        #expect((0..<4).map { _ in waiting.next() } == [.choosy(1), .first(3), .choosy(6), .first(3)])
        #expect(waiting.nextChoosy(notIn: 1 << 6) == 1 && waiting.nextChoosy(notIn: 1 << 6 | 1 << 1) == nil)
        waiting.leftChoosy(6)
        waiting.leftChoosy(1)
        #expect(!waiting.hasChoosy && waiting.next() == .first(3))
        waiting.left(3, hasUrgent: false, hasAny: false)
        #expect(waiting.isEmpty && waiting.next() == nil && waiting.nextFirst() == nil)
    }
}
