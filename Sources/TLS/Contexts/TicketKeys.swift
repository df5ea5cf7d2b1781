package import Base
import CSSL
import Synchronization

/// The keys that seal session tickets (RFC 5077, RFC 8446 section 4.6.1): one set for all loops and contexts, so that a
/// client may come back to any of them, and across reloads of certificates.
///
/// A ticket's key opens what was said in the connections that resume with it in TLS 1.2, and lets the client's
/// certificate pass: so keys live in memory only, and not long.
package final class TicketKeys: Sendable {
    /// How long new tickets are sealed with a key. Two older ones still open theirs, so a ticket holds for two hours at
    /// least and three at most.
    package static let interval = Nanoseconds.seconds(3600)
    private static let kept = 3

    private struct State {
        /// Newest first.
        var keys: [TicketKey]
        var newest: Instant
    }

    private let state: Mutex<State>
    fileprivate let cipher: TicketCipher

    package init(now: Instant) {
        state = Mutex(State(keys: [TicketKey()], newest: now))
        cipher = TicketCipher()
    }

    /// Makes the keys that are due, and drops those that are too old. Cheap: to be called by a timer.
    ///
    /// - Returns: when to call again.
    @discardableResult
    package func rotate(now: Instant) -> Instant {
        state.withLock { state in
            let periods = now.since(state.newest).count / Self.interval.count
            if periods > 0 {
                // Each hour that went by without a key has made the others older all the same.
                let left = periods >= UInt64(Self.kept) ? 0 : Self.kept - Int(periods)
                state.keys = [TicketKey()] + state.keys.prefix(left)
                state.newest = state.newest + Nanoseconds(periods &* Self.interval.count)
            }
            return state.newest + Self.interval
        }
    }

    fileprivate var newest: TicketKey { state.withLock { $0.keys[0] } }

    /// The key of that name, and whether it is the newest.
    fileprivate func key(named name: UnsafePointer<UInt8>) -> (TicketKey, isNewest: Bool)? {
        state.withLock { state in
            guard let place = state.keys.firstIndex(where: { $0.isNamed(name) }) else { return nil }
            return (state.keys[place], place == 0)
        }
    }

    /// Has a context seal its tickets with these keys, which must outlive its connections.
    func serve(_ context: OpaquePointer) {
        SSL_CTX_set_ex_data(context, Self.slot, Unmanaged.passUnretained(self).toOpaque())
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context, prepareTicket)
    }

    /// The slot that OpenSSL leaves to applications.
    fileprivate static let slot: Int32 = 0
}

/// SSL_CTX_set_tlsext_ticket_key_evp_cb(3).
private func prepareTicket(
    _ ssl: OpaquePointer?, _ name: UnsafeMutablePointer<UInt8>?, _ vector: UnsafeMutablePointer<UInt8>?,
    _ cipher: OpaquePointer?, _ mac: OpaquePointer?, _ seals: Int32
) -> Int32 {
    guard let ssl, let name, let vector, let cipher, let mac,
        let owner = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), TicketKeys.slot)
    else { return -1 }
    let keys = Unmanaged<TicketKeys>.fromOpaque(owner).takeUnretainedValue()
    if seals != 0 {
        let key = keys.newest
        key.writeName(to: name)
        guard RAND_bytes(vector, TicketCipher.vectorCount) == 1,
            keys.cipher.prepare(cipher, mac, key, vector, seals: true)
        else { return -1 }
        return 1
    }
    // An unknown key is no error: the client gets a full handshake.
    guard let (key, isNewest) = keys.key(named: name) else { return 0 }
    guard keys.cipher.prepare(cipher, mac, key, vector, seals: false) else { return -1 }
    // 2 has the ticket replaced: always in TLS 1.3, where clients use one once (RFC 8446 appendix C.4).
    return isNewest && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2
}

/// AES-256-CBC, looked up once: to look it up by name for each ticket takes a lock of OpenSSL.
private final class TicketCipher: @unchecked Sendable {
    static let vectorCount: Int32 = 16
    private let cipher: OpaquePointer

    init() {
        guard let cipher = EVP_CIPHER_fetch(nil, "AES-256-CBC", nil) else {
            preconditionFailure("OpenSSL offers no AES-256")
        }
        self.cipher = cipher
    }

    deinit { EVP_CIPHER_free(cipher) }

    func prepare(
        _ context: OpaquePointer, _ mac: OpaquePointer, _ key: TicketKey, _ vector: UnsafePointer<UInt8>, seals: Bool
    ) -> Bool {
        guard sluice_ticket_mac(mac, key.mac, TicketKey.macCount) == 1 else { return false }
        return seals
            ? EVP_EncryptInit_ex2(context, cipher, key.cipher, vector, nil) == 1
            : EVP_DecryptInit_ex2(context, cipher, key.cipher, vector, nil) == 1
    }
}

/// A name and two secrets; erased when the last handshake that uses it is done with it.
private final class TicketKey: @unchecked Sendable {
    private static let nameCount = 16
    private static let cipherCount = 32
    static let macCount = 32
    private static let count = nameCount + cipherCount + macCount

    private let bytes: UnsafeMutablePointer<UInt8>

    init() {
        bytes = .allocate(capacity: Self.count)
        let filled = RAND_priv_bytes(bytes, Int32(Self.count)) == 1
        precondition(filled, "OpenSSL gives no random bytes")
    }

    deinit {
        OPENSSL_cleanse(bytes, Self.count)
        bytes.deallocate()
    }

    var cipher: UnsafePointer<UInt8> { UnsafePointer(bytes + Self.nameCount) }
    var mac: UnsafePointer<UInt8> { UnsafePointer(bytes + Self.nameCount + Self.cipherCount) }

    /// The name is sent in the clear: it needs no comparison in constant time.
    func isNamed(_ name: UnsafePointer<UInt8>) -> Bool { (0..<Self.nameCount).allSatisfy { bytes[$0] == name[$0] } }

    func writeName(to target: UnsafeMutablePointer<UInt8>) { target.update(from: bytes, count: Self.nameCount) }
}
