package import Base

/// What `leastQueue` compares, for people to read.
extension ModelBoard {
    package struct Expectation: Sendable, Equatable {
        /// Until one more request for the model would be done.
        package var microseconds: Double
        /// Nothing was measured there lately, and it is taken to be like the others, for its weight.
        package var isLikeOthers: Bool
    }

    /// The time by which an endpoint would be chosen for one more request for a model, or for one of its versions; `nil` where
    /// nothing is known of the model now, and requests for it go by their number, and where it gets none of them.
    ///
    /// - Parameters:
    ///   - version: empty for requests that name none.
    ///   - factor: of the endpoint, in thousandths (`SlowStart`).
    package func expectation(
        _ name: String, version: String = "", at endpoint: Int, factor: Int = SlowStart.whole, now: Instant
    ) -> Expectation? {
        let entry = Array(name.utf8).withUnsafeBytes { name in
            Array(version.utf8).withUnsafeBytes { self.entry(name, version: $0) }
        }
        guard let entry, endpoint < endpoints, isEstimated(entry, now: now), mayHave(entry, at: endpoint, now: now)
        else { return nil }
        let time = LeastQueue.time(expectedTime(entry, at: endpoint, now: now), factor: factor)
        return Expectation(microseconds: time, isLikeOthers: cells[entry * endpoints + endpoint].samples == 0)
    }
}
