import Base
import Configuration
import ControlClient
import DataPlane
import Dispatch
import EventLoop
import Glibc
import Logging
import Synchronization
import Telemetry
import Tracing

/// Sends finished spans to the collector, away from the loops and from the control queue: what it has to wait for, and what
/// making OTLP of spans costs, delays nobody. When what is sent is `ExportQueue`'s to say.
///
/// Unchecked: its state belongs to `queue`; `sink` and the counts are read and called from elsewhere.
final class TraceExporter: @unchecked Sendable {
    /// Whose name has to be looked up counts as well.
    private static let connectTimeout = Duration.seconds(3)
    /// For a whole request: a collector that takes longer for half a thousand spans is taken for hanging.
    private static let timeout = Duration.seconds(10)
    /// An answer says how many spans were rejected and why; nobody needs more of it.
    private static let answerLimit = 64 * 1024
    /// How long the end of the process may take for what is left. Several round trips to any collector that works.
    private static let patience = 2.0
    /// Trouble is said again after this time.
    private static let complaintInterval = Nanoseconds.seconds(60)

    /// Below the loops, like the access log's: spans may come late, answers may not.
    private let queue = DispatchQueue(label: "sluice.traces", qos: .utility)
    /// Asked for before the loops start, and the same from then on.
    private(set) lazy var sink = SpanSink { [weak self] chunk in
        guard let self else { return }
        queue.async { self.take(chunk) }
    }
    private let exported = Atomic<UInt64>(0)
    private let rejected = Atomic<UInt64>(0)
    private let dropped = Atomic<UInt64>(0)

    private var pending = ExportQueue()
    private var random = RandomSource(seed: Machine.seed())
    private var client: ControlClient?
    private var target: Target?
    private var logger: Logger?
    /// When `advance` will be called, if nothing happens before.
    private var wakesAt: Instant?
    private var complainedAt: Instant?
    private var flushed: DispatchSemaphore?

    private struct Target {
        var request: ControlClient.Request
        var resource: TraceResource
    }

    // MARK: From the control queue

    /// Spans that wait go wherever the last settings say; without settings nothing new comes.
    func apply(_ settings: TracingSettings?, pins: [String: HostPort], logger: Logger) {
        queue.async { [self] in
            self.logger = logger
            guard let settings else { return }
            target = Target(request: Self.request(settings, pins), resource: Self.resource(settings))
            if client == nil { client = ControlClient(label: "sluice.traces.client", answers: queue) }
            advance()
        }
    }

    func count(of outcome: SpanOutcome) -> UInt64 {
        switch outcome {
        case .exported: exported.load(ordering: .relaxed)
        case .dropped: dropped.load(ordering: .relaxed) + sink.dropped.load(ordering: .relaxed)
        case .rejected: rejected.load(ordering: .relaxed)
        }
    }

    /// Waits until everything has been sent, for a moment at the most; what is left then is given up.
    func flush() {
        let done = DispatchSemaphore(value: 0)
        queue.async { [self] in
            flushed = done
            pending.hurry(now: .now())
            advance()
        }
        guard done.wait(timeout: .now() + Self.patience) == .timedOut else { return }
        queue.sync {
            let left = pending.abandon()
            dropped.add(UInt64(left), ordering: .relaxed)
            logger?.warning("\(left) spans were not taken by the collector in time")
        }
    }

    // MARK: On the queue

    private func take(_ chunk: SpanChunk) {
        pending.add(chunk, now: .now())
        advance()
    }

    /// Sends what is due, and sees to it that it is called again.
    private func advance() {
        while let batch = pending.next(now: .now()) { send(batch) }
        if pending.isEmpty {
            flushed?.signal()
            flushed = nil
        }
        guard let wakeAt = pending.wakeAt, wakeAt != wakesAt else { return }
        wakesAt = wakeAt
        let wait = Int(clamping: wakeAt.since(.now()).count)
        queue.asyncAfter(deadline: .now() + .nanoseconds(wait)) { [weak self] in
            guard let self else { return }
            if wakesAt == wakeAt { wakesAt = nil }
            advance()
        }
    }

    private func send(_ batch: ExportQueue.Batch) {
        guard let client, let target else {
            finish(batch.number, .lost)
            return
        }
        var request = target.request
        request.body = TraceMessages.request(batch.chunks, target.resource)
        client.send(request) { [self] result in
            switch result {
            case .success(let answer):
                let outcome = ExportOutcome(
                    status: answer.status, retryAfter: answer.header("retry-after"), body: answer.body)
                if outcome != .accepted(rejected: 0) { complain(of: answer, outcome) }
                finish(batch.number, outcome)
            case .failure(let failure):
                complain("\(failure)")
                finish(batch.number, Self.isLasting(failure) ? .lost : .later(after: nil))
            }
            advance()
        }
    }

    private func finish(_ number: UInt64, _ outcome: ExportOutcome) {
        guard let finished = pending.ended(number, outcome, now: .now(), random: &random) else { return }
        exported.add(UInt64(finished.exported), ordering: .relaxed)
        rejected.add(UInt64(finished.rejected), ordering: .relaxed)
        dropped.add(UInt64(finished.dropped), ordering: .relaxed)
        sink.release(finished.bytes)
    }

    /// What cannot be sent now cannot be sent later. An answer that is none may have been to spans that were taken: they are
    /// not sent twice for that.
    private static func isLasting(_ failure: ControlClient.Failure) -> Bool {
        switch failure.kind {
        case .request, .tooLarge, .protocol, .cancelled: true
        case .resolve, .connect, .tls, .timeout, .reset: false
        }
    }

    // MARK: What the operator is told

    private func complain(of answer: ControlClient.Response, _ outcome: ExportOutcome) {
        let address = target?.request.address.description ?? ""
        if case .accepted(let count) = outcome {
            complain("\(address) rejected \(count) spans")
        } else {
            complain("\(address) answered \(answer.status)")
        }
    }

    /// Once, and then once a minute while it lasts: each batch would say the same.
    private func complain(_ what: String) {
        let now = Instant.now()
        if let complainedAt, now < complainedAt + Self.complaintInterval { return }
        complainedAt = now
        logger?.warning("spans could not be exported: \(what)")
    }
}

// MARK: What is sent

extension TraceExporter {
    private static func request(_ settings: TracingSettings, _ pins: [String: HostPort]) -> ControlClient.Request {
        let (place, tls): (HostPort, BackendTLS?) =
            switch settings.address {
            case .plain(let place): (place, nil)
            case .secure(let place, let tls): (place, tls)
            }
        let pinned = Pins.place(of: place.host, in: pins)
        var request = ControlClient.Request(.tcp(pinned ?? place), path: settings.path)
        request.method = "POST"
        request.tls = tls
        if pinned != nil, request.tls != nil, request.tls?.serverName == nil { request.tls?.serverName = place.host }
        request.headers = settings.headers.map { ($0.name, $0.value) }
        request.headers.append(("Content-Type", "application/x-protobuf"))
        // As if the name had been looked up.
        if pinned != nil { request.headers.append(("Host", "\(place)")) }
        request.connectTimeout = connectTimeout
        request.timeout = timeout
        request.bodyLimit = answerLimit
        return request
    }

    private static func resource(_ settings: TracingSettings) -> TraceResource {
        TraceResource(
            serviceName: settings.serviceName, serviceVersion: sluiceVersion, instance: instance, host: host,
            process: Int64(getpid()))
    }

    /// Of this process, whatever is configured.
    private static let instance = TraceResource.uuid(Machine.seed(), Machine.seed())

    private static let host: String = {
        // HOST_NAME_MAX (gethostname(2)) and the zero behind it.
        var name = [CChar](repeating: 0, count: 65)
        guard gethostname(&name, name.count - 1) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()
}
