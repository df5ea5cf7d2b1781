/// What all loops together recorded about one pair of route and backend label.
package struct LabeledSeries: Sendable {
    package var route: String
    /// Empty for answers of the gateway itself, which no backend saw.
    package var backend: String
    package var counters: SeriesCounters

    package init(route: String, backend: String, counters: SeriesCounters) {
        self.route = route
        self.backend = backend
        self.counters = counters
    }
}

extension Exposition {
    /// Writes the families that are recorded for each series. Each pair of route and backend occurs once in `series`.
    package mutating func write(_ series: [LabeledSeries]) {
        family(.requests)
        for one in series {
            for entry in one.counters.responses.entries {
                let code = entry.code == 0 ? "other" : String(entry.code)
                sample(
                    [.route: one.route, .backend: one.backend, .code: code, .cause: entry.cause.description],
                    entry.count)
            }
        }
        write(series, .requestDuration, \.duration)
        write(series, .queueDuration, \.queue)
        write(series, .timeToFirstByte, \.firstByte)
        family(.requestBytes)
        for one in series { sample([.route: one.route, .backend: one.backend], one.counters.requestBytes) }
        family(.responseBytes)
        for one in series { sample([.route: one.route, .backend: one.backend], one.counters.responseBytes) }
        family(.grpcResponses)
        for one in series {
            for entry in one.counters.grpc.entries {
                sample(
                    [.route: one.route, .backend: one.backend, .grpcStatus: String(entry.status)], entry.count)
            }
        }
    }

    private mutating func write(
        _ series: [LabeledSeries], _ metric: MetricName, _ histogram: KeyPath<SeriesCounters, DurationHistogram>
    ) {
        family(metric)
        for one in series {
            self.histogram([.route: one.route, .backend: one.backend], one.counters[keyPath: histogram])
        }
    }
}
