/// How much of what a peer may do, and how fast. Each has its reason; each that is passed has its `HTTP2Abuse`.
package struct HTTP2Limits: Sendable {
    /// An allowance that refills: `burst` at once, then `perSecond`.
    package struct Rate: Sendable {
        package var burst: UInt64
        package var perSecond: UInt64

        package init(burst: UInt64, perSecond: UInt64) {
            self.burst = burst
            self.perSecond = perSecond
        }
    }

    package init() {}

    /// The limits of a listener: what one header may take decides about all that bounds header blocks.
    package init(concurrentStreams: UInt32, headerBytes: Int) {
        self.concurrentStreams = concurrentStreams
        headerListBytes = headerBytes
        // On the wire a block is no larger than its list, but for long Huffman codes.
        headerBlockBytes = headerBytes + headerBytes / 4
        decodedHeaderBytes = 4 * headerBytes
        // A frame carries 16 KiB; clients cut smaller ones too.
        continuations = 4 + headerBlockBytes / 16_384
    }

    // MARK: Sizes

    /// Open streams of a peer, announced (RFC 9113 section 6.5.2). Clients open about a hundred; each may hold a window
    /// of memory.
    package var concurrentStreams: UInt32 = 128
    /// Decoded header list, counted as RFC 9113 section 6.5.2 does, announced. As large as a head over HTTP/1.1 may be.
    package var headerListBytes = 64 * 1024
    /// A header block on the wire: no larger than the list it may decode to, and some for long Huffman codes.
    package var headerBlockBytes = 80 * 1024
    /// CONTINUATION frames of one block (CVE-2024-27316): a full list takes four frames of 16 KiB.
    package var continuations = 8
    /// Decoded bytes of one block at which a refused list turns into an attack: references to one large entry of the
    /// table make 4 KiB out of one byte (RFC 7541 section 7.3).
    package var decodedHeaderBytes = 256 * 1024
    /// Interim answers to one request: servers send one or two.
    package var interimAnswers = 16
    /// Frames waiting in nghttp2 for a peer that does not read. Two for each stream that may be open, and as many
    /// acknowledgements again.
    package var waitingFrames = 1024

    // MARK: Windows, see HTTP2Session+Windows

    /// A stream's window at first. Small requests never need an update; 128 idle streams cannot hold more than 32 MiB.
    package var initialStreamWindow: Int32 = 256 * 1024
    /// A stream's window once its consumer has shown that it keeps up: 1 Gbit/s for 50 ms is 6 MiB, and updates are
    /// sent for half a window at a time.
    package var largestStreamWindow: Int32 = 8 * 1024 * 1024
    /// What all streams of a connection together may have beyond their first windows: four streams at full size.
    package var windowGrowth: Int = 32 * 1024 * 1024
    /// The connection's window. Its credit is given back at receipt, so it bounds what is on the way and not what is
    /// held; twice the largest stream window, so that it is never what one stream waits for.
    package var connectionWindow: Int32 = 16 * 1024 * 1024

    // MARK: Output

    /// Unsent bytes above which body bytes stay with their streams, so that what is new waits behind no more than this.
    package var outputBytes = 128 * 1024
    /// Pieces of a body up to this size are copied to share frames: a frame costs more than a copy of 4 KiB.
    package var gatheredBytes = 4096
    /// Body bytes queued for a stream above which its source should pause: two frames, so that the next is there when
    /// one leaves.
    package var streamQueue = 64 * 1024

    // MARK: Rates

    /// RST_STREAM of a client (CVE-2023-44487). Every stream of a full connection may be cancelled a few times over at
    /// once, as deadlines of gRPC calls do.
    package var resets = Rate(burst: 1000, perSecond: 100)
    /// The same for streams that had no answer yet: those cost the backend and bring nothing.
    package var cancellations = Rate(burst: 500, perSecond: 50)
    /// RST_STREAM this side had to send because of errors (CVE-2025-8671): a client that works makes none.
    package var provokedResets = Rate(burst: 100, perSecond: 10)
    /// Each may touch every open stream. gRPC libraries send some while they measure the path.
    package var settings = Rate(burst: 100, perSecond: 10)
    /// Keep-alives come once in seconds; measurements of the path come with data: each DATA frame that was sent
    /// pays for one.
    package var pings = Rate(burst: 200, perSecond: 20)
    /// PRIORITY, PRIORITY_UPDATE, GOAWAY and unknown types, none of which asks for anything. Browsers send a few for
    /// each request.
    package var idleFrames = Rate(burst: 500, perSecond: 100)
    /// DATA without bytes and without END_STREAM: allowed, and of no use.
    package var emptyFrames = Rate(burst: 100, perSecond: 10)
    /// WINDOW_UPDATE; every byte of DATA that was sent pays for one, as gRPC's C++ library sends two for each message it
    /// reads, however short. Libraries send one or two with each request.
    package var windowUpdates = Rate(burst: 2000, perSecond: 200)
    /// An update of fewer bytes counts twice, so that a window which is opened byte by byte does not pay for itself: many
    /// small steps are a way to have many small frames made.
    package var smallWindowUpdate: UInt32 = 256

    /// What the end of a stream pays for at least: a small update for the stream and one for the connection.
    package var windowUpdatesPerStream: UInt64 = 4

    /// What is paid for and may still come. Where one of the two has stood still for a while, a peer reads all that is on its
    /// way at once, and so its updates come at once, too: these are enough for 8 MiB of messages of 130 bytes, or for 300 KiB
    /// of empty ones. As many bytes of small requests would be more work, so that nobody gains by it.
    package var paidWindowUpdates: UInt64 = 256 * 1024

    // MARK: Stalls

    /// A stream with bytes queued has to take `stallProgress` in this time, or all it has, or it is reset.
    package var stallSeconds: UInt64 = 60
    /// One frame: a window opened byte by byte is no progress.
    package var stallProgress: UInt64 = 16 * 1024
    /// Streams that may be reset for stalling before the connection is ended.
    package var stalledStreams = Rate(burst: 32, perSecond: 1)
}

/// What a peer did too much of. The connection ends with GOAWAY ENHANCE_YOUR_CALM.
package enum HTTP2Abuse: CaseIterable, Sendable {
    case resets, cancellations, provokedResets
    case continuations, headerBlock, decodedHeaders
    case settings, pings, idleFrames, emptyFrames, windowUpdates
    case stalledStreams
    /// More streams than were announced.
    case concurrentStreams
    /// Frames pile up because the peer does not read them.
    case unreadOutput
    /// Interim answers without end.
    case interimAnswers

    /// As metrics name it.
    package var label: String {
        switch self {
        case .resets: "resets"
        case .cancellations: "cancellations"
        case .provokedResets: "provoked_resets"
        case .continuations: "continuations"
        case .headerBlock: "header_block"
        case .decodedHeaders: "decoded_headers"
        case .settings: "settings"
        case .pings: "pings"
        case .idleFrames: "idle_frames"
        case .emptyFrames: "empty_frames"
        case .windowUpdates: "window_updates"
        case .stalledStreams: "stalled_streams"
        case .concurrentStreams: "concurrent_streams"
        case .unreadOutput: "unread_output"
        case .interimAnswers: "interim_answers"
        }
    }
}
