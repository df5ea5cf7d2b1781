package import Base

/// What one model server says of its models and processors, over the last `window`: what queue metrics, autoscalers and
/// balancing go by.
///
/// The differences of counters are kept, not their quotients, so that whoever sums up several endpoints or models divides
/// once, at the end: the mean time in queues is the sum of all waiting over the sum of all requests, and an idle model
/// counts for nothing.
package struct EndpointReading: Sendable {
    /// When the newest counters were read.
    package var readAt: Instant
    /// From the oldest counters that count to the newest; shorter after a start.
    package var window: Nanoseconds
    /// In the order of name and version.
    package var models: [ModelReading]
    /// In the order of the server's own list; empty where it says nothing of processors.
    package var gpus: [GPUReading]
    /// Models that are not among these, because there are too many.
    package var leftOut = 0

    package init(readAt: Instant, window: Nanoseconds, models: [ModelReading], gpus: [GPUReading] = []) {
        self.readAt = readAt
        self.window = window
        self.models = models
        self.gpus = gpus
    }
}

/// One version of one model at one endpoint.
package struct ModelReading: Sendable, Equatable {
    package var name: String
    package var version: String
    /// Since the server started, as it counts them.
    package var total = ModelCounts()
    /// Within the window.
    package var recent = ModelCounts()
    /// Requests in the server that are not executing yet, when the counters were read; `nil` where it does not say.
    package var pending: Int?
    /// Requests under way in the model itself at once, within the window: the mean over the time in which there were any. A
    /// batch counts as many as it holds. At least 1; `nil` where none has run.
    package var concurrency: Double?

    package init(name: String, version: String) {
        self.name = name
        self.version = version
    }
}

/// Counters of a model, or differences of them. Durations are sums over requests, in microseconds.
package struct ModelCounts: Sendable, Equatable {
    /// Requests that succeeded.
    package var successes: UInt64 = 0
    /// Requests that failed, by reason; a server that gives none counts as `other`.
    package var failures = FailureCounts()
    /// Inferences, several for a request that is a batch.
    package var inferences: UInt64 = 0
    /// Runs of the model: `inferences / executions` is the batch size.
    package var executions: UInt64 = 0
    package var queueMicroseconds: UInt64 = 0
    /// Input, inference and output together.
    package var computeMicroseconds: UInt64 = 0
    /// The whole request, as the server sees it.
    package var requestMicroseconds: UInt64 = 0

    package init() {}

    package struct FailureCounts: Sendable, Equatable {
        package var rejected: UInt64 = 0
        package var canceled: UInt64 = 0
        package var backend: UInt64 = 0
        package var other: UInt64 = 0

        package init() {}

        package var sum: UInt64 { rejected &+ canceled &+ backend &+ other }
    }
}

/// One processor, as the server sees it.
package struct GPUReading: Sendable, Equatable {
    package var id: String
    /// 0...1
    package var utilization: Double

    package init(id: String, utilization: Double) {
        self.id = id
        self.utilization = utilization
    }
}
