import Base
import Testing
import Traffic

@Suite struct WaitingLoopsTests {
    @Test func nobodyWaits() {
        let waiting = WaitingLoops()
        #expect(waiting.isEmpty && waiting.next() == nil && waiting.another(than: 0) == nil)
        #expect(waiting.lets(pass: false) && waiting.lets(pass: true))
    }

    private func at(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    @Test func whoHasWaitedLongestIsNext() {
        let waiting = WaitingLoops()
        #expect(waiting.join(2, isUrgent: false, since: at(20)))
        #expect(!waiting.join(0, isUrgent: false, since: at(30)), "others are served first")
        #expect(!waiting.join(63, isUrgent: false, since: at(10)))
        #expect(!waiting.join(63, isUrgent: false, since: nil), "behind the first")
        #expect(waiting.next() == .first(63) && waiting.next() == .first(63), "until it has taken it")
        waiting.left(63, urgentSince: nil, normalSince: at(40))
        #expect(waiting.next() == .first(2))
        waiting.left(2, urgentSince: nil, normalSince: nil)
        #expect(waiting.next() == .first(0))
        waiting.left(0, urgentSince: nil, normalSince: at(50))
        #expect(waiting.next() == .first(63), "some are left on it")
        #expect(waiting.another(than: 63) == 0)
    }

    @Test func whatIsUrgentGoesFirst() {
        let waiting = WaitingLoops()
        _ = waiting.join(1, isUrgent: false, since: at(1))
        #expect(!waiting.lets(pass: false) && waiting.lets(pass: true), "it need not stand behind what is not urgent")
        #expect(waiting.join(3, isUrgent: true, since: at(9)), "nor does it wait for others to be served")
        #expect(!waiting.lets(pass: true))
        #expect(waiting.next() == .first(3) && waiting.another(than: 1) == 3)
        _ = waiting.join(3, isUrgent: false, since: at(5))
        waiting.left(3, urgentSince: nil, normalSince: at(5))
        #expect(waiting.next() == .first(1) && waiting.another(than: 1) == 3)
    }

    @Test func aPlaceNobodyCouldUseGoesToAnother() {
        let waiting = WaitingLoops()
        _ = waiting.join(4, isUrgent: false, since: at(1))
        #expect(waiting.another(than: 4) == nil)
        _ = waiting.join(5, isUrgent: false, since: at(2))
        #expect(waiting.another(than: 4) == 5 && waiting.another(than: 5) == 4)
    }

    @Test func whoNeedsACertainEndpointGetsEveryOtherPlace() {
        let waiting = WaitingLoops()
        waiting.joinChoosy(1)
        waiting.joinChoosy(6)
        #expect(!waiting.isEmpty && waiting.hasChoosy)
        #expect(waiting.lets(pass: false) && waiting.lets(pass: true), "nobody stands behind them")
        #expect((0..<4).map { _ in waiting.next() } == [1, 6, 1, 6].map { .choosy($0) })
        #expect(waiting.join(3, isUrgent: false, since: at(1)))
        #expect((0..<4).map { _ in waiting.next() } == [.choosy(1), .first(3), .choosy(6), .first(3)])
        #expect(waiting.nextChoosy(notIn: 1 << 6) == 1 && waiting.nextChoosy(notIn: 1 << 6 | 1 << 1) == nil)
        waiting.leftChoosy(6)
        waiting.leftChoosy(1)
        #expect(!waiting.hasChoosy && waiting.next() == .first(3))
        waiting.left(3, urgentSince: nil, normalSince: nil)
        #expect(waiting.isEmpty && waiting.next() == nil && waiting.nextFirst() == nil)
    }
}
