import Base
import CLinux
import Glibc

/// What the kernel reported of a descriptor.
public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    package static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// The peer sends no more.
    package static let peerFinished = Readiness(rawValue: EPOLLRDHUP.rawValue)
    package static let hungUp = Readiness(rawValue: EPOLLHUP.rawValue)
    package static let failed = Readiness(rawValue: EPOLLERR.rawValue)
}

/// A descriptor in a loop's epoll set. Registered once, edge-triggered: no call per request.
open class Channel: Timed {
    package final let loop: Loop
    package fileprivate(set) final var descriptor: Int32 = -1

    package init(loop: Loop) { self.loop = loop }

    package final var isOpen: Bool { descriptor >= 0 }

    /// Takes the descriptor over and puts it into the epoll set.
    ///
    /// - Returns: false where the kernel refused; the descriptor is then closed.
    package final func open(_ descriptor: Int32, _ interest: Readiness) -> Bool {
        self.descriptor = descriptor
        if loop.register(self, interest) { return true }
        Glibc.close(descriptor)
        self.descriptor = -1
        return false
    }

    /// Closes the descriptor; events that are still under way for it go nowhere.
    package final func closeDescriptor() {
        guard descriptor >= 0 else { return }
        loop.unregister(self)
        Glibc.close(descriptor)
        descriptor = -1
    }

    /// Takes the descriptor over from another channel of the loop, and with it the place in the epoll set.
    final func takeDescriptor(of other: Channel) {
        descriptor = other.descriptor
        other.descriptor = -1
        loop.replace(other, by: self)
    }

    /// An edge arrived. `events` may hold more than one bit.
    open func ready(_ events: Readiness) {}

    /// The turn asked for with `Loop.continueLater`.
    open func continued() {}
    package final var isContinuing = false
}
