import Base
import Configuration
import DataPlane
import EventLoop
import Models
import Telemetry

/// What the model servers count, as metrics of the gateway.
extension ControlPlane {
    /// Models of a backend that have series, versions and endpoints counted apart: twelve lines each.
    private static let rowLimit = 2000

    private struct Row {
        var backend: String
        var endpoint: String
        var model: ModelReading

        var labels: Exposition.Labels {
            [.backend: backend, .endpoint: endpoint, .model: model.name, .version: model.version]
        }
    }

    func writeModels(_ page: inout Exposition) {
        guard let backends = snapshot?.backends else { return }
        let now = Instant.now()
        var rows: [Row] = []
        var leftOut: [(backend: String, count: Int)] = []
        for resolved in backends where resolved.backend.readsModels {
            let name = resolved.backend.name
            var (shown, hidden) = (0, 0)
            for endpoint in resolved.endpoints {
                guard let reading = modelMonitor.view(of: endpoint)?.current(now) else { continue }
                let some = reading.models.prefix(Self.rowLimit - shown)
                rows += some.map { Row(backend: name, endpoint: endpoint.address.description, model: $0) }
                shown += some.count
                hidden += reading.models.count - some.count + reading.leftOut
            }
            leftOut.append((name, hidden))
        }
        writeCounters(rows, &page)
        writeGauges(rows, &page)
        page.family(.modelsLeftOut)
        for (backend, count) in leftOut { page.sample([.backend: backend], UInt64(count)) }
        writeReadings(backends, &page)
    }

    private func writeCounters(_ rows: [Row], _ page: inout Exposition) {
        write(.modelRequests, rows, &page) { $0.total.successes }
        page.family(.modelFailures)
        for row in rows {
            let failures = row.model.total.failures
            for (reason, count) in [
                ("rejected", failures.rejected), ("canceled", failures.canceled), ("backend", failures.backend),
                ("other", failures.other),
            ] {
                page.sample(
                    [
                        .backend: row.backend, .endpoint: row.endpoint, .model: row.model.name,
                        .version: row.model.version, .reason: reason,
                    ], count)
            }
        }
        write(.modelInferences, rows, &page) { $0.total.inferences }
        write(.modelExecutions, rows, &page) { $0.total.executions }
        writeSeconds(.modelQueueSeconds, rows, &page) { Double($0.total.queueMicroseconds) / 1e6 }
        writeSeconds(.modelComputeSeconds, rows, &page) { Double($0.total.computeMicroseconds) / 1e6 }
    }

    private func writeGauges(_ rows: [Row], _ page: inout Exposition) {
        writeSeconds(.modelQueueMean, rows, &page) { $0.recent.meanQueueSeconds }
        write(.modelPending, rows, &page) { $0.pending.map { UInt64($0) } }
    }

    private func write(
        _ metric: MetricName, _ rows: [Row], _ page: inout Exposition, _ value: (ModelReading) -> UInt64?
    ) {
        page.family(metric)
        for row in rows {
            guard let value = value(row.model) else { continue }
            page.sample(row.labels, value)
        }
    }

    private func writeSeconds(
        _ metric: MetricName, _ rows: [Row], _ page: inout Exposition, _ value: (ModelReading) -> Double?
    ) {
        page.family(metric)
        for row in rows {
            guard let value = value(row.model) else { continue }
            page.sample(row.labels, value)
        }
    }

    private func writeReadings(_ backends: [ResolvedBackend], _ page: inout Exposition) {
        page.family(.modelReadings)
        for resolved in backends where resolved.backend.readsModels {
            for endpoint in resolved.endpoints {
                guard let outcomes = modelMonitor.view(of: endpoint)?.outcomes else { continue }
                for outcome in ModelReadingOutcome.allCases {
                    page.sample(
                        [
                            .backend: resolved.backend.name, .endpoint: endpoint.address.description,
                            .outcome: outcome.name,
                        ], outcomes[outcome])
                }
            }
        }
    }
}
