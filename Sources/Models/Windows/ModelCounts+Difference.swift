extension ModelCounts {
    /// Whether it can be what the same server counts later: no counter goes back without a new start.
    func continues(_ earlier: ModelCounts) -> Bool {
        successes >= earlier.successes && failures.continues(earlier.failures) && inferences >= earlier.inferences
            && executions >= earlier.executions && queueMicroseconds >= earlier.queueMicroseconds
            && computeMicroseconds >= earlier.computeMicroseconds
            && requestMicroseconds >= earlier.requestMicroseconds
    }

    /// What was counted since. `earlier` is no more than this in any counter.
    func since(_ earlier: ModelCounts) -> ModelCounts { combined(with: earlier, &-) }

    package mutating func add(_ other: ModelCounts) { self = combined(with: other, &+) }

    private func combined(with other: ModelCounts, _ operation: (UInt64, UInt64) -> UInt64) -> ModelCounts {
        var result = ModelCounts()
        result.successes = operation(successes, other.successes)
        result.failures.rejected = operation(failures.rejected, other.failures.rejected)
        result.failures.canceled = operation(failures.canceled, other.failures.canceled)
        result.failures.backend = operation(failures.backend, other.failures.backend)
        result.failures.other = operation(failures.other, other.failures.other)
        result.inferences = operation(inferences, other.inferences)
        result.executions = operation(executions, other.executions)
        result.queueMicroseconds = operation(queueMicroseconds, other.queueMicroseconds)
        result.computeMicroseconds = operation(computeMicroseconds, other.computeMicroseconds)
        result.requestMicroseconds = operation(requestMicroseconds, other.requestMicroseconds)
        return result
    }
}

extension ModelCounts.FailureCounts {
    fileprivate func continues(_ earlier: Self) -> Bool {
        rejected >= earlier.rejected && canceled >= earlier.canceled && backend >= earlier.backend
            && other >= earlier.other
    }
}
