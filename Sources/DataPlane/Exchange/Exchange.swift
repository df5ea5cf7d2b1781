import Base
import Configuration
import EventLoop
import HTTP
import Inference
import Telemetry
import Traffic

/// One request and its response, between one client and one endpoint.
///
///     reading --head complete--> deciding --> verifying (a password) --> deciding
///     deciding --> inspecting (the model or sequence that the body names) --> deciding
///     deciding --> gathering (the body) --> fanningOut (to every endpoint) --> answered here
///     deciding --> delaying (a fault that the route injects) --> deciding
///     deciding --> holding (for a backend that is being started) --> deciding
///     deciding --> answered here | waiting (for a place) --> sending
///     sending --failed, and safe to send again--> pausing --> deciding
///     sending --answer's head--> responding, which a tunnel does as well
///     every way ends in `finish`, once
///
/// It knows neither side's protocol: the client connection parses requests and writes answers, the upstream connection
/// writes requests and parses answers, and both hand over neutral heads and body bytes.
package final class Exchange: UpstreamUser {
    enum Phase {
        case reading, deciding, inspecting, verifying, delaying, holding, waiting, sending, pausing, responding,
            gathering, fanningOut, finished
    }

    let worker: Worker
    /// Set from the first byte of the request until the object is used again.
    private(set) var client: ClientSide?
    /// Valid while there is a client.
    private(set) var peer = ClientFacts()
    /// Told apart from an earlier use of the same object by jobs that come back late.
    var serial: UInt64 = 0
    let head = MessageHead()
    var phase = Phase.reading

    // What the request is.
    var target: RequestTarget?
    var decodedPath = ByteBuffer()
    var hasDecodedPath = false
    /// It is known that the path has no escapes.
    var hasPlainPath = false
    /// The value that goes out as `Host`; a range of the head.
    var host = HeadRange.empty
    var identity = Identity()
    /// The client a trusted proxy named, as text; `nil` where the peer itself is the client.
    var forwardedClient: StableBytes?

    // What was decided.
    var configuration: LoopConfiguration?
    var route: RouteState?
    var entry: Int?
    var pool: BackendPool?
    var endpoint: EndpointPool?
    var upstream: UpstreamSide?
    /// Of the present try: stands for the place at the endpoint as well.
    var ticket: EndpointHealth.Ticket?
    /// Where the present try counts for its model.
    var modelLoad: ModelLoad?
    /// What the endpoint is chosen by, where the backend is balanced by what requests carry.
    var hashKey: UInt64?
    var sequence: SequenceReader?
    /// Kept only where the route has `retries`.
    var tried = TriedEndpoints()
    /// Of an answer that may say that the model is not ready.
    var refusal: RefusalReader?
    /// Set once both sides speak WebSocket, see Exchange+Tunnel.
    var tunnel: Tunnel?
    var mirrors: ContiguousArray<MirrorCopy> = []
    /// Copies that did not begin, for the log.
    var lostMirrors: [MirrorNote] = []
    /// What is noted for its spans; `nil` where `tracing` is off. See DataPlane/Tracing.
    var trace: ExchangeTrace?
    /// That of a request before, to be used again.
    var spareTrace: ExchangeTrace?
    var user: [UInt8] = []
    /// What the endpoint sees of the path, where that is not what the client asked for.
    var rewrittenPath = ByteBuffer()
    var isRewritten = false
    /// Changes the messages of a call, in the present try.
    var messageRewriter: GRPCModelRewriter?
    /// Changes the JSON of an inference request, in the present try.
    var jsonRewriter: ParameterJSON?
    /// What answers say to a page of another origin.
    var crossOrigin: CORSPolicy.CrossOrigin?
    var isPreflight = false
    /// Given to the client, so that it comes back to the same side of the split.
    var newAffinity: UInt64?
    /// How long a client that came too often is to wait.
    var retryAfter = Nanoseconds(0)

    // What is known of a gRPC call, see Exchange+GRPC.
    var isGRPC = false
    var inspector: GRPCInspector?
    /// Finds out the model of a call where only the choice of an endpoint depends on it.
    var modelReader: GRPCInspector?
    var grpcStatus: GRPCStatus?
    /// When the client stops waiting (`grpc-timeout`).
    var callDeadline = Instant.never

    // The beginning of the body, kept until it is known where it goes, and while it may have to be sent again.
    var kept = ByteQueue()
    var keepsBody = false

    // How far it is.
    var requestBytes: UInt64 = 0
    var responseBytes: UInt64 = 0
    var isRequestComplete = false
    var hasTrailers = false
    var isHeadSent = false
    var status = 0
    /// Places it has been sent to.
    var tries = 0
    /// Sent to the same place once more, in the present try.
    var resends = 0
    /// Sent once more, to whichever place.
    var retries: UInt32 = 0

    // When things happened.
    var startedAt = Instant(nanoseconds: 0)
    var startedWallClock: UInt64 = 0
    var queuedAt = Instant(nanoseconds: 0)
    /// Time in queues, of all tries.
    var queued = Nanoseconds(0)
    /// Moved forward by the time that later tries wait in a queue.
    var dispatchedAt: Instant?
    /// When the present try began.
    var triedAt = Instant(nanoseconds: 0)
    var requestEndedAt: Instant?
    var firstByteAt: Instant?
    var lastActivity = Instant(nanoseconds: 0)
    /// What peers had taken when that was last looked at, see Exchange+Progress.
    var lastTaken: UInt64 = 0

    // Place in a queue.
    /// It waits beside those that can use every endpoint.
    var isChoosy = false
    /// The one endpoint it waits for, if it is one.
    var awaited: EndpointPool?
    /// In the queue of those that are held as well: an exchange is in one of them at most.
    var queueNext: Exchange?
    unowned(unsafe) var queuePrevious: Exchange?
    /// Since it was held for the first time; see Exchange+Hold.
    var held: Held?
    /// That time, by which those that are held have their turn.
    var heldSince = Instant(nanoseconds: 0)
    /// Counted as a use of a backend that is stopped when nobody uses it.
    var isUse = false

    init(worker: Worker) { self.worker = worker }

    /// Bytes an endpoint or client may be behind before whoever feeds it has to wait: two reads' worth keeps both busy.
    static let backlogLimit = 2 * Loop.scratchBytes

    /// Begins a new life at the first byte of a request.
    func begin(_ client: ClientSide, serial: UInt64) {
        self.client = client
        peer = client.connection.facts
        self.serial = serial
        phase = .reading
        startedAt = worker.loop.now
        startedWallClock = worker.wallClock
    }

    /// Forgets everything but the memory.
    func reset() {
        head.reset()
        client = nil
        peer = ClientFacts()
        target = nil
        if hasDecodedPath { decodedPath.release() }
        hasDecodedPath = false
        hasPlainPath = false
        host = .empty
        route = nil
        entry = nil
        pool = nil
        endpoint = nil
        configuration = nil
        upstream = nil
        ticket = nil
        modelLoad = nil
        hashKey = nil
        if let sequence { worker.giveSequenceReader(sequence) }
        sequence = nil
        if !tried.isEmpty { tried.removeAll() }
        refusal = nil
        tunnel = nil
        isChoosy = false
        awaited = nil
        held = nil
        isUse = false
        if isGRPC { forgetCall() }
        dropKept()
        if !mirrors.isEmpty { mirrors.removeAll(keepingCapacity: true) }
        if !lostMirrors.isEmpty { lostMirrors.removeAll() }
        if forwardedClient != nil { forwardedClient = nil }
        if !user.isEmpty { user.removeAll(keepingCapacity: true) }
        if isRewritten { rewrittenPath.release() }
        isRewritten = false
        if messageRewriter != nil { messageRewriter = nil }
        if jsonRewriter != nil { jsonRewriter = nil }
        crossOrigin = nil
        isPreflight = false
        newAffinity = nil
        requestBytes = 0
        responseBytes = 0
        isRequestComplete = false
        hasTrailers = false
        isHeadSent = false
        status = 0
        tries = 0
        resends = 0
        retries = 0
        queued = Nanoseconds(0)
        dispatchedAt = nil
        requestEndedAt = nil
        firstByteAt = nil
        lastTaken = 0
        if trace != nil { forgetTrace() }
        identity.clear()
    }

    /// Whether body bytes have somewhere to go right now.
    var acceptsBody: Bool {
        switch phase {
        case .sending, .responding: upstream.map { !$0.isFull } ?? false
        case .inspecting, .gathering: true
        default: false
        }
    }

    /// In a backend's queue, it goes before those that are not.
    var isUrgent: Bool { route?.isUrgent == true }

    /// The client's address as text, without port. Valid until the end.
    var clientText: UnsafeRawBufferPointer {
        if let forwardedClient { return forwardedClient.bytes }
        return peer.address
    }

    // MARK: The request's body

    func requestBody(_ bytes: UnsafeRawBufferPointer) {
        requestBytes &+= UInt64(bytes.count)
        lastActivity = worker.loop.now
        if let inspector {
            if let refusal = inspector.feed(bytes) {
                refuse(refusal)
                return
            }
        } else if let limit = route?.maxBodySize, requestBytes > limit, !isGRPC {
            reject(.bodyTooLarge)
            return
        }
        readModel(bytes)
        if !readSequence(bytes) { return }
        if phase == .inspecting {
            keepUntilDecided(bytes)
            return
        }
        if phase == .gathering {
            gather(bytes)
            return
        }
        for mirror in mirrors { mirror.sendBody(bytes) }
        sendToEndpoint(bytes)
        guard let upstream else { return }
        upstream.checkBacklog()
        if keepsBody { keepForReplay(bytes) }
        if upstream.isFull { armFirstByte() }
    }

    /// Where body bytes may go without being looked at: no mirror wants them, and they need no framing.
    var spliceTarget: Stream? {
        guard mirrors.isEmpty, inspector == nil, modelReader == nil, sequence == nil, !keepsBody,
            jsonRewriter?.isOver != false, case .length = head.framing, let upstream
        else { return nil }
        return upstream.spliceTarget
    }

    /// Body bytes went to `spliceTarget`. Their number was known, so the limit was looked at before.
    func requestBodySpliced(_ count: Int) {
        requestBytes &+= UInt64(count)
        lastActivity = worker.loop.now
        guard case .http1(let upstream) = upstream, upstream.unsentBytes > 0 else { return }
        upstream.awaitsDrain = true
        armFirstByte()
    }

    func requestEnd(trailers: MessageHead?) {
        isRequestComplete = true
        if let trailers { removeClaims(from: trailers) }
        hasTrailers = (trailers?.fieldCount ?? 0) > 0
        requestEndedAt = worker.loop.now
        lastActivity = worker.loop.now
        if let inspector, inspectEnd(inspector) { return }
        if phase == .inspecting {
            bodyEnded()
            return
        }
        if phase == .gathering {
            fanOut()
            return
        }
        for mirror in mirrors { mirror.sendEnd(trailers: trailers) }
        endToEndpoint(trailers: trailers)
        armFirstByte()
    }

    // MARK: Events of the upstream side; what they do is in the files of their topic

    override func upstreamConnected() { client?.wake() }
    override func upstreamDrained() {
        client?.wake()
        passEnds()
    }
    override func upstreamInterim(_ head: MessageHead) { passInterim(head) }
    override var awaitsSwitch: Bool { head.asksForWebSocket }
    override func upstreamSwitched(_ head: MessageHead) { passSwitch(head) }
    override func upstreamHead(_ head: MessageHead, framing: BodyFraming) { passHead(head, framing: framing) }
    override func upstreamBody(_ bytes: UnsafeRawBufferPointer) { passBody(bytes) }
    override var spliceTargetOfAnswer: Stream? {
        client?.answerSpliceTarget
    }
    override func upstreamSpliced(_ count: Int) { passSpliced(count) }
    override func upstreamEnded(trailers: MessageHead?) {
        if tunnel != nil { endpointEnded() } else { passEnd(trailers: trailers) }
    }
    override func upstreamFailed(_ failure: UpstreamFailure) { handleFailure(failure) }
    override func expired(now: Instant) { handleExpiry(now) }
}
