import Base

/// What a stream begins with, see `HTTP2Events.makeStream`.
public struct HTTP2StreamSeed {
    package let id: Int32
    let head: MessageHead
    let method: Method
}

/// One exchange of a session. Its owner may keep it past its end; calls then do nothing.
///
/// Open, so that an owner can keep what it knows of a stream in the same object.
open class HTTP2Stream {
    package final let id: Int32
    /// The head that was received: the request, or the latest answer. Of a stream that is over it may belong to another one
    /// already; see `HTTP2Session.moveHead`.
    package internal(set) final var head: MessageHead

    // What was received
    /// The head cannot be used; set in `headRefused`.
    package internal(set) final var refusal: MessageError?
    package internal(set) final var hasHead = false
    /// END_STREAM has come.
    package internal(set) final var hasEnded = false
    /// Body bytes handed over and not yet reported with `consumed`.
    package internal(set) final var heldBytes = 0
    final var window: Int32 = 0
    final var consumedSinceGrowth = 0
    final var receivedBytes: UInt64 = 0
    final var expectedBytes: UInt64?
    final var interimAnswers = 0
    /// `head` is empty and of no interest to the owner.
    final var isHeadSpare = false
    final let requestMethod: Method

    // What is sent
    final var queue = ByteQueue()
    /// Bytes on their way through `send`, behind the queue; valid only while that runs.
    final var borrowed = UnsafeRawBufferPointer(start: nil, count: 0)
    final var trailers: HTTP2FieldList?
    package internal(set) final var hasSentHead = false
    /// Nothing more will be given to send.
    package internal(set) final var isFinished = false
    package internal(set) final var sentBytes: UInt64 = 0
    /// `streamDrained` is wanted when the queue is half empty.
    final var awaitsDrain = false
    final var stallMark: (time: Instant, sent: UInt64)?

    // State
    /// Known to the owner, who hears of its end.
    final var isAnnounced = false
    /// Over: closed by nghttp2, or given up by the owner.
    package internal(set) final var isClosed = false
    /// nghttp2 still has it.
    final var isRegistered = true
    /// This side's own reset, not one that the peer's errors made necessary.
    final var isOwnReset = false
    /// A client's: it was reset by this side, for what the server sent or because the owner wants no more.
    package internal(set) final var isRefused = false
    final var index = -1

    package init(_ seed: HTTP2StreamSeed) {
        id = seed.id
        head = seed.head
        requestMethod = seed.method
    }

    /// Body bytes waiting for the peer's window or for the connection.
    package final var queuedBytes: Int { queue.count &+ borrowed.count }
}

/// What happens on a session. Called inside `feed`, `takeOutput`, `send` and `review`; the session may be used
/// meanwhile, but is not to be released. One call comes for the end of each stream that was announced by
/// `headComplete`, `headRefused` or `openStream`, unless its owner has reset it: `streamClosed`, the last of all.
open class HTTP2Events {
    public init() {}

    /// Makes the object of a new stream.
    open func makeStream(_ seed: HTTP2StreamSeed) -> HTTP2Stream { HTTP2Stream(seed) }

    /// A request, or the final answer, is in `stream.head`. The body follows, also where END_STREAM came with it: then
    /// `streamEnded` is next.
    open func headComplete(_ stream: HTTP2Stream) {}
    /// The head is larger than the limits, see `stream.refusal`. A server may answer it; nothing more of the request
    /// comes. A client's stream has been reset.
    open func headRefused(_ stream: HTTP2Stream) {}
    /// An answer with a status below 200 is in `stream.head`.
    open func interimComplete(_ stream: HTTP2Stream) {}
    /// Body bytes, valid during the call, which are held until `consumed` says otherwise.
    open func body(_ stream: HTTP2Stream, _ bytes: UnsafeRawBufferPointer) {}
    /// Trailer fields are in the session's `trailers`, valid during the call; `streamEnded` follows.
    open func trailersComplete(_ stream: HTTP2Stream) {}
    /// The peer has said all, and as much as it had announced.
    open func streamEnded(_ stream: HTTP2Stream) {}
    /// The queue has gone down after `awaitDrain`.
    open func streamDrained(_ stream: HTTP2Stream) {}
    /// Both sides are done (`noError`), or the stream was reset by the peer, for its errors, or with the connection. A
    /// client that sees `refusedStream` may send the request again.
    open func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {}
    /// The peer takes no new streams above this one (RFC 9113 section 6.8).
    open func goawayReceived(lastStream: Int32, _ code: HTTP2ErrorCode) {}
    /// The peer's limits may have changed.
    open func settingsReceived() {}
    /// The answer to `ping`.
    open func pingAnswered(_ payload: UInt64) {}
}
