/// What a route does when things are scarce or go wrong.
extension Route {
    /// In a backend's queue, requests of high priority go first.
    package enum Priority: String, Sendable, CaseIterable { case normal, high }

    /// Sending a request once more after a failure, where it is safe.
    package struct Retries: Sendable, Equatable {
        /// Extra tries, 1...10.
        package var attempts = 1
        /// What is tried again; never empty, in the order written.
        package var on: [Trigger] = [.connectFailure, .refusedStream]
        /// Of each try, until its answer begins; `nil` for as long as the exchange may take.
        package var perTryTimeout: Duration?
        /// Of the route's requests over ten seconds, 0...100.
        package var budgetPercent = 20.0
        /// A longer body is sent once. 0 ... 1 GiB.
        package var maxBufferedBytes = 1024 * 1024
        /// Inference requests without a sequence may run twice.
        package var inference = false

        package init() {}

        package enum Trigger: Sendable, Hashable {
            case connectFailure, refusedStream, reset, timeout
            /// An answer's status, 400...599.
            case status(Int)
        }
    }
}
