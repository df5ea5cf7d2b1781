package import Synchronization

/// Whether a backend that is started when needed takes requests at present, and how many of them wait for that, over all
/// loops. Where nobody starts a backend the gate is open.
///
/// Requests that have waited are let go at the pace that the endpoint shows: a few at first, and with each good answer two
/// in the place of one, so that their number doubles in the time of one answer until none waits.
package final class HoldGate: Sendable {
    package enum State: UInt8, Sendable {
        case open
        /// Requests wait for it to open, and have it opened.
        case closed
        /// Closed, and the last attempt to open it has failed: whoever has somewhere else to go should.
        case failed
    }

    /// Requests sent to an endpoint that has just come up before it has answered any: a model's first inference takes many
    /// times as long as the next, and who has not begun with it gains nothing from a longer queue there.
    package static let initialWindow = 4

    private let stateWord = Atomic<UInt8>(State.open.rawValue)
    private let isWanted = Atomic<Bool>(false)
    /// Requests that are held, and the bytes of their bodies that have come.
    package let requests = Atomic<Int>(0)
    package let bytes = Atomic<Int>(0)
    /// Of those requests, how many have found the gate closed: who comes after them does not pass them.
    package let starting = Atomic<Int>(0)
    /// A bit for each loop that may hold some.
    private let loops = Atomic<UInt64>(0)
    private let window = Atomic<Int>(initialWindow)
    /// Let go, and not answered yet.
    private let underWay = Atomic<Int>(0)
    private let begun = Atomic<UInt64>(0)
    private let ended = Atomic<UInt64>(0)

    package init() {}

    package var state: State { State(rawValue: stateWord.load(ordering: .acquiring)) ?? .open }
    package var isOpen: Bool { stateWord.load(ordering: .acquiring) == State.open.rawValue }

    /// For whoever starts and stops the backend. Loops have to be told afterwards, for requests wait there.
    package func set(_ state: State) {
        if state == .open { window.store(Self.initialWindow, ordering: .relaxed) }
        stateWord.store(state.rawValue, ordering: .releasing)
    }

    // MARK: Demand

    /// A request waits.
    ///
    /// - Returns: whether whoever starts the backend has to be told; once until `heard`.
    package func want() -> Bool {
        if isWanted.load(ordering: .relaxed) { return false }
        return !isWanted.exchange(true, ordering: .sequentiallyConsistent)
    }

    /// Who is told of demand has been; from here on the next request tells again.
    package func heard() { isWanted.store(false, ordering: .sequentiallyConsistent) }

    // MARK: Who waits

    /// - Parameter loop: 0..<64.
    package func joined(_ loop: Int) { loops.bitwiseOr(1 << UInt64(loop), ordering: .sequentiallyConsistent) }

    package func left(_ loop: Int) { loops.bitwiseAnd(~(1 << UInt64(loop)), ordering: .sequentiallyConsistent) }

    package func holds(_ loop: Int) -> Bool { loops.load(ordering: .sequentiallyConsistent) & 1 << UInt64(loop) != 0 }

    // MARK: Use

    /// Requests sent to an endpoint since the process began, and how many of them have not ended. What mirrors copy is no
    /// use.
    package struct Use: Sendable, Equatable {
        package var begun: UInt64
        package var underWay: UInt64

        package init(begun: UInt64, underWay: UInt64) {
            self.begun = begun
            self.underWay = underWay
        }
    }

    package var use: Use {
        // In this order: what ends in between is not missed.
        let ended = ended.load(ordering: .sequentiallyConsistent)
        let begun = begun.load(ordering: .sequentiallyConsistent)
        return Use(begun: begun, underWay: begun &- ended)
    }

    package func useBegan() { begun.add(1, ordering: .sequentiallyConsistent) }

    package func useEnded() { ended.add(1, ordering: .sequentiallyConsistent) }

    // MARK: Pace

    /// Lets one of those that wait go.
    package func admit() -> Bool { underWay.take(limit: window.load(ordering: .relaxed)) }

    /// One that was let go has its answer, or will not get any.
    ///
    /// - Parameter isGood: it says that the endpoint can take more.
    package func answered(isGood: Bool) {
        underWay.give()
        if isGood { window.add(1, ordering: .relaxed) }
    }

    /// Time has passed: answers may take long, or be streams that do not begin until something happens, and must not hold
    /// up the others for ever.
    package func widen() { window.add(1, ordering: .relaxed) }
}
