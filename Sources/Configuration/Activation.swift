/// Starting a backend's endpoints when they are needed, and stopping them when they are not.
extension Backend {
    package struct Activation: Sendable, Equatable {
        package var means: Means
        /// After so long without a request the endpoint is stopped; `nil` (written as 0s) means never. At least 1 s.
        package var idleAfter: Duration?
        package var hold = Hold()

        package init(means: Means) { self.means = means }

        package enum Means: Sendable, Equatable {
            /// A program and its arguments, started by the gateway itself: never empty.
            case exec([String])
            /// The scale of a Deployment.
            case kubernetes(namespace: String, deployment: String)
        }

        /// Requests that wait for an endpoint to come up: totals over all loops.
        package struct Hold: Sendable, Equatable {
            /// 1...1,000,000
            package var requests = 256
            /// Of bodies that have come already.
            package var bytes: Int64 = 256 * 1024 * 1024
            /// How long one request may wait.
            package var timeout: Duration = .seconds(300)

            package init() {}
        }
    }
}
