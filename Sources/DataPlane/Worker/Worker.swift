import Base
import Configuration
import Credentials
package import EventLoop
import HTTP
import Inference
package import Synchronization
import Telemetry
package import Traffic

/// Everything one loop needs to serve its clients. Nothing in it is shared with another loop.
///
/// What it owns refers back to it, by constants: those are read without counting a reference. A worker lives as long as the
/// process, so the cycles keep nothing that should go.
///
/// Unchecked: other threads hold a worker only to post to its loop and to read `connectionCount`.
package final class Worker: @unchecked Sendable {
    package let loop: Loop
    package let index: Int
    /// Client connections dealt to this loop.
    package let connectionCount = Atomic<Int>(0)
    /// Connections to endpoints that this loop has open or opens.
    let upstreamCount = Atomic<Int>(0)
    /// All workers, this one included; set before the loops start.
    package var siblings: [Worker] = []

    let verifier: Verifier
    /// Asked without counting references; kept by `keptOverload`.
    let overload: Unmanaged<Overload>
    private let keptOverload: Overload
    let budget: DescriptorBudget
    /// When idle connections were last asked to make room for others.
    var roomMadeAt = Instant(nanoseconds: 0)
    /// Bytes that may be let in before the loop looks at the memory.
    var unmeasured = 0
    var random: RandomSource
    package private(set) var configuration: LoopConfiguration?
    package private(set) var isDraining = false
    /// Draining, and no connection is closed whose client was not told before.
    private(set) var isPatient = false
    /// How long a client may be silent that cannot know yet that it should go elsewhere. Busy ones have sent a request by
    /// then, and been told with its answer.
    static let patience = Nanoseconds.seconds(5)

    // Scratch space, used and free again within one call.
    var stage = ByteBuffer()
    var targetScratch = ByteBuffer()
    var valueScratch = ByteBuffer()
    var substitution = Substitution.Scratch()
    var unsent = ByteQueue()
    let credentialScratch = UnsafeMutableRawBufferPointer.allocate(
        byteCount: BasicCredentials.scratchSize, alignment: 16)

    let http2: HTTP2Resources
    var verdicts = VerdictCache<CredentialDigest>()
    private let digester: Digester
    private var queues: [ObjectIdentifier: WaitQueue] = [:]
    var holdQueues: [ObjectIdentifier: HoldQueue] = [:]
    var acceptors: [Acceptor] = []
    var lastDealt = 0
    let unmatched = Series(route: "", backend: "")
    let unmatchedCounters = RouteCounters()
    var listeners = ListenerCounts<FlowCounters>()
    var notable = NotableExchanges()
    var touched = TouchedPlaces()
    let log: AccessLogBuffer
    let traces: TraceRecorder

    private var connections: ContiguousArray<ClientConnection> = []
    private var spareExchanges: ContiguousArray<Exchange> = []
    private var endedExchanges: ContiguousArray<Exchange> = []
    private var spareHeads: ContiguousArray<MessageHead> = []
    private var spareInspectors: ContiguousArray<GRPCInspector> = []
    private var spareSequenceReaders: ContiguousArray<SequenceReader> = []
    /// Models that some endpoints do not serve at present.
    var outages = ModelOutages()
    var nextPurge = Instant.never
    /// What was last said of the models of each backend. Loads are kept, because they are found by identity.
    var models: [ObjectIdentifier: (load: BackendLoad, endpoints: [EndpointModels])] = [:]
    /// Takes what the control plane has to judge about an endpoint; set before the loops start.
    package var reportHealth: @Sendable (HealthReport) -> Void = { _ in }
    /// Takes the name of a backend whose endpoints' lists of models are to be read anew; set before the loops start.
    package var lookAtModels: @Sendable (String) -> Void = { _ in }
    /// Takes the name of a backend that a request waits for and that does not run; set before the loops start.
    package var wakeBackend: @Sendable (String) -> Void = { _ in }
    /// Asks every endpoint; set before the loops start.
    package var askEverybody: @Sendable (FanOutRequest, @escaping FanOutRequest.Completion) -> Void = { $1(nil, 0) }
    /// Takes finished spans; set before the loops start.
    package var spanSink: SpanSink? {
        get { traces.sink }
        set { traces.sink = newValue }
    }
    private var serial: UInt64 = 0
    private var dateSecond: UInt64 = 0
    private var date: [UInt8] = []

    /// Spare objects kept: what a burst leaves behind beyond that is given back.
    private static let spareLimit = 512

    /// - Parameter seed: of the loop's random choices.
    package init(loop: Loop, index: Int, verifier: Verifier, overload: Overload, budget: DescriptorBudget, seed: UInt64)
    {
        self.loop = loop
        self.index = index
        self.verifier = verifier
        keptOverload = overload
        self.overload = .passUnretained(overload)
        self.budget = budget
        random = RandomSource(seed: seed)
        digester = Digester(verifier.key)
        http2 = HTTP2Resources(pool: loop.blocks)
        log = AccessLogBuffer(loop: loop)
        traces = TraceRecorder(loop: loop)
        loop.pipes.highestDescriptor = Int32(clamping: budget.highestForPipe)
        loop.atEndOfTurn { [unowned self] in recycle() }
    }

    deinit { credentialScratch.deallocate() }

    // MARK: Configuration

    /// Runs under a new configuration from here on; exchanges under way keep theirs. On the loop only.
    package func apply(_ snapshot: Snapshot, log writer: LogWriter?) {
        let next = LoopConfiguration(snapshot, worker: self, after: configuration)
        configuration?.retireEndpoints(notIn: next)
        if let present = configuration, snapshot.hash == present.snapshot.hash { follow(present, next) }
        followHeld(configuration, next)
        configuration = next
        let inUse = Set(snapshot.backends.map { ObjectIdentifier($0.load) })
        queues = queues.filter { inUse.contains($0.key) || !$0.value.isEmpty }
        models = models.filter { inUse.contains($0.key) }
        holdQueues = holdQueues.filter { inUse.contains($0.key) || !$0.value.isEmpty }
        log.apply(snapshot.gateway.accessLog, writer: writer)
        traces.apply(snapshot.gateway.tracing)
        // Limits may have been raised.
        for load in snapshot.backends.map(\.load) { serveLater(load) }
    }

    /// Names stand for other endpoints under the same configuration: requests that wait go where they are now.
    private func follow(_ old: LoopConfiguration, _ new: LoopConfiguration) {
        for queue in queues.values {
            for lane in [queue.urgent, queue.normal, queue.choosyUrgent, queue.choosyNormal] {
                var next = lane.first
                while let exchange = next {
                    exchange.follow(old, new)
                    next = exchange.queueNext
                }
            }
        }
    }

    /// The queue of a backend, under the limits it has from now on.
    func queue(of load: BackendLoad, limits: Backend.Limits) -> WaitQueue {
        let key = ObjectIdentifier(load)
        let queue = queues[key] ?? WaitQueue(load, limits: limits)
        queue.limits = limits
        queues[key] = queue
        return queue
    }

    /// Where requests of this loop wait for the backend; `nil` if none ever did.
    func queue(of load: BackendLoad) -> WaitQueue? { queues[ObjectIdentifier(load)] }

    // MARK: Clients

    /// Takes over a connection that has been counted for this loop.
    func serve(_ descriptor: Int32, _ address: SocketAddress?, _ listener: ListenerState) {
        if listener.proxyProtocol {
            let connection = ProxyHeaderConnection(worker: self, listener: listener, address: address)
            if connection.start(descriptor) { enlist(connection) } else { uncount(listener) }
            return
        }
        let connection = HTTP1ClientConnection(worker: self, listener: listener, address: address)
        guard connection.start(descriptor) else {
            uncount(listener)
            return
        }
        enlist(connection)
        _ = admit(connection)
    }

    private func enlist(_ connection: ClientConnection) {
        connection.listIndex = connections.count
        connections.append(connection)
    }

    /// Counts a connection for its client's address.
    ///
    /// - Returns: false where that has enough of them: it is closed then.
    func admit(_ connection: ClientConnection) -> Bool {
        guard let limit = connection.listener.perClient, let address = connection.address else { return true }
        connection.isCounted = connection.listener.connections.clients.take(address, limit: limit)
        if connection.isCounted { return true }
        connection.listener.connections.refusals.count(.perClient)
        connection.discard(reset: true)
        loop.removeDeadline(connection)
        connectionEnded(connection)
        return false
    }

    /// Somebody else goes on with a client's connection, who knows more about it.
    func connectionReplaced(_ old: ClientConnection, by new: ClientConnection) {
        new.listIndex = old.listIndex
        old.listIndex = -1
        connections[new.listIndex] = new
        if new is HTTP2ClientConnection { new.listener.connections.http2.began() }
    }

    func connectionEnded(_ connection: ClientConnection) {
        let index = connection.listIndex
        guard index >= 0, let last = connections.popLast() else { return }
        connection.listIndex = -1
        if last !== connection {
            connections[index] = last
            last.listIndex = index
        }
        if connection.isCounted, let address = connection.address {
            connection.isCounted = false
            connection.listener.connections.clients.give(address)
        }
        if connection is HTTP2ClientConnection { connection.listener.connections.http2.ended() }
        uncount(connection.listener)
    }

    private func uncount(_ listener: ListenerState) {
        listener.connections.open.subtract(1, ordering: .relaxed)
        connectionCount.subtract(1, ordering: .relaxed)
    }

    /// From here on every answer ends its connection, and idle connections are closed.
    package func drain() {
        isDraining = true
        isPatient = false
        for connection in Array(connections) { connection.drain() }
    }

    /// The same without closing anything that a request may be on its way to: there is somebody else to accept, and time.
    package func drainPatiently() {
        isDraining = true
        isPatient = true
        for connection in Array(connections) { connection.drainPatiently() }
    }

    /// Takes back `drain` for connections that are still open.
    package func undrain() { isDraining = false }

    /// The listener is gone: its connections end as the gateway's do when it stops.
    func retireConnections(of load: ListenerLoad) {
        for connection in Array(connections) where connection.listener.connections === load { connection.retire() }
    }

    /// Closes what is still open.
    package func cut() {
        for connection in Array(connections) { connection.cutNow() }
    }

    package var openConnections: Int { connections.count }

    var clientConnections: ContiguousArray<ClientConnection> { connections }

    // MARK: Spare objects

    func takeExchange(_ client: ClientSide) -> Exchange {
        let exchange = spareExchanges.popLast() ?? Exchange(worker: self)
        serial &+= 1
        exchange.begin(client, serial: serial)
        return exchange
    }

    /// It may still be on the stack, so it is used again only after this turn.
    func retire(_ exchange: Exchange) { endedExchanges.append(exchange) }

    func takeHead() -> MessageHead { spareHeads.popLast() ?? MessageHead() }

    func giveHead(_ head: MessageHead) {
        guard spareHeads.count < Self.spareLimit else { return }
        head.reset()
        spareHeads.append(head)
    }

    func takeInspector() -> GRPCInspector { spareInspectors.popLast() ?? GRPCInspector() }

    func giveInspector(_ inspector: GRPCInspector) {
        if spareInspectors.count < Self.spareLimit { spareInspectors.append(inspector) }
    }

    func takeSequenceReader() -> SequenceReader { spareSequenceReaders.popLast() ?? SequenceReader() }

    func giveSequenceReader(_ reader: SequenceReader) {
        if spareSequenceReaders.count < Self.spareLimit { spareSequenceReaders.append(reader) }
    }

    /// Makes ended exchanges ready for use; called where none is on the stack.
    func recycle() {
        guard !endedExchanges.isEmpty else { return }
        for exchange in endedExchanges {
            exchange.reset()
            if spareExchanges.count < Self.spareLimit {
                spareExchanges.append(exchange)
            } else {
                loop.removeDeadline(exchange)
            }
        }
        endedExchanges.removeAll(keepingCapacity: true)
    }

    // MARK: Time

    var wallClock: UInt64 { wallClockNanoseconds() }

    /// The `Date` of answers made here (RFC 9110 section 5.6.7), written once a second.
    func httpDate() -> [UInt8] {
        let second = wallClock / 1_000_000_000
        if second != dateSecond || date.isEmpty {
            dateSecond = second
            date = HTTPDate.format(second)
        }
        return date
    }

    // MARK: Credentials

    func credentialDigest(
        user: UnsafeRawBufferPointer, hash: [UInt8], password: UnsafeRawBufferPointer
    ) -> CredentialDigest {
        hash.withUnsafeBytes { digester.digest(user, $0, password) }
    }

    func verify(_ job: Verification, for exchange: Exchange, isKnown: Bool) {
        let serial = exchange.serial
        let digest = job.digest
        let reference = LoopBound(exchange)
        verifier.submit(job) { [self] verdict in
            // What is right is right for every loop: a slow hash is paid once.
            if verdict == true {
                for sibling in siblings {
                    sibling.loop.post { sibling.verdicts.remember(digest, isRight: true) }
                }
            }
            loop.post { [self] in
                if verdict == false { verdicts.remember(digest, isRight: false) }
                if reference.value.serial == serial { reference.value.verified(verdict, isKnown: isKnown) }
            }
        }
    }
}
