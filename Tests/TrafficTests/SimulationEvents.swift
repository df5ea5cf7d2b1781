import Base

/// What is to happen, in the order of virtual time; what falls on the same moment in the order in which it was posted.
struct SimulationEvents<Event> {
    private var heap: [(at: Instant, number: Int, event: Event)] = []
    private var posted = 0

    mutating func add(_ event: Event, at instant: Instant) {
        heap.append((instant, posted, event))
        posted += 1
        var child = heap.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func next() -> (at: Instant, event: Event)? {
        guard let first = heap.first else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while 2 * parent + 1 < heap.count {
            var child = 2 * parent + 1
            if child + 1 < heap.count, isBefore(child + 1, child) { child += 1 }
            guard isBefore(child, parent) else { break }
            heap.swapAt(child, parent)
            parent = child
        }
        return (first.at, first.event)
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        (heap[left].at, heap[left].number) < (heap[right].at, heap[right].number)
    }
}

/// What a simulated endpoint does with a request at a given time.
enum SimulatedBehaviour: CaseIterable {
    case healthy, slow, refusing, resetting, hanging, busy, failing, badGateway
}

/// A request on its way through the simulated gateway.
final class SimulatedRequest {
    enum Kind: CaseIterable {
        case get, inference, sequence, post

        /// May be carried out twice; the simulated routes have `inference: true`.
        var isRepeatable: Bool { self == .get || self == .inference }
    }

    enum Phase {
        case waiting, sent, pausing, done
    }

    let number: Int
    let kind: Kind
    let isUrgent: Bool
    /// It has been tried, and waits for an endpoint where it was not.
    var isChoosy = false
    let loop: Int
    let came: Instant
    var phase = Phase.pausing
    var queuedAt = Instant(nanoseconds: 0)
    /// Counts what makes older events about it void.
    var step = 0
    var tries = 0
    var tried: Set<Int> = []
    /// Endpoints that have got to see it.
    var received = 0
    var endpoint = 0
    /// Queued requests of other loops that were served while it was the first of its own.
    var passedOver = 0

    init(number: Int, kind: Kind, isUrgent: Bool, loop: Int, came: Instant) {
        self.number = number
        self.kind = kind
        self.isUrgent = isUrgent
        self.loop = loop
        self.came = came
    }
}
