import CSSL
import Synchronization

/// Sessions that servers have offered to resume, shared by the loops.
final class ClientSessions: Sendable {
    /// For one server: as many as a burst of new connections takes before the first have brought fresh ones.
    private static let perServer = 8
    /// Servers remembered; more than a gateway has endpoints. A session takes about 1 KiB, or more with long chains.
    private static let servers = 256

    private let kept = Mutex<[String: [ClientSession]]>([:])

    /// The latest session with that server.
    ///
    /// In TLS 1.3 a session is used once: the server sends new ones, and nobody who listens can tell that two
    /// connections come from one client (RFC 8446 appendix C.4). In TLS 1.2 it stays, since the server may send no
    /// other.
    func take(_ server: String) -> ClientSession? {
        kept.withLock { kept in
            guard let latest = kept[server]?.last else { return nil }
            if latest.isUsedOnce { kept[server]?.removeLast() }
            return latest
        }
    }

    func keep(_ session: ClientSession, of server: String) {
        kept.withLock { kept in
            if kept[server] == nil, kept.count >= Self.servers, let other = kept.keys.first { kept[other] = nil }
            // Of TLS 1.2 the newest is enough.
            if !session.isUsedOnce { kept[server] = nil }
            kept[server, default: []].append(session)
            if let count = kept[server]?.count, count > Self.perServer { kept[server]?.removeFirst() }
        }
    }
}

/// A session's reference. OpenSSL counts them atomically, and copies a session before it changes one that has been
/// handed out.
final class ClientSession: @unchecked Sendable {
    let handle: OpaquePointer

    /// Takes the reference over.
    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { SSL_SESSION_free(handle) }

    var isUsedOnce: Bool { SSL_SESSION_get_protocol_version(handle) >= TLS1_3_VERSION }
}
