import Base
import EventLoop
import Synchronization
import TLS

/// What the connections of one listener go by; replaced on a reload, and read by the loop for each request, so that nothing that
/// was taken away can be used on an old connection.
final class AdminListening: Sendable {
    struct Rules: Sendable {
        var door: Door
        var secure: Secure?
    }

    /// Whom a listener is for.
    enum Door: Sendable {
        case operators(AdminAPI)
        case autoscalers(ScaleAPI)
    }

    struct Secure: Sendable {
        var context: TLSServerContext
        var handshakeTimeout: Nanoseconds
        /// PEM: those by which certificates of clients are judged.
        var clientCA: [UInt8]?
    }

    private let rules: Mutex<Rules>
    private let isClosing = Atomic<Bool>(false)

    init(_ rules: Rules) { self.rules = Mutex(rules) }

    var current: Rules { rules.withLock { $0 } }
    func replace(_ next: Rules) { rules.withLock { $0 = next } }

    /// Whether a connection may be used for one more request.
    var mayStay: Bool { !isClosing.load(ordering: .relaxed) }

    /// The listener goes away, or its process does: who asks next should ask another one.
    func close() { isClosing.store(true, ordering: .relaxed) }
}
