/// One event of the stream, as the bytes that go to every reader.
package struct FeedMessage: Sendable {
    /// A whole server-sent event, with the empty line that ends it.
    package var bytes: [UInt8]
    /// Whether it holds everything, so that what came before does not matter.
    package var isState: Bool
}

/// Somebody's place among those who read the stream.
package final class FeedSubscription: Sendable {
    private let end: @Sendable () -> Void

    init(end: @escaping @Sendable () -> Void) { self.end = end }

    /// Nothing is delivered any more once the control queue has heard of it. Safe from any thread, and more than once.
    package func cancel() { end() }
}
