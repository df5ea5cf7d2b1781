import Base
import ControlPlane
import EventLoop

/// An answer that goes on: events, for as long as the client reads them.
///
/// Each event is made once for all readers, on the control queue; here its bytes are copied for each into what waits for the
/// kernel, which is bounded.
extension AdminConnection {
    /// Bytes a reader may be behind when the next event comes: minutes of ordinary ones. The first event holds everything, and
    /// may be larger by itself.
    private static let backlogLimit = 1 << 20

    func stream(_ subscribe: AdminResponse.Subscribe) {
        state = .streaming
        backlogLimit = Self.backlogLimit
        acknowledgedBefore = acknowledgedBytes
        loop.setDeadline(self, loop.now + Self.timeout)
        let reference = LoopBound(self)
        subscription = subscribe { message in
            reference.value.loop.post { reference.value.deliver(message) }
        }
    }

    private func deliver(_ message: FeedMessage) {
        guard isOpen, state == .streaming else { return }
        guard unsentBytes <= backlogLimit else {
            close(reset: true)
            return
        }
        if message.isState { backlogLimit = max(backlogLimit, message.bytes.count) }
        message.bytes.withUnsafeBytes { send($0) }
    }

    /// There is always something on its way, so a reader that acknowledges nothing has gone without a word.
    func checkReader() {
        let acknowledged = acknowledgedBytes
        guard acknowledged != acknowledgedBefore else {
            close(reset: true)
            return
        }
        acknowledgedBefore = acknowledged
        loop.setDeadline(self, loop.now + Self.timeout)
    }

    /// The reader is to come again, here or to the process that serves from now on.
    func endStream() {
        guard isOpen, state == .streaming else { return }
        subscription?.cancel()
        subscription = nil
        beginClosing()
    }
}
