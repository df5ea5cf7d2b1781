import Base
import EventLoop
import HTTP

/// The endpoint's side of an exchange or of a copy: a connection, or one stream of a connection.
enum UpstreamSide {
    case http1(HTTP1UpstreamConnection)
    case http2(HTTP2UpstreamStream)

    /// What a request is sent on.
    enum Connection {
        case http1(HTTP1UpstreamConnection)
        case http2(HTTP2UpstreamConnection)
    }

    /// A request about to be sent.
    struct Request {
        var head: MessageHead
        var forwarding: RequestForwarding
        /// Nothing follows.
        var endsWithHead: Bool
    }

    /// Begins a request on the connection there is, or on a new one.
    ///
    /// - Returns: `nil` where it cannot be sent at all; failures to connect come as events.
    static func begin(_ access: BackendPool.Access, for user: UpstreamUser, _ pool: BackendPool, _ request: Request)
        -> UpstreamSide?
    {
        let connection = access.connection ?? access.port.makeConnection()
        switch connection {
        case .http1(let connection):
            connection.begin(user, request.head.method)
            if access.connection == nil { connection.connect(timeout: pool.connectTimeout) }
            connection.sendHead(request.head, request.forwarding)
            return .http1(connection)
        case .http2(let connection):
            if access.connection == nil { connection.connect(timeout: pool.connectTimeout) }
            return connection.open(for: user, request, idleTimeout: pool.idleTimeout).map { .http2($0) }
        }
    }

    // MARK: The request

    func sendBody(_ bytes: UnsafeRawBufferPointer) {
        switch self {
        case .http1(let connection): connection.sendBody(bytes)
        case .http2(let stream): stream.sendBody(bytes)
        }
    }

    func sendEnd(trailers: MessageHead?) {
        switch self {
        case .http1(let connection): connection.sendEnd(trailers: trailers)
        case .http2(let stream): stream.sendEnd(trailers: trailers)
        }
    }

    /// Bytes the endpoint has not taken.
    var unsentBytes: Int {
        switch self {
        case .http1(let connection): connection.unsentBytes
        case .http2(let stream): stream.queuedBytes
        }
    }

    /// The endpoint is behind; `UpstreamUser.upstreamDrained` tells when it no longer is.
    var isFull: Bool {
        switch self {
        case .http1(let connection): connection.awaitsDrain
        case .http2(let stream): stream.isFull
        }
    }

    /// Looks whether the endpoint is behind now.
    func checkBacklog() {
        switch self {
        case .http1(let connection):
            if connection.unsentBytes > Exchange.backlogLimit { connection.awaitsDrain = true }
        case .http2(let stream): stream.checkBacklog()
        }
    }

    /// Where body bytes may go without being looked at.
    var spliceTarget: Stream? {
        guard case .http1(let connection) = self, connection.canSplice else { return nil }
        return connection
    }

    // MARK: The answer

    /// No more of the answer is wanted until `resume`.
    func pause() {
        switch self {
        case .http1(let connection): connection.pause()
        case .http2(let stream): stream.pause()
        }
    }

    func resume() {
        switch self {
        case .http1(let connection): connection.resume()
        case .http2(let stream): stream.resume()
        }
    }

    // MARK: Its end

    /// Somebody else takes the rest of the answer.
    func handOver(to user: UpstreamUser) {
        switch self {
        case .http1(let connection): connection.handOver(to: user)
        case .http2(let stream): stream.handOver(to: user)
        }
    }

    /// The user has its answer.
    func release(idleTimeout: Nanoseconds) {
        switch self {
        case .http1(let connection): connection.release(idleTimeout: idleTimeout)
        case .http2(let stream): stream.release()
        }
    }

    /// The user wants no more of it. The endpoint is to notice, so that it can stop working.
    func abandon() {
        switch self {
        case .http1(let connection): connection.abandon()
        case .http2(let stream): stream.release()
        }
    }
}
