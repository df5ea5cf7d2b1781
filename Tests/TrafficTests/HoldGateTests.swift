import Testing
import Traffic

struct HoldGateTests {
    private func admitted(_ gate: HoldGate, of wanted: Int = 1000) -> Int { (0..<wanted).count { _ in gate.admit() } }

    @Test func isOpenWhereNobodyStartsTheBackend() {
        let gate = HoldGate()
        #expect(gate.isOpen && gate.state == .open)
        gate.set(.failed)
        #expect(!gate.isOpen && gate.state == .failed)
    }

    @Test func letsAFewGoAtFirst() {
        #expect(admitted(HoldGate()) == HoldGate.initialWindow)
    }

    /// With each good answer two go in the place of one: all that were let go answer, and twice as many follow.
    @Test func goodAnswersDoubleThePace() {
        let gate = HoldGate()
        var round = admitted(gate)
        for expected in [8, 16, 32, 64] {
            for _ in 0..<round { gate.answered(isGood: true) }
            round = admitted(gate)
            #expect(round == expected)
        }
    }

    @Test func failuresLetNoMoreGo() {
        let gate = HoldGate()
        let round = admitted(gate)
        for _ in 0..<round { gate.answered(isGood: false) }
        #expect(admitted(gate) == round)
    }

    /// Streams may be open for hours before their first answer.
    @Test func timeAloneLetsOthersGo() {
        let gate = HoldGate()
        _ = admitted(gate)
        #expect(admitted(gate) == 0)
        gate.widen()
        #expect(admitted(gate) == 1)
    }

    @Test func beginsAnewEachTimeItOpens() {
        let gate = HoldGate()
        for _ in 0..<20 { gate.widen() }
        gate.set(.closed)
        gate.set(.open)
        #expect(admitted(gate) == HoldGate.initialWindow)
    }

    @Test func tellsOfDemandOnce() {
        let gate = HoldGate()
        #expect((0..<3).map { _ in gate.want() } == [true, false, false])
        gate.heard()
        #expect((0..<2).map { _ in gate.want() } == [true, false])
    }

    @Test func countsUse() {
        let gate = HoldGate()
        gate.useBegan()
        gate.useBegan()
        gate.useEnded()
        #expect(gate.use == HoldGate.Use(begun: 2, underWay: 1))
    }

    @Test func knowsWhichLoopsHoldRequests() {
        let gate = HoldGate()
        gate.joined(0)
        gate.joined(63)
        #expect((0..<64).filter { gate.holds($0) } == [0, 63])
        gate.left(0)
        #expect((0..<64).filter { gate.holds($0) } == [63])
    }
}
