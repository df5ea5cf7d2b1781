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
    /// Up to so many series are on the page before anything has happened to them, so that their rates begin at 0. They are
    /// 6 KiB each: of ten thousand routes that nobody uses, Prometheus would not take the page.
    package static let unusedSeriesLimit = 1000

    /// Writes the families that are recorded for each series. Each pair of route and backend occurs once in `series`.
    package mutating func write(_ series: [LabeledSeries]) {
        let isLong = series.count > Self.unusedSeriesLimit
        let series = isLong ? series.filter { $0.counters.duration.count > 0 } : series
        family(.requests)
        for one in series {
            for entry in one.counters.responses.entries {
                let code = entry.code == 0 ? "other" : String(entry.code)
                sample(
                    [.route: one.route, .backend: one.backend, .code: code, .cause: entry.cause.description],
                    entry.count)
            }
        }
        family(.errors)
        for one in series { sample([.route: one.route, .backend: one.backend], one.counters.errors) }
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
