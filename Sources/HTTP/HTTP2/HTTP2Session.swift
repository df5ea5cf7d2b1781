import CNGHTTP2
package import Base

/// One HTTP/2 connection (RFC 9113), without the socket: bytes in, events and bytes out.
///
/// Framing, HPACK and stream states are nghttp2's. What a stream may hold, how fast a peer may do what, and what
/// becomes an HTTP message is decided here. The caller hands over what it reads with `feed`, and after that, and after
/// anything it submits, sends what `takeOutput` gives, until `isFinished`. It stops feeding while much of the output is
/// unsent.
///
/// An answer with `framing` `close`, or a request, goes on until the stream ends.
package final class HTTP2Session {
    package let role: HTTP2Role
    package let limits: HTTP2Limits
    unowned(unsafe) let events: HTTP2Events
    let resources: HTTP2Resources
    let pool: BlockPool
    /// nghttp2's session; lives as long as this object.
    let handle: OpaquePointer

    // Input
    var now: Instant
    private var scanner: HTTP2FrameScanner
    var rates: HTTP2FrameRates
    var closedStreams = HTTP2ClosedStreams()
    var builder = HTTP2HeadBuilder()
    /// The stream whose header block is being read.
    var building: HTTP2Stream?
    var buildsTrailers = false
    /// Held while trailers are read, and no longer.
    var trailerHead: MessageHead?
    /// What the block that is read goes into.
    unowned(unsafe) var blockHead: MessageHead?
    var cancellations: HTTP2RateLimit
    var provokedResets: HTTP2RateLimit
    var stalledStreams: HTTP2RateLimit

    /// Since when the peer owes the rest of a header block or of a frame other than DATA; `nil` where it owes nothing.
    package private(set) var unfinishedSince: Instant?

    // Output
    var output = ByteQueue()
    var outputLimit = 0
    var drained: [HTTP2Stream] = []

    // State
    var streams: [HTTP2Stream] = []
    /// nghttp2 is being called: it must not be called again to read or write.
    var isBusy = false
    /// Why nothing more is read: found inside a callback, acted on behind it.
    var stop: HTTP2FrameRates.Refusal?
    /// The connection ends when its output has been sent.
    package internal(set) var isTerminating = false
    package internal(set) var abuse: HTTP2Abuse?
    /// All streams' body bytes that were handed over and not consumed.
    package internal(set) var heldBytes = 0
    /// What stream windows have grown by, see `HTTP2Limits.windowGrowth`.
    var windowGrowth = 0
    var shutdown = Shutdown.none
    /// The peer knows this side's settings.
    package internal(set) var areSettingsAcknowledged = false

    enum Shutdown { case none, announced, done }

    /// - Parameter events: not retained; has to outlive the session.
    package init(
        role: HTTP2Role, limits: HTTP2Limits, events: HTTP2Events, resources: HTTP2Resources, now: Instant
    ) {
        self.role = role
        self.limits = limits
        self.events = events
        self.resources = resources
        pool = resources.pool
        self.now = now
        scanner = HTTP2FrameScanner(role)
        rates = HTTP2FrameRates(limits, role)
        cancellations = HTTP2RateLimit(limits.cancellations)
        provokedResets = HTTP2RateLimit(limits.provokedResets)
        stalledStreams = HTTP2RateLimit(limits.stalledStreams)
        handle = HTTP2Library.makeSession(role, limits)
        nghttp2_session_set_user_data(handle, Unmanaged.passUnretained(self).toOpaque())
        submitSettings()
    }

    deinit {
        nghttp2_session_del(handle)
        output.removeAll(into: pool)
        for stream in streams { stream.queue.removeAll(into: pool) }
    }

    private func submitSettings() {
        var entries: [nghttp2_settings_entry] = []
        func announce(_ setting: nghttp2_settings_id, _ value: UInt32) {
            entries.append(nghttp2_settings_entry(settings_id: Int32(setting.rawValue), value: value))
        }
        announce(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(limits.initialStreamWindow))
        announce(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(limits.headerListBytes))
        switch role {
        case .server:
            announce(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.concurrentStreams)
            // RFC 9218 section 2.1: no dependency tree, nothing kept of closed streams.
            announce(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1)
        case .client: announce(NGHTTP2_SETTINGS_ENABLE_PUSH, 0)
        }
        _ = nghttp2_submit_settings(handle, 0, entries, entries.count)
        _ = nghttp2_session_set_local_window_size(handle, 0, 0, limits.connectionWindow)
    }

    // MARK: Input

    /// Takes what the peer sent, all of it. Nothing is read any more once the session is terminating.
    package func feed(_ bytes: UnsafeRawBufferPointer, now: Instant) {
        self.now = now
        guard !isTerminating, !isBusy else { return }
        var offset = 0
        var fed = 0
        var sawNew = false
        while let frame = scanner.next(bytes, from: &offset) {
            if let refusal = rates.admit(frame, now: now) {
                read(bytes, fed..<frame.start)
                end(refusal)
                return
            }
            if frame.type != HTTP2FrameType.continuation { sawNew = true }
            guard frame.type == HTTP2FrameType.data || frame.type == HTTP2FrameType.headers else { continue }
            // What came before decides whether the stream is open.
            read(bytes, fed..<frame.start)
            fed = max(fed, frame.start)
            if let refusal = refuse(frame) { stop = stop ?? refusal }
            guard !endIfStopped() else { return }
        }
        read(bytes, fed..<bytes.count)
        _ = endIfStopped()
        noteUnfinished(sawNew)
    }

    /// - Parameter sawNew: a frame has begun that is not part of what was unfinished before.
    private func noteUnfinished(_ sawNew: Bool) {
        guard building != nil || scanner.isInsideFrame else {
            unfinishedSince = nil
            return
        }
        if unfinishedSince == nil || sawNew { unfinishedSince = now }
    }

    private func read(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        guard !range.isEmpty, stop == nil, let base = bytes.baseAddress else { return }
        isBusy = true
        let start = (base + range.lowerBound).assumingMemoryBound(to: UInt8.self)
        let result = nghttp2_session_mem_recv(handle, start, range.count)
        isBusy = false
        if result < 0 && stop == nil { stop = HTTP2Library.refusal(of: result) }
        if stop == nil && nghttp2_session_get_outbound_queue_size(handle) > limits.waitingFrames {
            stop = .abuse(.unreadOutput)
        }
    }

    /// Frames of streams that are over (RFC 9113 section 5.1), which nghttp2 passes over in silence.
    private func refuse(_ frame: HTTP2FrameHead) -> HTTP2FrameRates.Refusal? {
        guard role == .server, frame.streamID & 1 == 1 else { return nil }
        let id = frame.streamID
        if nghttp2_session_get_stream_user_data(handle, id) != nil { return nil }
        switch closedStreams.verdict(id) {
        case .fresh:
            if frame.type == HTTP2FrameType.headers {
                closedStreams.open(id)
                // nghttp2 takes no stream after the last GOAWAY; the client did not know that yet.
                if shutdown == .done { closedStreams.forgive(id) }
            }
            return nil
        case .ignored: return nil
        case .closed: return .error(.streamClosed)
        case .skipped: return .error(.protocolError)
        }
    }

    private func endIfStopped() -> Bool {
        guard let stop else { return isTerminating }
        end(stop)
        return true
    }

    // MARK: Spare objects

    /// Takes back a head that nobody looks at any more.
    package func recycle(_ head: MessageHead) { resources.give(head) }

    /// Moves the stream's head into one that is the owner's, which has to be empty. The owner looks at the stream's own no
    /// more.
    package func moveHead(of stream: HTTP2Stream, to head: MessageHead) {
        stream.head.exchange(with: head)
        stream.isHeadSpare = true
    }

    /// Trailer fields, during `trailersComplete`.
    package var trailers: MessageHead {
        if let trailerHead { return trailerHead }
        let fresh = resources.takeHead()
        trailerHead = fresh
        return fresh
    }

    /// The trailer fields, to be kept past `trailersComplete` and given back with `recycle`.
    package func takeTrailers() -> MessageHead {
        let taken = trailers
        trailerHead = nil
        return taken
    }

    /// An empty list to be filled, which the next call that takes one gets back.
    package func fieldList() -> HTTP2FieldList {
        let list = resources.takeList()
        list.removeAll()
        return list
    }

    func recycle(_ list: HTTP2FieldList) { resources.give(list) }

    // MARK: Streams

    func register(_ stream: HTTP2Stream) {
        stream.index = streams.count
        stream.window = limits.initialStreamWindow
        streams.append(stream)
    }

    func unregister(_ stream: HTTP2Stream) {
        guard stream.index >= 0, let last = streams.popLast() else { return }
        if last !== stream {
            streams[stream.index] = last
            last.index = stream.index
        }
        stream.index = -1
        stream.isRegistered = false
        release(stream)
        if stream.isHeadSpare { recycle(stream.head) }
        if stream.window > limits.initialStreamWindow {
            windowGrowth &-= Int(stream.window &- limits.initialStreamWindow)
        }
    }

    /// Lets go of what the stream holds for sending.
    func release(_ stream: HTTP2Stream) {
        stream.queue.removeAll(into: pool)
        stream.borrowed = UnsafeRawBufferPointer(start: nil, count: 0)
        if let list = stream.trailers { recycle(list) }
        stream.trailers = nil
        heldBytes &-= stream.heldBytes
        stream.heldBytes = 0
    }

    package var openStreams: Int { streams.count }
}
