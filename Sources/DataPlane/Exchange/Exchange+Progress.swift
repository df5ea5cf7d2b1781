import EventLoop
import HTTP

/// Whether a slow peer still takes what waits for it. While the gateway and the kernel hold all they may, nothing else moves,
/// however busy the peer is with what it was given.
extension Exchange {
    /// Called when nothing has moved for the idle timeout, as far as events tell. Asked for only here: it takes system calls.
    /// So a peer that has stopped is found out the second time, after twice the timeout at the most.
    ///
    /// - Returns: whether a peer has taken something since the last call.
    func hasProgressed() -> Bool {
        let now = (client?.taken ?? 0) &+ (upstream?.taken ?? 0)
        guard now != 0, now != lastTaken else { return false }
        lastTaken = now
        return true
    }
}

extension ClientSide {
    /// Changes as the client takes what waits for it; 0 where nothing does.
    fileprivate var taken: UInt64 {
        switch self {
        case .http1(let connection): connection.takenWhileBehind
        case .http2(let stream): stream.takenWhileBehind(connection: stream.connection)
        }
    }
}

extension UpstreamSide {
    /// Changes as the endpoint takes what waits for it; 0 where nothing does.
    fileprivate var taken: UInt64 {
        switch self {
        case .http1(let connection): connection.takenWhileBehind
        case .http2(let stream): stream.takenWhileBehind(connection: stream.connection)
        }
    }
}

extension Stream {
    fileprivate var takenWhileBehind: UInt64 { isOpen && unsentBytes > 0 ? acknowledgedBytes : 0 }
}

extension HTTP2Stream {
    /// What a stream's own window holds back shows in its queue. While the connection is behind, that of all streams waits.
    fileprivate func takenWhileBehind(connection: Stream) -> UInt64 {
        queuedBytes == 0 ? 0 : UInt64(queuedBytes) &+ connection.takenWhileBehind
    }
}
