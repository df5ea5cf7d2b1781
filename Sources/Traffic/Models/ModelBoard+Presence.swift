package import Base

/// Where a model is, as far as that is known.
extension ModelBoard {
    package enum Presence: Sendable {
        /// Ready at some endpoint, or one whose list nobody knows may have it.
        case somewhere
        /// Ready nowhere, and on its way somewhere.
        case loading
        /// Listed, and not to be had: unloaded, or its loading failed.
        case unavailable
        /// On no list.
        case absent
    }

    /// - Parameter entry: of the model; `nil` for one that no endpoint lists.
    package func presence(_ entry: Int?, now: Instant) -> Presence {
        let state = entry.flatMap { $0 < best.count ? best[$0] : nil }
        if state == .ready || allListedUntil <= now { return .somewhere }
        return switch state {
        case .ready: .somewhere
        case .loading: .loading
        case .unavailable: .unavailable
        case nil: .absent
        }
    }

    /// Whether every endpoint has it ready, so that it makes no difference which one is asked.
    package func isEverywhere(_ entry: Int?) -> Bool {
        entry.map { $0 < isEverywhere.count && isEverywhere[$0] } ?? false
    }

    /// Whether a request for the entry may go to the endpoint: it is ready there, or nobody knows.
    package func mayHave(_ entry: Int?, at endpoint: Int, now: Instant) -> Bool {
        isReady(entry, at: endpoint) || listedUntil[endpoint] <= now
    }

    package func isReady(_ entry: Int?, at endpoint: Int) -> Bool {
        guard let entry, entry < best.count else { return false }
        return cells[entry &* endpoints &+ endpoint].state == .ready
    }

    /// Whether every endpoint's list was read after a time.
    package func isListed(since time: Instant) -> Bool { listedAt.allSatisfy { $0 >= time } }
}
