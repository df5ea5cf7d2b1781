/// What a route does when things are scarce or go wrong.
extension Route {
    /// In a backend's queue, requests of high priority go first.
    package enum Priority: String, Sendable, CaseIterable { case normal, high }

    /// Triton's own parameters of a request
    /// (github.com/triton-inference-server/server/blob/main/docs/protocol/extension_schedule_policy.md).
    package struct TritonParameters: Sendable, Equatable {
        /// `nil` leaves it to the client.
        package var priority: Priority?
        /// By user name, ahead of `priority`: 1 is the highest, 0 stands for the model's default.
        package var userPriorities: [String: UInt32] = [:]
        /// `nil` leaves it to the client.
        package var timeout: Timeout?

        package init() {}

        package enum Priority: Sendable, Equatable {
            /// That of the route: 1 for `high`, the model's default for `normal`.
            case route
            /// 1 is the highest, 0 stands for the model's default.
            case level(UInt32)
        }

        /// How long Triton may let it wait in its queue.
        package enum Timeout: Sendable, Equatable {
            /// What is left of the route's `timeout`, which there is, or of the client's `grpc-timeout` if that is less.
            case route
            case fixed(Duration)
        }
    }

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

    /// What keeps a client on one side of a split: as long as the weights stay, the same key goes to the same entry, and when
    /// they move, only those move that must. Requests without the key are split as if nobody had asked.
    package enum Sticky: Sendable, Equatable {
        /// Lower-case name.
        case header(String)
        /// Given to clients that have none; for so long, or until the browser is closed.
        case cookie(String, ttl: Duration?)
        case clientAddress
    }

    /// Trouble made on purpose, to see who stands it.
    package struct Fault: Sendable, Equatable {
        package var delay: Delay?
        package var abort: Abort?

        package init() {}

        package struct Delay: Sendable, Equatable {
            /// 0...100
            package var percent: Double
            package var duration: Duration

            package init(percent: Double, duration: Duration) {
                self.percent = percent
                self.duration = duration
            }
        }

        package struct Abort: Sendable, Equatable {
            /// 0...100
            package var percent: Double
            package var answer: Answer

            package init(percent: Double, answer: Answer) {
                self.percent = percent
                self.answer = answer
            }
        }

        package enum Answer: Sendable, Equatable {
            /// 200...599
            case status(Int)
            /// 1...16; what is no gRPC call gets the HTTP status that stands for it.
            case grpcStatus(Int)
        }
    }
}
