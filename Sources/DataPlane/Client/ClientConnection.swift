import Base
import EventLoop
import HTTP
import TLS
import Telemetry

/// What is known of a client as long as its connection is kept, to be looked at without counting a reference to that.
struct ClientFacts {
    /// Where it came in; `nil` before there is a client.
    var listener: Unmanaged<ListenerState>?
    /// Without port, `unix` where there is none.
    var address = UnsafeRawBufferPointer(start: nil, count: 0)
    /// Whom the client's certificate names; empty where it showed none.
    var subject = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The peer is a proxy whose forwarding headers are believed.
    var isTrusted = false
}

/// What every connection from a client has, whichever version of HTTP is spoken on it.
class ClientConnection: Stream {
    let worker: Worker
    let listener: ListenerState
    /// `nil` for a client of a Unix socket, until a PROXY header says more.
    let address: SocketAddress?
    /// The peer is a proxy whose forwarding headers are believed.
    let isTrusted: Bool
    /// From here on it ends as soon as that loses nothing.
    private(set) var expiresAt = Instant.never
    /// Its listener is gone.
    private(set) var isRetiring = false
    /// It counts against `perClient` of its address.
    var isCounted = false
    /// Place in the worker's list of connections.
    var listIndex = -1

    private var subjectText = ByteBuffer()
    private var madeAddressText: UnsafeRawBufferPointer?

    init(worker: Worker, listener: ListenerState, address: SocketAddress?) {
        self.worker = worker
        self.listener = listener
        self.address = address
        isTrusted = address.map { listener.trusts($0) } ?? false
        super.init(loop: worker.loop)
        if let age = listener.maxConnectionAge {
            // Not all at once, where all came at once: 10 % to either side.
            let spread = age.count / 5
            expiresAt = loop.now + Nanoseconds(age.count - spread / 2 + worker.random.next() % max(spread, 1))
        }
    }

    /// Goes on where another connection object has found out who the client is, or what it speaks. The socket is still to be
    /// adopted.
    init(takingOver other: ClientConnection, address: SocketAddress?) {
        worker = other.worker
        listener = other.listener
        self.address = address
        isTrusted = address.map { other.listener.trusts($0) } ?? false
        super.init(loop: other.loop)
        expiresAt = other.expiresAt
        isCounted = other.isCounted
        other.isCounted = false
        swap(&subjectText, &other.subjectText)
    }

    deinit { madeAddressText?.deallocate() }

    /// Whether it should take no further requests, once that loses nothing.
    var isLeaving: Bool { isRetiring || worker.isDraining || (expiresAt != .never && expiresAt <= loop.now) }

    /// Made at the first request.
    private var addressText: UnsafeRawBufferPointer {
        if let madeAddressText { return madeAddressText }
        let text = address?.host ?? SocketAddress.unixHost
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 1)
        copy.copyBytes(from: text.utf8)
        madeAddressText = UnsafeRawBufferPointer(copy)
        return UnsafeRawBufferPointer(copy)
    }

    /// What exchanges look at.
    var facts: ClientFacts {
        ClientFacts(
            listener: .passUnretained(listener), address: addressText, subject: subjectText.bytes, isTrusted: isTrusted)
    }

    var isSecure: Bool { tls != nil }

    func noteSubject() {
        guard let text = tls?.peerSubject else { return }
        subjectText.removeAll()
        subjectText.append(text: text)
    }

    // MARK: For subclasses

    /// Since when it has waited for a request; `nil` while it is used for one.
    var idleSince: Instant? { nil }
    /// What is idle goes now, what is busy after its answers.
    func drain() {}
    /// The same, but nothing goes before its client was told, or has been silent for `Worker.patience`.
    func drainPatiently() {}
    /// The time for draining is over.
    func cutNow() {}

    /// The listener is no longer configured.
    final func retire() {
        isRetiring = true
        drain()
    }
}
