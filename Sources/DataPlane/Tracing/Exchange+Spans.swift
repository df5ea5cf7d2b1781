import Base
import EventLoop
import HTTP
import Inference
import Telemetry
import Tracing

/// The spans of an exchange that has ended: its own, and those of what it consisted of.
extension Exchange {
    func writeSpans(_ trace: ExchangeTrace, _ cause: Cause, to writer: inout SpanWriter) {
        writeServerSpan(trace, cause, to: &writer)
        if let start = trace.authStarted, let end = trace.authEnded {
            writer.begin(trace.part(.internal, start, end, &worker.random), name: "auth", noBytes)
            if let outcome = trace.authOutcome { writer.set(.authOutcome, Array(outcome.name.utf8)) }
        }
        for wait in trace.waits {
            writer.begin(trace.part(.internal, wait.start, wait.end, &worker.random), name: "queue", noBytes)
            writer.set(.backend, entryName)
        }
        for (each, endpoint) in trace.earlierTries { write(each, at: endpoint, trace, to: &writer) }
        if let (last, endpoint) = trace.lastTry { write(last, at: endpoint, trace, to: &writer) }
        for copy in trace.copies { trace.write(copy, to: &writer) }
    }

    private func writeServerSpan(_ trace: ExchangeTrace, _ cause: Cause, to writer: inout SpanWriter) {
        let grpc = grpcStatus?.rawValue
        var span = SpanHead(
            trace: trace.traceID, span: trace.span, parent: trace.parent, kind: .server,
            start: trace.wallClock(startedAt), end: trace.wallClock(worker.loop.now))
        span.isParentRemote = trace.parent != nil
        span.isError = TraceSampling.isServerSpanError(status: status, grpcStatus: grpc)
        span.flags = trace.outgoing.flags | TraceParent.sampled
        (route?.name ?? []).withUnsafeBytes { writer.begin(span, name: methodText, $0) }
        setMethod(&writer)
        if target != nil { writer.set(.path, path) }
        writer.set(.scheme, isSecure ? "https" : "http")
        if status != 0 { writer.set(.status, number: UInt64(clamping: status)) }
        writer.set(.client, clientText)
        writer.setPlace(head.slice(host))
        if let agent = head.first(.userAgent) { writer.set(.userAgent, head.value(agent)) }
        writer.set(.version, versionText)
        writer.set(.requestBytes, number: requestBytes)
        writer.set(.responseBytes, number: responseBytes)
        if isGRPC {
            writer.setCall(path)
            if let grpc { writer.set(.rpcStatus, number: UInt64(grpc)) }
        }
        writer.set(.user, user)
        writer.set(.route, route?.name ?? [])
        writer.set(.backend, entryName)
        if let endpoint { writer.set(.endpoint, endpoint.name.bytes) }
        writer.set(.requestID, identity.requestID(head))
        if retries > 0 { writer.set(.retries, number: UInt64(retries)) }
        writer.set(.cause, cause.name)
        if cause != .none {
            writer.set(.errorType, cause.name)
        } else if span.isError {
            writer.setErrorType(status: status, grpcStatus: grpc)
        }
        setTraceState(&writer)
    }

    private func write(
        _ each: ExchangeTrace.Try, at endpoint: EndpointPool, _ trace: ExchangeTrace, to writer: inout SpanWriter
    ) {
        let end = each.end ?? worker.loop.now
        var span = trace.part(.client, each.start, end, id: each.span)
        // Whoever has left in the middle of an answer has not found it wrong.
        span.isError =
            (each.cause != .none && each.cause != .clientClosed)
            || TraceSampling.isClientSpanError(status: each.status, grpcStatus: each.grpcStatus)
        writer.begin(span, name: methodText, entryName)
        setMethod(&writer)
        writer.setPlace(endpoint.name.bytes)
        writer.set(.endpoint, endpoint.name.bytes)
        writer.set(.backend, entryName)
        writer.set(.version, each.isHTTP2 ? "2" : "1.1")
        if each.status != 0 { writer.set(.status, number: UInt64(clamping: each.status)) }
        if each.resends > 0 { writer.set(.resends, number: UInt64(each.resends)) }
        if isGRPC {
            writer.setCall(upstreamPath)
            if let status = each.grpcStatus { writer.set(.rpcStatus, number: UInt64(status)) }
        }
        if each.cause != .none {
            writer.set(.errorType, each.cause.name)
        } else if span.isError {
            writer.setErrorType(status: each.status, grpcStatus: each.grpcStatus)
        }
        if let firstByte = each.firstByte { writer.add(.firstByte, at: trace.wallClock(firstByte)) }
        guard let connecting = each.connecting else { return }
        var connect = trace.part(.internal, connecting, each.connected ?? end, &worker.random)
        connect.parent = each.span
        connect.isError = each.connected == nil
        writer.begin(connect, name: "connect", noBytes)
        writer.setPlace(endpoint.name.bytes)
        if connect.isError, each.cause != .none { writer.set(.errorType, each.cause.name) }
    }

    // MARK: Parts

    /// A method that is not known is not repeated where it makes names (semantic conventions for HTTP spans, "Name").
    private var methodText: StaticString {
        switch head.method {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .patch: "PATCH"
        case .options: "OPTIONS"
        case .connect: "CONNECT"
        case .trace: "TRACE"
        case .other: "HTTP"
        }
    }

    private func setMethod(_ writer: inout SpanWriter) {
        guard head.method == .other else {
            writer.set(.method, methodText)
            return
        }
        writer.set(.method, "_OTHER")
        writer.set(.originalMethod, head.slice(head.methodName))
    }

    private var versionText: StaticString {
        if case .http2 = client { return "2" }
        return head.minorVersion == 0 ? "1.0" : "1.1"
    }

    /// One field's; several of them are one list, which is not worth putting together here.
    private func setTraceState(_ writer: inout SpanWriter) {
        guard identity.keepsTracestate, let index = head.first(.tracestate) else { return }
        writer.set(traceState: head.value(index))
    }
}

extension ExchangeTrace {
    /// A span of which the exchange is the parent.
    func part(_ kind: SpanKind, _ start: Instant, _ end: Instant, id: SpanID) -> SpanHead {
        var head = SpanHead(
            trace: traceID, span: id, parent: span, kind: kind, start: wallClock(start), end: wallClock(end))
        head.flags = outgoing.flags | TraceParent.sampled
        return head
    }

    func part(_ kind: SpanKind, _ start: Instant, _ end: Instant, _ random: inout RandomSource) -> SpanHead {
        part(kind, start, end, id: SpanID(random: random.next()))
    }

    func write(_ copy: Copy, to writer: inout SpanWriter) {
        var head = part(.client, copy.start, copy.end, id: copy.span)
        head.isError = copy.outcome == .error || copy.outcome == .timeout
        copy.mirror.backend.withUnsafeBytes { writer.begin(head, name: "mirror", $0) }
        writer.set(.backend, copy.mirror.backend)
        if let endpoint = copy.endpoint {
            writer.setPlace(endpoint.name.bytes)
            writer.set(.endpoint, endpoint.name.bytes)
        }
        if copy.status != 0 { writer.set(.status, number: UInt64(clamping: copy.status)) }
        if let status = copy.grpcStatus { writer.set(.rpcStatus, number: UInt64(status)) }
        writer.set(.mirrorOutcome, Array(copy.outcome.name.utf8))
        if head.isError {
            if copy.status >= 400 || (copy.grpcStatus ?? 0) != 0 {
                writer.setErrorType(status: copy.status, grpcStatus: copy.grpcStatus)
            } else {
                writer.set(.errorType, Array(copy.outcome.name.utf8))
            }
        }
    }
}

extension SpanWriter {
    /// What went wrong where nobody but the answer says so: its status.
    fileprivate mutating func setErrorType(status: Int, grpcStatus: UInt8?) {
        let isCall = grpcStatus != nil && grpcStatus != 0
        set(.errorType, Array("\(isCall ? Int(grpcStatus ?? 0) : status)".utf8))
    }
}

private var noBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
