import Base
import Configuration
import DataPlane
import Dispatch
import EventLoop
import Glibc
import Synchronization
import TLS
package import Telemetry
import Traffic

extension ControlPlane {
    /// Has every loop copy out what it has counted. `completion` runs on the control queue.
    func collect(_ completion: @escaping @Sendable ([WorkerReport]) -> Void) {
        let reports = Box<[WorkerReport]>([])
        let left = Countdown(workers.count) { [self] in
            queue.async { completion(reports.value.withLock { $0 }) }
        }
        for worker in workers {
            worker.loop.post {
                let report = worker.report()
                reports.value.withLock { $0.append(report) }
                left.countDown()
            }
        }
    }

    /// The metrics page.
    package func metrics(_ format: ExpositionFormat, completion: @escaping @Sendable ([UInt8]) -> Void) {
        collect { [self] reports in completion(expose(reports, format)) }
    }

    private func expose(_ reports: [WorkerReport], _ format: ExpositionFormat) -> [UInt8] {
        // From the second page on it need not grow by doubling, which copies it and has it paged in twice.
        var page = Exposition(format: format, expected: metricsBytes + metricsBytes / 16)
        page.write(sumSeries(reports))
        writeRoutes(reports, &page)
        writeBackends(&page)
        writeLookups(&page)
        writeModels(&page)
        writeListeners(&page)
        writeSelf(&page)
        let bytes = page.finish()
        metricsBytes = bytes.count
        return bytes
    }

    private func sumSeries(_ reports: [WorkerReport]) -> [LabeledSeries] {
        var sums: [String: LabeledSeries] = [:]
        for series in reports.flatMap(\.series) {
            let key = "\(series.route)\n\(series.backend)"
            if sums[key] == nil {
                sums[key] = series
            } else {
                sums[key]?.counters.add(series.counters)
            }
        }
        return sums.keys.sorted().compactMap { sums[$0] }.filter {
            $0.counters.duration.count > 0 || !$0.backend.isEmpty
        }
    }

    private func writeRoutes(_ reports: [WorkerReport], _ page: inout Exposition) {
        guard let snapshot else { return }
        var auth: [String: OutcomeCounts<AuthOutcome>] = [:]
        var retries: [String: OutcomeCounts<RetryReason>] = [:]
        var stops: [String: OutcomeCounts<RetryStop>] = [:]
        for route in reports.flatMap(\.routes) {
            auth[route.route, default: OutcomeCounts()].add(route.auth)
            retries[route.route, default: OutcomeCounts()].add(route.retries)
            stops[route.route, default: OutcomeCounts()].add(route.obstacles)
        }
        page.family(.retries)
        for route in snapshot.routes where !route.backends.isEmpty {
            for reason in RetryReason.allCases {
                guard let count = retries[route.route.name]?[reason] else { continue }
                page.sample([.route: route.route.name, .reason: reason.name], count)
            }
        }
        page.family(.retriesStopped)
        for route in snapshot.routes where route.route.retries != nil {
            for reason in RetryStop.allCases {
                page.sample(
                    [.route: route.route.name, .reason: reason.name], stops[route.route.name]?[reason] ?? 0)
            }
        }
        page.family(.routeWeight)
        for route in snapshot.routes {
            guard case .forward(let forward) = route.route.action else { continue }
            for entry in forward.backends {
                page.sample([.route: route.route.name, .backend: entry.label], UInt64(entry.weight))
            }
        }
        writeMirrors(reports, &page)
        page.family(.auth)
        for route in snapshot.routes where route.users != nil {
            for outcome in AuthOutcome.allCases {
                page.sample(
                    [.route: route.route.name, .outcome: outcome.name], auth[route.route.name]?[outcome] ?? 0)
            }
        }
        page.family(.authQueueLength)
        page.sample(UInt64(clamping: verifier.waiting))
    }

    private func writeMirrors(_ reports: [WorkerReport], _ page: inout Exposition) {
        guard let snapshot else { return }
        page.family(.mirrorRequests)
        eachMirror(snapshot) { route, backend, _ in
            var sum = OutcomeCounts<MirrorOutcome>()
            for mirror in reports.flatMap(\.mirrors) where mirror.route == route && mirror.backend == backend {
                sum.add(mirror.outcomes)
            }
            for outcome in MirrorOutcome.allCases {
                page.sample([.route: route, .backend: backend, .outcome: outcome.name], sum[outcome])
            }
        }
        page.family(.mirrorBufferedBytes)
        eachMirror(snapshot) { route, backend, load in
            page.sample(
                [.route: route, .backend: backend], UInt64(clamping: load.bufferedBytes.load(ordering: .relaxed)))
        }
    }

    private func eachMirror(_ snapshot: Snapshot, _ body: (String, String, MirrorLoad) -> Void) {
        for route in snapshot.routes {
            for mirror in route.mirrors {
                body(route.route.name, snapshot.backends[mirror.backend].backend.name, mirror.load)
            }
        }
    }

    private func writeBackends(_ page: inout Exposition) {
        guard let backends = snapshot?.backends else { return }
        page.family(.requestsInFlight)
        for backend in backends {
            page.sample(
                [.backend: backend.backend.name], UInt64(clamping: backend.load.inFlight.load(ordering: .relaxed)))
        }
        page.family(.requestsQueued)
        for backend in backends {
            page.sample(
                [.backend: backend.backend.name], UInt64(clamping: backend.load.queued.load(ordering: .relaxed)))
        }
        page.family(.requestsHeld)
        for backend in backends {
            page.sample([.backend: backend.backend.name], UInt64(clamping: backend.load.hold.requests.current))
        }
        page.family(.activations)
        for backend in backends {
            guard let outcomes = activations.outcomes(of: backend.backend.name) else { continue }
            for outcome in ActivationOutcome.allCases {
                page.sample([.backend: backend.backend.name, .outcome: outcome.name], outcomes[outcome])
            }
        }
        page.family(.upstreamConnectionsOpen)
        for backend in backends {
            for endpoint in backend.endpoints {
                page.sample(
                    [.backend: backend.backend.name, .endpoint: endpoint.address.description],
                    UInt64(clamping: endpoint.load.connections.load(ordering: .relaxed)))
            }
        }
        writeHealth(backends, &page)
        page.family(.hashKeys)
        for backend in backends {
            guard case .hash = backend.backend.balance else { continue }
            let (found, absent) = (backend.load.keysFound.current, backend.load.keysAbsent.current)
            page.sample([.backend: backend.backend.name, .outcome: "found"], UInt64(clamping: found))
            page.sample([.backend: backend.backend.name, .outcome: "absent"], UInt64(clamping: absent))
        }
    }

    private func writeHealth(_ backends: [ResolvedBackend], _ page: inout Exposition) {
        var views: [(backend: String, endpoint: String, view: EndpointView)] = []
        page.family(.endpointUp)
        for backend in backends {
            for endpoint in backend.endpoints {
                let (name, address) = (backend.backend.name, endpoint.address.description)
                let view = health.view(of: endpoint.address, in: name)
                page.sample([.backend: name, .endpoint: address], UInt64(view?.isUp == false ? 0 : 1))
                if let view { views.append((name, address, view)) }
            }
        }
        page.family(.endpointChanged)
        for (backend, endpoint, view) in views {
            guard let changed = view.changed else { continue }
            page.sample(
                [.backend: backend, .endpoint: endpoint, .reason: view.reason ?? ""], UInt64(max(0, changed)))
        }
        page.family(.endpointEjections)
        for (backend, endpoint, view) in views {
            page.sample([.backend: backend, .endpoint: endpoint], view.ejections)
        }
        page.family(.healthChecks)
        for (backend, endpoint, view) in views {
            guard let checks = view.checks else { continue }
            for outcome in HealthCheckOutcome.allCases {
                page.sample([.backend: backend, .endpoint: endpoint, .outcome: outcome.name], checks[outcome])
            }
        }
    }

    private func writeLookups(_ page: inout Exposition) {
        page.family(.dnsLookups)
        for outcome in LookupOutcome.allCases { page.sample([.outcome: outcome.name], names.counts[outcome]) }
        page.family(.kubernetesEvents)
        let events = cluster.counts
        for outcome in ClusterOutcome.allCases { page.sample([.outcome: outcome.name], events[outcome]) }
        page.family(.scaleRequests)
        let questions = scaleOutcomes.withLock { $0 }
        for outcome in ScaleOutcome.allCases { page.sample([.outcome: outcome.name], questions[outcome]) }
    }

    private func writeListeners(_ page: inout Exposition) {
        let current = listeners.current.sorted { $0.listener.name < $1.listener.name }
        page.family(.connectionsOpen)
        for (listener, _) in current {
            let all = listener.connections.open.load(ordering: .relaxed)
            let http2 = listener.connections.http2.open.load(ordering: .relaxed)
            page.sample([.listener: listener.name, .protocol: "http1"], UInt64(clamping: all - http2))
            page.sample([.listener: listener.name, .protocol: "http2"], UInt64(clamping: http2))
        }
        page.family(.connections)
        for (listener, _) in current {
            // Every connection begins as one of HTTP/1.1.
            let all = listener.connections.accepted.load(ordering: .relaxed)
            let http2 = listener.connections.http2.accepted.load(ordering: .relaxed)
            page.sample([.listener: listener.name, .protocol: "http1"], all > http2 ? all - http2 : 0)
            page.sample([.listener: listener.name, .protocol: "http2"], http2)
        }
        page.family(.connectionsRefused)
        for (listener, _) in current {
            for reason in ConnectionRefusal.allCases {
                page.sample(
                    [.listener: listener.name, .reason: reason.name], listener.connections.refusals.total(reason))
            }
        }
        page.family(.tlsHandshakes)
        for (listener, _) in current where listener.speaksTLS {
            for outcome in HandshakeOutcome.allCases {
                page.sample(
                    [.listener: listener.name, .outcome: outcome.name], listener.connections.handshakes(outcome))
            }
        }
        page.family(.certificateNotAfter)
        for (listener, _) in current {
            for certificate in listener.certificates {
                guard let end = certificate.validity?.upperBound else { continue }
                page.sample(
                    [.listener: listener.name, .certificate: certificate.subject], UInt64(clamping: end))
            }
        }
        page.family(.http2Aborts)
        for (listener, _) in current {
            for (reason, count) in listener.connections.http2.aborts {
                page.sample([.listener: listener.name, .reason: reason], count)
            }
        }
    }

    private func writeMemory(_ page: inout Exposition) {
        page.family(.memory)
        page.sample(UInt64(clamping: memory.used))
        page.family(.memoryLimit)
        if let limit = memory.limit { page.sample(UInt64(clamping: limit)) } else { page.sample(Double.infinity) }
        page.family(.overloaded)
        page.sample(UInt64(memory.level >= .shedding ? 1 : 0))
    }

    private func writeSelf(_ page: inout Exposition) {
        writeMemory(&page)
        page.family(.accessLogDropped)
        page.sample(droppedByOldWriters + (logWriter?.dropped.load(ordering: .relaxed) ?? 0))
        page.family(.traceSpans)
        for outcome in SpanOutcome.allCases { page.sample([.outcome: outcome.name], traces.count(of: outcome)) }
        page.family(.configReloads)
        for outcome in ReloadOutcome.allCases { page.sample([.outcome: outcome.name], reloads[outcome]) }
        page.family(.configLastReloadRejected)
        page.sample(UInt64(lastReload?.outcome == .rejected ? 1 : 0))
        page.family(.configInfo)
        page.sample([.hash: snapshot?.hash ?? ""], UInt64(1))
        page.family(.configSnapshotsLive)
        page.sample(UInt64(clamping: Snapshot.live.load(ordering: .relaxed)))
        page.family(.buildInfo)
        page.sample([.version: sluiceVersion], UInt64(1))
        if let process = ProcessStatistics.current() { page.write(process) }
    }
}

/// A value that several threads fill.
final class Box<Value: Sendable>: Sendable {
    let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }
}

extension ProcessStatistics {
    /// This process now; `nil` where /proc is not to be had.
    static func current() -> ProcessStatistics? {
        guard let own = Machine.readSmallFile("/proc/self/stat"), let system = Machine.readSmallFile("/proc/stat")
        else {
            return nil
        }
        var limit = rlimit()
        let hasLimit =
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 && limit.rlim_cur != rlim_t.max
        return ProcessStatistics(
            processStat: own, systemStat: system, ticksPerSecond: sysconf(Int32(_SC_CLK_TCK)),
            pageSize: sysconf(Int32(_SC_PAGESIZE)), openDescriptors: openDescriptors(),
            maxDescriptors: hasLimit ? UInt64(limit.rlim_cur) : nil)
    }

    private static func openDescriptors() -> UInt64 {
        guard let directory = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(directory) }
        var count: UInt64 = 0
        while readdir(directory) != nil { count += 1 }
        // Not ".", ".." and the directory's own descriptor.
        return count > 3 ? count - 3 : 0
    }
}
