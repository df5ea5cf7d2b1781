package import Inference

/// A request that is to go to every endpoint of a route's backends, ready for whoever asks them.
package struct FanOutRequest: Sendable {
    /// What the endpoints of one backend get.
    package struct Leg: Sendable {
        package var backend: ResolvedBackend
        /// Path and query.
        package var path: String
        /// Those that frame a message are not among them.
        package var headers: [(name: String, value: String)]
    }

    package var method: String
    package var body: [UInt8]
    package var isGRPC: Bool
    /// The messages of its answers are lists.
    package var isIndex: Bool
    package var legs: [Leg]
    /// For each endpoint.
    package var timeout: Duration

    /// What came of it; `nil` where there is too much of this under way.
    package typealias Completion = @Sendable (_ answer: FanOutAnswer?, _ endpoints: Int) -> Void
}
