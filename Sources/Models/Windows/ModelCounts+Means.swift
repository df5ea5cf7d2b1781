/// What counters of a window come to. A mean of nothing is `nil`.
extension ModelCounts {
    package var meanQueueSeconds: Double? {
        successes == 0 ? nil : Double(queueMicroseconds) / Double(successes) / 1e6
    }

    package var meanComputeSeconds: Double? {
        successes == 0 ? nil : Double(computeMicroseconds) / Double(successes) / 1e6
    }

    /// Inferences for each run of the model.
    package var batchSize: Double? { executions == 0 ? nil : Double(inferences) / Double(executions) }
}
