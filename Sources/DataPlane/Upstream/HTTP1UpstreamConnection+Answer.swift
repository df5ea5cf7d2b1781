import Base
import EventLoop
import HTTP
import TLS
import Telemetry

/// The way in: an answer is taken apart and handed to the user, with the same suspicion as a request.
extension HTTP1UpstreamConnection {
    /// Moves a large body on inside the kernel.
    ///
    /// - Returns: false where it has to be read.
    func spliceBody() -> Bool {
        guard inbox.isEmpty, let remaining = body.remaining, remaining >= Stream.worthSplicing, let user,
            let target = user.spliceTargetOfAnswer
        else { return false }
        switch target.splice(from: self, limit: remaining) {
        case .moved(let count):
            body.skip(UInt64(count))
            user.upstreamSpliced(count)
            if body.remaining == 0 { finished(trailers: nil, leftover: 0, user) }
        case .nothing: break
        case .end: ended(error: 0)
        case .failed(let error): ended(error: error)
        case .unavailable: return false
        }
        return true
    }

    func keep(_ rest: UnsafeRawBufferPointer) {
        // Bytes behind a complete answer belong to nobody; they only keep the connection from being used again.
        if reading == .done { return }
        inbox.append(rest)
    }

    func consumeInbox() {
        // Out of the way first: a complete answer may put the connection into the pool, or already to its next use.
        var bytes = ByteBuffer()
        swap(&bytes, &inbox)
        let used = consume(bytes.bytes)
        guard isOpen, reading != .done, used < bytes.count else { return }
        bytes.consume(used)
        swap(&bytes, &inbox)
    }

    /// - Returns: how many of the bytes are used up; the rest is an incomplete head or trailer section.
    func consume(_ bytes: UnsafeRawBufferPointer) -> Int {
        sawBytes = true
        var offset = 0
        let use = uses
        // A complete answer takes the user away; an early failure does, too. Then it may be somebody else's already.
        while isOpen, use == uses, let user {
            switch reading {
            case .head:
                guard let head = completeSection(bytes, &offset) else { return isOpen ? offset : bytes.count }
                gotHead(head, user)
            case .body:
                switch body.next(bytes, from: &offset) {
                case .data(let count):
                    user.upstreamBody(UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset &+ count)]))
                    offset &+= count
                case .needMore: return offset
                case .end: finished(trailers: nil, leftover: bytes.count &- offset, user)
                case .trailers:
                    reading = .trailers
                    takeHead().reset()
                case .failed:
                    failBroken()
                    return bytes.count
                }
            case .trailers:
                guard let trailers = completeSection(bytes, &offset) else { return isOpen ? offset : bytes.count }
                finished(trailers: trailers, leftover: bytes.count &- offset, user)
            case .tunnel:
                if offset < bytes.count { user.upstreamBody(UnsafeRawBufferPointer(rebasing: bytes[offset...])) }
                return bytes.count
            case .done: return bytes.count
            }
        }
        return bytes.count
    }

    /// The head or trailer section that begins at the offset, which moves behind it; `nil` while it is incomplete, and when it
    /// is broken, which closes the connection.
    private func completeSection(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> MessageHead? {
        guard offset < bytes.count else { return nil }
        let head = takeHead()
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        let progress =
            reading == .trailers
            ? head.parseTrailers(rest, limit: Self.headLimit) : head.parseResponse(rest, limit: Self.headLimit)
        switch progress {
        case .incomplete: return nil
        case .failed:
            failBroken()
            return nil
        case .complete(let length):
            offset &+= length
            return head
        }
    }

    func takeHead() -> MessageHead {
        if let head { return head }
        let fresh = worker.takeHead()
        head = fresh
        return fresh
    }

    func gotHead(_ head: MessageHead, _ user: UpstreamUser) {
        if head.switchesToWebSocket, user.awaitsSwitch {
            gotSwitch(head, user)
            return
        }
        if head.status < 200 {
            interimCount &+= 1
            // 101 would hand the connection to a protocol that nobody asked for.
            guard head.status != 101, interimCount <= Self.maxInterim else {
                failBroken()
                return
            }
            user.upstreamInterim(head)
            head.reset()
            return
        }
        do throws(MessageError) {
            try head.frameResponse(to: method)
        } catch {
            failBroken()
            return
        }
        allowsReuse = head.allowsReuse && head.framing != .close
        body = BodyReader(head.framing)
        reading = .body
        user.upstreamHead(head, framing: head.framing)
    }

    /// The connection is the user's alone from here on, and never goes back to the pool.
    private func gotSwitch(_ head: MessageHead, _ user: UpstreamUser) {
        allowsReuse = false
        reading = .tunnel
        user.upstreamSwitched(head)
        returnHead()
    }

    func finished(trailers: MessageHead?, leftover: Int, _ user: UpstreamUser) {
        reading = .done
        if leftover > 0 { allowsReuse = false }
        user.upstreamEnded(trailers: trailers)
    }

    func ended(error: Int32) {
        if state == .handshaking {
            fail(UpstreamFailure(cause: .tlsHandshake, nothingWritten: true))
            return
        }
        guard state == .busy, let user else {
            close()
            return
        }
        // WebSocket says itself whether it was cut off, and many servers close without close_notify.
        let isWhole =
            reading == .tunnel
            ? error == 0 || tls?.failure?.kind == .truncated
            : reading == .body && body.endsWithConnection && error == 0
        // The end of a tunnel's one direction, told again while the other goes on.
        if reading == .done, error == 0, writeError == 0 { return }
        if isWhole {
            finished(trailers: nil, leftover: 0, user)
            return
        }
        fail(UpstreamFailure(cause: .upstreamReset))
    }

    /// The answer is not HTTP/1.1 as everybody would read it.
    private func failBroken() { fail(UpstreamFailure(cause: .upstreamProtocol)) }
}
