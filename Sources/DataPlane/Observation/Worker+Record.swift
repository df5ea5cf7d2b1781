import Base
import EventLoop
import HTTP
import Inference
import Telemetry

extension Worker {
    /// Tells metrics and access log how an exchange ended.
    func record(_ exchange: Exchange, _ cause: Cause, isError: Bool) {
        let now = loop.now
        let series =
            exchange.entry.flatMap { exchange.route?.entries[$0].series } ?? exchange.route?.series ?? unmatched
        let duration = now.since(exchange.startedAt).count
        let queue = exchange.dispatchedAt.map { _ in exchange.queued.count }
        let firstByte = exchange.firstByteAt.map { $0.since(exchange.startedAt).count }
        series.counters.record(
            code: UInt16(clamping: exchange.status), cause: cause, duration: duration, queue: queue,
            firstByte: firstByte, requestBytes: exchange.requestBytes, responseBytes: exchange.responseBytes,
            grpcStatus: exchange.grpcStatus?.rawValue, isError: isError)
        touched.add(series)
        if let route = exchange.route { touched.add(route) }
        exchange.peer.listener?._withUnsafeGuaranteedRef { listener in
            (exchange.route?.counters ?? unmatchedCounters).listeners.update(listener, initial: 0) { $0 &+= 1 }
            listeners.update(listener, initial: FlowCounters()) { $0.record(duration: duration, isError: isError) }
        }
        if let kind = notable.kind(
            isError: isError, cause: cause, isTunnel: exchange.tunnel != nil, duration: duration, now: now.nanoseconds)
        {
            notable.add(copy(exchange, cause, kind, series, duration: duration, queue: queue))
        }
        guard log.wants(hasFailed: isError || cause != .none, random: &random) else { return }
        writeLine(exchange, cause, series, duration: duration, queue: queue, firstByte: firstByte)
    }

    private func copy(
        _ exchange: Exchange, _ cause: Cause, _ kind: NotableExchange.Kind, _ series: Series, duration: UInt64,
        queue: UInt64?
    ) -> NotableExchange {
        let head = exchange.head
        return NotableExchange(
            kind: kind, time: exchange.startedWallClock, client: Array(exchange.clientText),
            method: head.slice(head.methodName),
            path: head.slice(head.target), route: Array(series.route.bytes), backend: Array(series.backend.bytes),
            endpoint: exchange.endpoint.map { Array($0.name.bytes) } ?? [], status: UInt16(clamping: exchange.status),
            cause: cause,
            grpcStatus: exchange.grpcStatus?.rawValue, requestID: exchange.identity.requestID(head),
            traceID: exchange.identity.traceID(head), isTraced: exchange.isTraced, queue: queue,
            duration: duration)
    }

    private func protocolName(_ exchange: Exchange) -> StaticString {
        if case .http2 = exchange.client { return "HTTP/2" }
        return exchange.head.minorVersion == 0 ? "HTTP/1.0" : "HTTP/1.1"
    }

    private func writeLine(
        _ exchange: Exchange, _ cause: Cause, _ series: Series, duration: UInt64, queue: UInt64?, firstByte: UInt64?
    ) {
        // It belongs to the log, and stays there.
        Unmanaged.passUnretained(log.record)._withUnsafeGuaranteedRef { record in
            fill(record, exchange, cause, series)
            record.queue = queue
            record.firstByte = firstByte
            record.duration = duration
        }
        // Taken out for a moment, so that no reference is counted.
        var user: [UInt8] = []
        swap(&user, &exchange.user)
        defer { swap(&user, &exchange.user) }
        user.withUnsafeBytes { user in
            if exchange.mirrors.isEmpty && exchange.lostMirrors.isEmpty {
                log.append(user: user)
            } else {
                log.append(user: user, mirrors: exchange.lostMirrors, copies: exchange.mirrors)
            }
        }
    }

    /// All that is known of it but its user and its times.
    @inline(__always)
    private func fill(_ record: AccessLogRecord, _ exchange: Exchange, _ cause: Cause, _ series: Series) {
        let head = exchange.head
        record.time = Int64(truncatingIfNeeded: exchange.startedWallClock)
        record.method = head.slice(head.methodName)
        record.path = head.slice(head.target)
        record.protocol = protocolName(exchange)
        record.host = head.slice(exchange.host)
        record.status = UInt16(clamping: exchange.status)
        record.cause = cause
        record.grpcStatus = exchange.grpcStatus?.rawValue
        record.requestID = exchange.identity.requestID(head)
        record.madeRequestID = exchange.identity.madeRequestID != nil
        record.traceID = exchange.identity.traceID(head)
        record.userAgent = head.first(.userAgent).map(head.value) ?? UnsafeRawBufferPointer(start: nil, count: 0)
        record.requestBytes = exchange.requestBytes
        record.responseBytes = exchange.responseBytes
        record.retries = exchange.retries
        record.tries = UInt32(clamping: exchange.tries)
        record.entry = log.names(of: series)
        let endpoint = exchange.endpoint.map(Unmanaged.passUnretained)
        record.endpoint =
            endpoint?._withUnsafeGuaranteedRef { log.name(of: $0) } ?? UnsafeRawBufferPointer(start: nil, count: 0)
        record.clientSubject = exchange.peer.subject
        record.client = exchange.clientText
        (record.model, record.version) = exchange.askedModel
    }
}
