import Configuration
package import Telemetry

/// What one loop has counted, copied out of it for a scrape.
package struct WorkerReport: Sendable {
    package struct Mirror: Sendable {
        package var route: String
        package var backend: String
        package var outcomes: OutcomeCounts<MirrorOutcome>
    }

    package struct Route: Sendable {
        package var route: String
        package var auth: OutcomeCounts<AuthOutcome>
        package var retries: OutcomeCounts<RetryReason>
        package var obstacles: OutcomeCounts<RetryStop>
    }

    package var series: [LabeledSeries] = []
    package var mirrors: [Mirror] = []
    package var routes: [Route] = []
}

extension Worker {
    /// On the loop only.
    package func report() -> WorkerReport {
        log.flush()
        traces.flush()
        var report = WorkerReport()
        report.series.append(LabeledSeries(route: "", backend: "", counters: unmatched.counters))
        guard let configuration else { return report }
        for (key, series) in configuration.series {
            report.series.append(LabeledSeries(route: key.route, backend: key.backend, counters: series.counters))
        }
        for route in configuration.routes {
            let name = route.route.name
            let counters = route.counters
            report.routes.append(
                .init(route: name, auth: counters.auth, retries: counters.retries, obstacles: counters.obstacles))
            for mirror in route.mirrors {
                report.mirrors.append(
                    .init(route: name, backend: mirror.mirror.backend, outcomes: mirror.copies.outcomes))
            }
        }
        return report
    }
}
