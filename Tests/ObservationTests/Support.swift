import API
import Base
import Observation
import Telemetry

extension Instant {
    static func at(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64((1000 + seconds) * 1e9)) }
}

extension Sample {
    /// What loop 0 has counted there.
    init(_ readings: [HistorySubject: FlowCounters]) {
        self.init()
        self.readings = readings.map { Reading(loop: 0, subject: $0, counters: $1) }
    }
}

extension TrafficReport {
    /// As a reader of the stream puts a delta on what it has.
    mutating func apply(_ delta: TrafficReport) {
        func merge<Element>(_ list: inout [Element], _ news: [Element], isSame: (Element, Element) -> Bool) {
            for new in news {
                if let index = list.firstIndex(where: { isSame($0, new) }) {
                    list[index] = new
                } else {
                    list.append(new)
                }
            }
        }
        merge(&listeners, delta.listeners) { $0.name == $1.name }
        merge(&routes, delta.routes) { $0.name == $1.name }
        merge(&entries, delta.entries) { ($0.route, $0.as) == ($1.route, $1.as) }
        merge(&mirrors, delta.mirrors) { ($0.route, $0.backend) == ($1.route, $1.backend) }
        merge(&backends, delta.backends) { $0.name == $1.name }
        merge(&endpoints, delta.endpoints) { ($0.backend, $0.address) == ($1.backend, $1.address) }
        routes.sort { $0.name < $1.name }
        entries.sort { ($0.route, $0.as) < ($1.route, $1.as) }
        mirrors.sort { ($0.route, $0.backend) < ($1.route, $1.backend) }
    }

    func route(_ name: String) -> Route? { routes.first { $0.name == name } }
    func entry(_ route: String, _ label: String) -> Entry? { entries.first { ($0.route, $0.as) == (route, label) } }

    var flows: [Flow] { listeners.map(\.flow) + routes.map(\.flow) + entries.map(\.flow) + endpoints.map(\.flow) }
}

extension Flow {
    var numbers: [Double] { [rate, errors] + [p50, p99, queue, queueP99].compactMap(\.self) }
}
