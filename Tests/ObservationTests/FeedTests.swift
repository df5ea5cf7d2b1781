import API
import Observation
import Testing

@Suite struct FeedTests {
    private func status(_ change: (inout Status) -> Void = { _ in }) -> Status {
        var endpoint = Status.Endpoint(address: "127.0.0.1:1", weight: 1, state: .up)
        endpoint.inFlight = 3
        endpoint.connections = 4
        var status = Status(
            version: "1", processID: 1, startedAt: "", state: .serving, readOnly: false,
            configuration: .init(path: "", hash: "a", lastReload: nil, lastRejected: nil), loops: 1,
            memory: .init(bytes: 100, limitBytes: nil, state: .normal),
            listeners: [.init(name: "l", address: "", tls: false, connections: 7)], routes: [],
            backends: [
                .init(name: "b", server: "triton", balance: "", inFlight: 3, queued: 2, endpoints: [endpoint])
            ])
        change(&status)
        return status
    }

    @Test func whatHasNotChangedStaysAway() {
        var feed = Feed()
        let first = feed.delta(status(), Feed.News(), time: "1")
        #expect(first.status == status().still)
        let second = feed.delta(status(), Feed.News(), time: "2")
        #expect(second == Event(sequence: 2, time: "2"))
    }

    @Test func numbersThatMoveAreNoChangeOfStatus() {
        var feed = Feed()
        _ = feed.delta(status(), Feed.News(), time: "1")
        let moved = status {
            $0.memory.bytes = 5
            $0.listeners[0].connections = 1
            $0.backends[0].inFlight = 0
            $0.backends[0].queued = 0
            $0.backends[0].endpoints[0].inFlight = 0
            $0.backends[0].endpoints[0].connections = 0
            $0.backends[0].endpoints[0].queueMilliseconds = 4
            $0.backends[0].endpoints[0].pending = 2
            $0.backends[0].expectedModel = "m"
            $0.backends[0].endpoints[0].expectedMilliseconds = 3
            $0.backends[0].endpoints[0].expectedLikeOthers = true
            $0.backends[0].endpoints[0].consecutiveErrors = 9
        }
        let event = feed.delta(moved, Feed.News(), time: "2")
        #expect(event.status == nil)
        #expect(event.memory?.bytes == 5)
        let worse = feed.delta(status { $0.backends[0].endpoints[0].state = .ejected }, Feed.News(), time: "3")
        #expect(worse.status?.backends[0].endpoints[0].state == .ejected)
        #expect(worse.status?.listeners[0].connections == 0)
    }

    @Test func aStateHoldsEverything() {
        var feed = Feed()
        _ = feed.delta(status(), Feed.News(), time: "1")
        var all = Feed.News()
        all.traffic.backends = [.init(name: "b", inFlight: 1, queued: 0)]
        all.changes = []
        let state = feed.state(status(), all, time: "1")
        #expect(state.sequence == 1)
        #expect(state.status == status().still)
        #expect(state.memory == status().memory)
        #expect(state.traffic == all.traffic)
        #expect(state.errors == [] && state.slow == [] && state.changes == [])
    }
}
