package import Base
import CSSL

/// What a call of `TLSSession.receive` has done.
package struct TLSReceived {
    package enum End: Equatable {
        /// close_notify: the peer sends nothing more, and nothing was cut off.
        case closed
        case failed(TLSFailure)
    }

    /// Ciphertext used up, in bytes: all of it, unless `plaintext` became full.
    package var consumed = 0
    /// Plaintext written, in bytes.
    package var produced = 0
    /// More plaintext is there than fitted, or may be: to be called again, with the ciphertext that is left, if any.
    package var hasMore = false
    /// This call has completed the handshake.
    package var finishedHandshake = false
    /// The peer's bytes have come to an end. Plaintext of the same call came before it.
    package var end: End?
}

/// One TLS connection, without its socket: turns the peer's bytes into plaintext, and plaintext into bytes for the
/// peer.
///
/// Buffers are the caller's and are lent for one call: a loop can have one of each for all its connections. What a call
/// appends to `output` is to be sent before what later calls append. Used by one thread at a time; no bytes of a peer
/// trap.
package final class TLSSession {
    private let ssl: OpaquePointer
    private let transfer: UnsafeMutablePointer<Transfer>
    /// The context, whose tables OpenSSL's callbacks use.
    private let owner: AnyObject
    private let isServer: Bool
    fileprivate let sessions: ClientSessions?
    fileprivate let reuseKey: String

    /// The handshake is complete: facts about the peer are known.
    package private(set) var isEstablished = false
    /// Why the connection is of no use any more.
    package private(set) var failure: TLSFailure?
    /// The peer has sent close_notify.
    package private(set) var isPeerClosed = false
    private var hasSentClose = false
    private var isFirstByte = true
    /// Plaintext that OpenSSL does not take yet: during the handshake, or while a message of the peer is incomplete.
    private var heldBack = ByteBuffer()

    /// Most plaintext held back, in bytes: more than a caller sends before it waits for its output to drain.
    private static let heldBackLimit = 1 << 20
    /// The longest plaintext of a record (RFC 8446 section 5.1).
    private static let recordBytes = 16 * 1024
    /// What a record adds in either version: header, nonce or content type, tag.
    private static let recordOverhead = 5 + 8 + 16 + 1

    /// Room in which `receive` always uses up that much ciphertext at once: records begun earlier come on top.
    package static func plaintextRoom(forCiphertext count: Int) -> Int { count + recordBytes }

    /// The server's side; waits for the client.
    package init(server context: TLSServerContext) {
        (ssl, transfer) = Self.make(context.handle)
        (owner, isServer, sessions, reuseKey) = (context, true, nil, "")
        SSL_set_accept_state(ssl)
    }

    /// The client's side; `start` begins.
    ///
    /// - Parameters:
    ///   - serverName: who the server has to prove to be.
    ///   - endpoint: servers that share no ticket keys need different ones for their sessions to be resumed.
    ///   - protocols: to be offered by ALPN (RFC 7301) instead of the context's own.
    package init(
        client context: TLSClientContext, serverName: TLSServerName, endpoint: String = "", protocols: [String] = []
    ) {
        (ssl, transfer) = Self.make(context.handle)
        (owner, isServer, sessions, reuseKey) = (context, false, context.sessions, "\(serverName.text) \(endpoint)")
        context.prepare(ssl, serverName, reuseKey: reuseKey)
        context.offer(protocols, on: ssl)
        SSL_set_ex_data(ssl, Self.slot, Unmanaged.passUnretained(self).toOpaque())
        SSL_set_connect_state(ssl)
    }

    deinit {
        // Otherwise OpenSSL takes the connection for broken, and its session for unfit to be resumed.
        if failure == nil { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
        SSL_free(ssl)
        ErrorQueue.clear()
        transfer.deallocate()
    }

    private static func make(_ context: OpaquePointer) -> (OpaquePointer, UnsafeMutablePointer<Transfer>) {
        ErrorQueue.clear()
        guard let ssl = SSL_new(context) else { preconditionFailure("out of memory") }
        let transfer = UnsafeMutablePointer<Transfer>.allocate(capacity: 1)
        transfer.initialize(to: Transfer())
        let bio = TransferBIO.make(transfer)
        // One reference for both directions.
        SSL_set_bio(ssl, bio, bio)
        return (ssl, transfer)
    }

    // MARK: From the peer

    /// Begins a client's handshake: appends its first message to `output`.
    package func start(output: inout ByteBuffer) {
        _ = receive(
            UnsafeRawBufferPointer(start: nil, count: 0), into: UnsafeMutableRawBufferPointer(start: nil, count: 0),
            output: &output)
    }

    /// Takes bytes of the peer, and returns what they hold for the application in `plaintext`, up to several records in
    /// one call. Handshake messages and alerts to be sent go to `output`, also when it fails: send them before closing.
    ///
    /// Nothing is kept of `ciphertext`; what was consumed is copied by OpenSSL. The two buffers must not overlap.
    package func receive(
        _ ciphertext: UnsafeRawBufferPointer, into plaintext: UnsafeMutableRawBufferPointer, output: inout ByteBuffer
    ) -> TLSReceived {
        var result = TLSReceived()
        if failure == nil && isFirstByte && isServer, let first = ciphertext.first {
            isFirstByte = false
            // A handshake begins with 22; what begins with a capital letter is the method of an HTTP request.
            if first &- 0x41 < 26 { failure = TLSFailure(.plaintext, "the peer speaks unencrypted HTTP") }
        }
        guard failure == nil, !isPeerClosed else {
            result.consumed = ciphertext.count
            result.end = failure.map(TLSReceived.End.failed) ?? .closed
            return result
        }
        transfer.pointee.input = ciphertext.baseAddress
        transfer.pointee.inputCount = ciphertext.count
        lend(&output) {
            guard isEstablished || shakeHands(&result) else { return }
            read(plaintext, &result)
            if failure == nil && !heldBack.isEmpty { writeHeldBack() }
        }
        // After the end nothing of the rest has a meaning.
        let left = failure == nil && !isPeerClosed ? transfer.pointee.inputCount : 0
        transfer.pointee.input = nil
        transfer.pointee.inputCount = 0
        result.consumed = ciphertext.count &- left
        result.hasMore = result.hasMore && failure == nil && !isPeerClosed
        result.end = failure.map(TLSReceived.End.failed) ?? (isPeerClosed ? .closed : nil)
        return result
    }

    /// The peer's bytes have ended, with the connection. An end without close_notify is a failure: an attacker can
    /// bring it about, so a message whose end is only the end of the connection may not be whole.
    package func finishReceiving() -> TLSReceived.End {
        if isPeerClosed { return .closed }
        let found =
            failure
            ?? TLSFailure(
                .truncated,
                isEstablished ? "the connection ended without close_notify" : "it ended during the handshake")
        failure = found
        return .failed(found)
    }

    /// - Returns: whether it is complete.
    private func shakeHands(_ result: inout TLSReceived) -> Bool {
        let done = SSL_do_handshake(ssl)
        guard done == 1 else {
            check(done)
            return false
        }
        ErrorQueue.clear()
        isEstablished = true
        result.finishedHandshake = true
        return true
    }

    private func read(_ plaintext: UnsafeMutableRawBufferPointer, _ result: inout TLSReceived) {
        while result.produced < plaintext.count, let base = plaintext.baseAddress {
            var count = 0
            let done = SSL_read_ex(ssl, base + result.produced, plaintext.count &- result.produced, &count)
            guard done == 1 else {
                check(done)
                return
            }
            result.produced &+= count
        }
        result.hasMore = transfer.pointee.inputCount > 0 || SSL_pending(ssl) > 0
    }

    /// Learns why a call did not succeed. With lent memory OpenSSL never waits to write.
    private func check(_ result: Int32) {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: break
        case SSL_ERROR_ZERO_RETURN: isPeerClosed = true
        default: failure = .current(of: ssl)
        }
    }

    // MARK: To the peer

    /// Seals plaintext in records of up to 16 KiB and appends them to `output`. Many small pieces are better gathered
    /// first: each call makes a record.
    ///
    /// Before the handshake is complete the plaintext is kept, up to 1 MiB, and goes out with its last message.
    ///
    /// - Returns: why nothing was written; the connection is of no use then.
    package func write(_ plaintext: UnsafeRawBufferPointer, output: inout ByteBuffer) -> TLSFailure? {
        guard failure == nil, !hasSentClose else {
            return failure ?? TLSFailure(.violation, "written to after its end")
        }
        guard !plaintext.isEmpty else { return nil }
        lend(&output) {
            if !isEstablished || !heldBack.isEmpty || !seal(plaintext) { holdBack(plaintext) }
        }
        return failure
    }

    /// Appends close_notify: nothing more will be written, and nothing was cut off. What is held back is lost. Nothing
    /// to send before the handshake is complete, or after a failure.
    package func close(output: inout ByteBuffer) {
        guard isEstablished, failure == nil, !hasSentClose else { return }
        hasSentClose = true
        heldBack.release()
        lend(&output) { _ = SSL_shutdown(ssl) }
    }

    /// - Returns: `false` if OpenSSL has to see more of the peer first, and has taken nothing.
    private func seal(_ plaintext: UnsafeRawBufferPointer) -> Bool {
        if let output = transfer.pointee.output {
            // Grown once, instead of by doubling.
            let records = plaintext.count / Self.recordBytes &+ 1
            _ = output.pointee.reserve(plaintext.count &+ records &* Self.recordOverhead)
        }
        var count = 0
        let done = SSL_write_ex(ssl, plaintext.baseAddress, plaintext.count, &count)
        if done == 1 { return true }
        check(done)
        return failure != nil
    }

    private func holdBack(_ plaintext: UnsafeRawBufferPointer) {
        guard heldBack.count &+ plaintext.count <= Self.heldBackLimit else {
            failure = TLSFailure(.violation, "the peer leaves a message incomplete, and too much is waiting for it")
            heldBack.release()
            return
        }
        heldBack.append(plaintext)
    }

    private func writeHeldBack() {
        if seal(heldBack.bytes) { heldBack.release() }
    }

    private func lend(_ output: inout ByteBuffer, _ body: () -> Void) {
        withUnsafeMutablePointer(to: &output) { pointer in
            transfer.pointee.output = pointer
            ErrorQueue.clear()
            body()
            ErrorQueue.clear()
            transfer.pointee.output = nil
        }
    }

    // MARK: Sessions to resume

    /// The slot that OpenSSL leaves to applications.
    fileprivate static let slot: Int32 = 0

    /// Has a client's context remember what servers offer to resume.
    static func keepSessions(of context: OpaquePointer) { SSL_CTX_sess_set_new_cb(context, keepSession) }

    // MARK: Facts

    /// Calls `body` with the connection, for `TLSSession+Facts`.
    func withConnection<Value>(_ body: (OpaquePointer) -> Value) -> Value { body(ssl) }
}

/// SSL_CTX_sess_set_new_cb(3). 1 takes the reference over.
private func keepSession(_ ssl: OpaquePointer?, _ offered: OpaquePointer?) -> Int32 {
    guard let ssl, let offered, let owner = SSL_get_ex_data(ssl, TLSSession.slot) else { return 0 }
    let session = Unmanaged<TLSSession>.fromOpaque(owner).takeUnretainedValue()
    guard let sessions = session.sessions, SSL_SESSION_is_resumable(offered) == 1 else { return 0 }
    sessions.keep(ClientSession(offered), of: session.reuseKey)
    return 1
}
