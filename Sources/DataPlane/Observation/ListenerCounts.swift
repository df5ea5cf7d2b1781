import Telemetry

/// How many requests came from each listener, as one loop counts it.
struct ListenerCounts<Count> {
    struct Entry {
        let listener: ListenerLoad
        let name: String
        var count: Count
    }

    /// Listeners that are remembered: those of earlier configurations among them, which end with the oldest.
    private static var limit: Int { 64 }

    private(set) var entries: ContiguousArray<Entry> = []

    /// - Parameter initial: what a listener begins with that was not seen before.
    mutating func update(_ listener: ListenerState, initial: @autoclosure () -> Count, _ change: (inout Count) -> Void)
    {
        for index in entries.indices where entries[index].listener === listener.connections {
            change(&entries[index].count)
            return
        }
        if entries.count == Self.limit { entries.removeFirst() }
        entries.append(Entry(listener: listener.connections, name: listener.name, count: initial()))
        change(&entries[entries.count - 1].count)
    }
}
