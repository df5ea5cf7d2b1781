package import API
package import Base
import Telemetry

/// Makes rates and percentiles of what the loops have counted.
///
/// What it holds is bounded by the configuration: about 400 bytes for each loop and place that has ever had a request, and
/// a kilobyte for each that has had some in the last ten seconds. What is idle costs no time.
package struct TrafficMeter: Sendable {
    private struct Source: Hashable {
        var loop: Int
        var subject: HistorySubject
    }

    private var last: [Source: FlowCounters] = [:]
    var tracks: [HistorySubject: FlowTrack] = [:]
    /// Whose flow the next interval may change.
    private var active: Set<HistorySubject> = []
    private var links = RateTable<String>()
    private var mirrors = RateTable<MirrorKey>()
    private var at: Instant
    private(set) var listeners: [TrafficReport.Listener] = []
    private(set) var backends: [TrafficReport.Backend] = []
    private(set) var endpoints: [TrafficReport.Endpoint] = []

    private struct MirrorKey: Hashable {
        var route: String
        var backend: String
    }

    /// - Parameter start: when the counters began from 0.
    package init(start: Instant) { at = start }

    /// Takes the next sample.
    ///
    /// - Returns: what has changed since the one before.
    package mutating func observe(_ sample: Sample, at now: Instant) -> TrafficReport {
        let seconds = Double(now.since(at).count) / 1e9
        for reading in sample.readings {
            let source = Source(loop: reading.loop, subject: reading.subject)
            let increment = Increment(reading.counters, since: last.updateValue(reading.counters, forKey: source))
            guard !increment.isEmpty else { continue }
            var place: HistorySubject? = reading.subject
            while let subject = place {
                tracks[subject, default: FlowTrack()].add(increment)
                active.insert(subject)
                place = subject.whole
            }
        }
        for link in sample.links { links.count(link.requests, link.listener, of: link.route, loop: link.loop) }
        for mirror in sample.mirrors {
            let key = MirrorKey(route: mirror.route, backend: mirror.backend)
            for outcome in MirrorOutcome.allCases where mirror.outcomes[outcome] > 0 {
                mirrors.count(mirror.outcomes[outcome], outcome.name, of: key, loop: mirror.loop)
            }
        }

        var changes = TrafficReport()
        // Two at the same instant are one.
        guard seconds > 0 else { return changes }
        var routes = links.close(seconds)
        for subject in active {
            guard tracks[subject]?.close(from: at, to: now) == true else { continue }
            switch subject {
            case .route(let name): routes.insert(name)
            case .entry(let route, let label): changes.entries.append(entry(route, label))
            case .listener, .backend, .endpoint: break
            }
        }
        active = active.filter { tracks[$0]?.isIdle == false }
        changes.routes = routes.map(route)
        changes.mirrors = mirrors.close(seconds).map(mirror)
        at = now
        readGauges(sample, &changes)
        return changes
    }

    private mutating func readGauges(_ sample: Sample, _ changes: inout TrafficReport) {
        var (listeners, endpoints) = (sample.listeners, sample.endpoints)
        for index in listeners.indices { listeners[index].flow = flow(.listener(listeners[index].name)) }
        for index in endpoints.indices {
            let (backend, address) = (endpoints[index].backend, endpoints[index].address)
            endpoints[index].flow = flow(.endpoint(backend: backend, address: address))
        }
        changes.listeners = Self.changed(listeners, since: self.listeners) { $0.name == $1.name }
        changes.backends = Self.changed(sample.backends, since: backends) { $0.name == $1.name }
        changes.endpoints = Self.changed(endpoints, since: self.endpoints) {
            $0.address == $1.address && $0.backend == $1.backend
        }
        (self.listeners, backends, self.endpoints) = (listeners, sample.backends, endpoints)
    }

    /// All of them, where they are others than before.
    private static func changed<Element: Equatable>(
        _ now: [Element], since before: [Element], isSame: (Element, Element) -> Bool
    ) -> [Element] {
        guard now.elementsEqual(before, by: isSame) else { return now }
        return zip(now, before).filter { $0 != $1 }.map(\.0)
    }

    /// Forgets what the configuration no longer has, so that what comes back by the same name begins anew.
    package mutating func keep(where isKnown: (HistorySubject) -> Bool) {
        last = last.filter { isKnown($0.key.subject) }
        tracks = tracks.filter { isKnown($0.key) }
        active = active.filter(isKnown)
        links.keep { isKnown(.route($0)) }
        mirrors.keep { isKnown(.route($0.route)) && isKnown(.backend($0.backend)) }
    }

    /// Everything, in order of the names. What never had a request is not there.
    package var report: TrafficReport {
        var report = TrafficReport()
        var routes = Set(links.keys)
        for subject in tracks.keys {
            switch subject {
            case .route(let name): routes.insert(name)
            case .entry(let route, let label): report.entries.append(entry(route, label))
            case .listener, .backend, .endpoint: break
            }
        }
        report.mirrors = mirrors.keys.map(mirror).sorted { ($0.route, $0.backend) < ($1.route, $1.backend) }
        report.routes = routes.sorted().map(route)
        report.entries.sort { ($0.route, $0.as) < ($1.route, $1.as) }
        (report.listeners, report.backends, report.endpoints) = (listeners, backends, endpoints)
        return report
    }

    private func flow(_ subject: HistorySubject) -> Flow { tracks[subject]?.flow ?? Flow() }

    private func route(_ name: String) -> TrafficReport.Route {
        TrafficReport.Route(name: name, flow: flow(.route(name)), listeners: links.rates(of: name))
    }

    private func entry(_ route: String, _ label: String) -> TrafficReport.Entry {
        TrafficReport.Entry(route: route, as: label, flow: flow(.entry(route: route, as: label)))
    }

    private func mirror(_ key: MirrorKey) -> TrafficReport.Mirror {
        let outcomes = mirrors.rates(of: key)
        let rate = roundedRate(outcomes.values.sorted().reduce(0, +))
        return TrafficReport.Mirror(route: key.route, backend: key.backend, rate: rate, outcomes: outcomes)
    }
}

extension TrafficMeter {
    /// The points of all subjects that had anything to show since the last ones, for an interval of so many seconds that ends
    /// with the last sample.
    mutating func takePoints(seconds: Double, of kept: some Sequence<HistorySubject>) -> [HistorySubject: HistoryPoint]
    {
        var inFlight: [HistorySubject: Int] = [:]
        for backend in backends { inFlight[.backend(backend.name)] = backend.inFlight }
        for endpoint in endpoints {
            inFlight[.endpoint(backend: endpoint.backend, address: endpoint.address)] = endpoint.inFlight
        }
        var points: [HistorySubject: HistoryPoint] = [:]
        for subject in active.union(kept) {
            points[subject] = tracks[subject]?.takePoint(seconds: seconds, inFlight: inFlight[subject])
        }
        return points
    }
}

extension TrafficReport {
    package var isEmpty: Bool {
        listeners.isEmpty && routes.isEmpty && entries.isEmpty && mirrors.isEmpty && backends.isEmpty
            && endpoints.isEmpty
    }
}
