import Base
import EventLoop
import HTTP
import Traffic

/// Reads the body of an error as it passes, for what it says about the model.
final class RefusalReader {
    private let worker: Worker
    private let endpoint: EndpointPool
    private let pool: BackendPool
    private let model: ModelKey
    private let status: Int
    /// The endpoint has listed the model as ready.
    private let isListed: Bool
    private var body = ByteBuffer()
    private var isTooLong = false

    init(
        _ worker: Worker, _ endpoint: EndpointPool, _ pool: BackendPool, _ model: ModelKey, status: Int, isListed: Bool
    ) {
        self.worker = worker
        self.endpoint = endpoint
        self.pool = pool
        self.isListed = isListed
        self.model = model
        self.status = status
    }

    func read(_ bytes: UnsafeRawBufferPointer) {
        guard !isTooLong else { return }
        isTooLong = body.count + bytes.count > TritonRefusal.maxBody
        if !isTooLong { body.append(bytes) }
    }

    func end() {
        guard !isTooLong else { return }
        if TritonRefusal(status: status, body: body.bytes, model: model.name) == .notReady
            || (isListed && TritonRefusal.saysUnknown(status: status, body: body.bytes, model: model.name))
        {
            worker.modelRefused(model, at: endpoint, of: pool)
        }
    }
}

/// The rest of an answer that nobody wants, because the request is tried again: read to its end, so that the connection
/// can be used again, and for what it says about the model.
package final class DiscardedAnswer: UpstreamUser {
    /// Bytes worth reading to keep a connection: errors are short, and opening one costs about as much.
    static let limit = 16 * 1024
    /// For all of it; who takes longer to finish an error than this loses the connection.
    private static let patience = Nanoseconds.seconds(1)

    private let worker: Worker
    private let pool: BackendPool
    private let refusal: RefusalReader?
    private var upstream: UpstreamSide?
    private var received = 0

    init(_ worker: Worker, _ upstream: UpstreamSide, _ pool: BackendPool, refusal: RefusalReader?) {
        self.worker = worker
        self.upstream = upstream
        self.pool = pool
        self.refusal = refusal
    }

    func start() {
        worker.loop.setDeadline(self, worker.loop.now + Self.patience)
        upstream?.handOver(to: self)
    }

    override func upstreamBody(_ bytes: UnsafeRawBufferPointer) {
        received += bytes.count
        refusal?.read(bytes)
        if received > Self.limit { finish { $0.abandon() } }
    }

    override func upstreamEnded(trailers: MessageHead?) {
        refusal?.end()
        finish { [pool] in $0.release(idleTimeout: pool.idleTimeout) }
    }

    override func upstreamFailed(_ failure: UpstreamFailure) {
        upstream = nil
        worker.loop.removeDeadline(self)
    }

    override func expired(now: Instant) { finish { $0.abandon() } }

    private func finish(_ how: (UpstreamSide) -> Void) {
        guard let upstream else { return }
        self.upstream = nil
        worker.loop.removeDeadline(self)
        how(upstream)
    }
}
