/// What autoscalers can ask for, by the names that `custom.metrics.k8s.io` has for it.
package enum ScaleMetric: String, Sendable, CaseIterable {
    /// The mean time that a request has waited in its model's queue, in microseconds.
    case queueTime = "avg_time_queue_us"
    /// Requests that wait: in the model server, and in the gateway.
    case pending = "pending_requests"
    /// Requests that succeed.
    case rate = "requests_per_second"
    /// Time in queues over time in models.
    case queueToCompute = "queue_to_compute_ratio"
    /// 0...1
    case gpuUtilization = "gpu_utilization"
}

/// The model that a question is about.
package struct ModelChoice: Sendable, Equatable {
    package var name: String
    /// `nil` means all versions.
    package var version: String?

    package init(name: String, version: String? = nil) {
        self.name = name
        self.version = version
    }
}
