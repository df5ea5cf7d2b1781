import API
import Base
import Configuration
import DataPlane
import Dispatch
import EventLoop
import Observation
import Synchronization
import Traffic

/// What the loops have counted, as the dashboard's numbers are made of it.
extension ControlPlane {
    /// Has every loop copy out what has changed. `completion` runs on the control queue. One at a time.
    func collectSamples(_ completion: @escaping @Sendable ([(loop: Int, sample: WorkerSample)]) -> Void) {
        let samples = Box<[(loop: Int, sample: WorkerSample)]>([])
        let left = Countdown(workers.count) { [self] in
            queue.async { completion(samples.value.withLock { $0 }) }
        }
        for worker in workers {
            worker.loop.post {
                let sample = worker.takeSample()
                samples.value.withLock { $0.append((worker.index, sample)) }
                left.countDown()
            }
        }
    }

    func sample(of parts: [(loop: Int, sample: WorkerSample)]) -> Sample {
        var sample = Sample()
        for (loop, part) in parts {
            for entry in part.entries {
                // What no route took has one entry, which is all of it.
                let subject: HistorySubject =
                    entry.route.isEmpty ? .route("") : .entry(route: entry.route, as: entry.label)
                sample.readings.append(.init(loop: loop, subject: subject, counters: entry.counters))
            }
            for endpoint in part.endpoints {
                let subject = HistorySubject.endpoint(
                    backend: endpoint.backend, address: endpoint.address.description)
                sample.readings.append(.init(loop: loop, subject: subject, counters: endpoint.counters))
            }
            for listener in part.listeners {
                sample.readings.append(
                    .init(loop: loop, subject: .listener(listener.name), counters: listener.counters))
            }
            sample.links += part.links.map {
                .init(loop: loop, route: $0.route, listener: $0.listener, requests: $0.requests)
            }
            sample.mirrors += part.mirrors.map {
                .init(loop: loop, route: $0.route, backend: $0.backend, outcomes: $0.outcomes)
            }
        }
        addGauges(to: &sample)
        return sample
    }

    private func addGauges(to sample: inout Sample) {
        let now = Instant.now()
        sample.listeners = listeners.current.map(\.listener).sorted { $0.name < $1.name }.map { listener in
            TrafficReport.Listener(
                name: listener.name, connections: listener.connections.open.load(ordering: .relaxed),
                http2Connections: listener.connections.http2.open.load(ordering: .relaxed), flow: Flow())
        }
        for resolved in snapshot?.backends ?? [] {
            let name = resolved.backend.name
            let expected = expectedTimes.ofBusiestModel(name, now)
            var backend = TrafficReport.Backend(
                name: name, inFlight: resolved.load.inFlight.load(ordering: .relaxed),
                queued: resolved.load.queued.load(ordering: .relaxed))
            backend.expectedModel = expected?.model
            sample.backends.append(backend)
            for (index, endpoint) in resolved.endpoints.enumerated() {
                var gauges = TrafficReport.Endpoint(
                    backend: name, address: endpoint.address.description,
                    inFlight: endpoint.load.inFlight.load(ordering: .relaxed),
                    connections: endpoint.load.connections.load(ordering: .relaxed), flow: Flow())
                let models = modelSum(of: endpoint, now)
                gauges.queueMilliseconds = models?.queueMilliseconds
                gauges.pending = models?.pendingRequests
                expected?.times[index]?.fill(&gauges)
                sample.endpoints.append(gauges)
            }
        }
    }

    /// What a history can be asked of under the present configuration.
    func subjects() -> Set<HistorySubject> {
        var subjects: Set<HistorySubject> = [.route("")]
        for (listener, _) in listeners.current { subjects.insert(.listener(listener.name)) }
        for route in snapshot?.gateway.routes ?? [] {
            subjects.insert(.route(route.name))
            subjects.insert(.entry(route: route.name, as: ""))
            for entry in route.forward?.backends ?? [] {
                subjects.insert(.entry(route: route.name, as: entry.label))
            }
        }
        for resolved in snapshot?.backends ?? [] {
            let name = resolved.backend.name
            subjects.insert(.backend(name))
            for endpoint in resolved.endpoints {
                subjects.insert(.endpoint(backend: name, address: endpoint.address.description))
            }
        }
        return subjects
    }
}
