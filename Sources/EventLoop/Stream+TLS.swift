import Base
import CLinux
import Glibc
package import TLS

/// TLS between a stream and its socket: what is read is opened first, what is queued is sealed as it leaves.
extension Stream {
    /// Plaintext sealed before it is handed to the kernel: four records in one call.
    private static let sealedAtOnce = 64 * 1024

    /// Has TLS lie between the stream and its socket from here on. A client's handshake begins with `startHandshake`.
    package final func secure(with session: TLSSession) { secureLayer = SecureLayer(session) }

    /// The TLS session, if there is one.
    package final var tls: TLSSession? { secureLayer?.session }

    /// Sends a client's first message.
    package final func startHandshake() {
        guard let secureLayer else { return }
        secureLayer.session.start(output: &loop.sealed)
        sendSealed(secureLayer)
    }

    /// Takes TLS away again, for a last word to a peer that does not speak it.
    package final func speakCleartext() { secureLayer = nil }

    // MARK: Reading

    final func receiveSealed(_ secure: SecureLayer) -> Received {
        if let end = secure.end { return received(end) }
        guard let base = loop.scratch.baseAddress else { return .nothing }
        let count = sluice_recv(descriptor, base, loop.scratch.count)
        guard count > 0 else {
            readCameShort()
            guard count == 0 else { return count == -Int(EAGAIN) ? .nothing : .failed(Int32(-count)) }
            let end = secure.session.finishReceiving()
            secure.end = end
            return received(end)
        }
        if count < loop.scratch.count && !peerFinished { readCameShort() }
        let ciphertext = UnsafeRawBufferPointer(start: base, count: count)
        let result = secure.session.receive(ciphertext, into: loop.plaintext, output: &loop.sealed)
        sendSealed(secure)
        if let end = result.end {
            secure.end = end
            // It is told by the next read, after the bytes that came before it.
            readMayBringMore()
        }
        if result.finishedHandshake {
            handshakeFinished()
            guard isOpen else { return .nothing }
            if !outgoing.isEmpty { flush() }
        }
        guard result.produced > 0 else { return .nothing }
        return .bytes(UnsafeRawBufferPointer(rebasing: loop.plaintext[..<result.produced]))
    }

    private final func received(_ end: TLSReceived.End) -> Received {
        readCameShort()
        // What was cut off must not look complete.
        return end == .closed ? .end : .failed(EPROTO)
    }

    // MARK: Writing

    /// Seals the queue and hands it to the kernel as far as that takes it.
    final func flushSealed(_ secure: SecureLayer) {
        while canWrite && writeError == 0 {
            if secure.unsent.isEmpty {
                seal(secure)
                guard !loop.sealed.isEmpty else { return }
                sendSealed(secure)
            } else if let base = secure.unsent.bytes.baseAddress {
                let sent = sluice_send(descriptor, base, secure.unsent.count)
                guard sent >= 0 else {
                    refused(sent)
                    return
                }
                secure.sentBytes &+= UInt64(sent)
                secure.unsent.consume(sent)
                if secure.unsent.isEmpty { secure.unsent.release() } else { stopWriting() }
            }
        }
    }

    private final func seal(_ secure: SecureLayer) {
        guard secure.session.isEstablished else { return }
        while !outgoing.isEmpty && loop.sealed.count < Self.sealedAtOnce {
            let run = outgoing.first
            guard secure.session.write(run, output: &loop.sealed) == nil else {
                refused(-Int(EPROTO))
                return
            }
            sentBytes &+= UInt64(run.count)
            outgoing.consume(run.count, into: loop.blocks)
        }
    }

    /// Hands over what the loop's buffer holds, behind what is waiting; keeps what the kernel does not take.
    private final func sendSealed(_ secure: SecureLayer) {
        let bytes = loop.sealed.bytes
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
        var taken = 0
        if secure.unsent.isEmpty && canWrite && writeError == 0 {
            let sent = sluice_send(descriptor, base, bytes.count)
            if sent < 0 { refused(sent) } else { taken = sent }
            secure.sentBytes &+= UInt64(taken)
            if sent >= 0 && sent < bytes.count { stopWriting() }
        }
        if writeError == 0 { secure.unsent.append(UnsafeRawBufferPointer(rebasing: bytes[taken...])) }
        loop.sealed.removeAll(keepingAtMost: 2 * Self.sealedAtOnce)
    }

    /// Tells the peer that nothing was cut off (RFC 8446 section 6.1), if the kernel takes it at once.
    final func sendCloseNotify() {
        guard let secureLayer, outgoing.isEmpty else { return }
        secureLayer.session.close(output: &loop.sealed)
        sendSealed(secureLayer)
    }
}
