import Base
import EventLoop
import HTTP
import Inference
import Telemetry

extension Worker {
    /// Tells metrics and access log how an exchange ended.
    func record(_ exchange: Exchange, _ cause: Cause) {
        let now = loop.now
        let series =
            exchange.entry.flatMap { exchange.route?.entries[$0].series } ?? exchange.route?.series ?? unmatched
        let duration = now.since(exchange.startedAt).count
        let queue = exchange.dispatchedAt.map { _ in exchange.queued.count }
        let firstByte = exchange.firstByteAt.map { $0.since(exchange.startedAt).count }
        series.counters.record(
            code: UInt16(clamping: exchange.status), cause: cause, duration: duration, queue: queue,
            firstByte: firstByte, requestBytes: exchange.requestBytes, responseBytes: exchange.responseBytes,
            grpcStatus: exchange.grpcStatus?.rawValue)
        guard log.wants(random: &random) else { return }
        writeLine(exchange, cause, series, duration: duration, queue: queue, firstByte: firstByte)
    }

    private func protocolName(_ exchange: Exchange) -> StaticString {
        if case .http2 = exchange.client { return "HTTP/2" }
        return exchange.head.minorVersion == 0 ? "HTTP/1.0" : "HTTP/1.1"
    }

    private func writeLine(
        _ exchange: Exchange, _ cause: Cause, _ series: Series, duration: UInt64, queue: UInt64?, firstByte: UInt64?
    ) {
        let head = exchange.head
        var record = AccessLogRecord()
        record.time = Int64(truncatingIfNeeded: exchange.startedWallClock)
        record.method = head.slice(head.methodName)
        record.path = head.slice(head.target)
        record.protocol = protocolName(exchange)
        record.host = head.slice(exchange.host)
        record.status = UInt16(clamping: exchange.status)
        record.cause = cause
        record.grpcStatus = exchange.grpcStatus?.rawValue
        record.requestID = exchange.identity.requestID(head)
        record.traceID = exchange.identity.traceID(head)
        if let agent = head.first(.userAgent) { record.userAgent = head.value(agent) }
        record.requestBytes = exchange.requestBytes
        record.responseBytes = exchange.responseBytes
        record.queue = queue
        record.firstByte = firstByte
        record.duration = duration
        record.retries = exchange.retries
        // The views have to outlive the call they are used in.
        exchange.clientText.withUnsafeBytes { client in
            series.route.withUnsafeBytes { route in
                series.backend.withUnsafeBytes { backend in
                    (exchange.endpoint?.name ?? []).withUnsafeBytes { endpoint in
                        exchange.user.withUnsafeBytes { user in
                            record.clientSubject = exchange.client?.connection.subject ?? record.clientSubject
                            record.client = client
                            record.route = route
                            record.backend = backend
                            record.endpoint = endpoint
                            record.user = user
                            log.append(record)
                        }
                    }
                }
            }
        }
    }
}
