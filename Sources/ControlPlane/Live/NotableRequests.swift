import API
import Observation
import Telemetry

/// The requests worth a look that are remembered for the dashboard.
struct NotableRequests {
    /// Of each kind. About half a kilobyte each: texts are cut on the loop (`NotableExchanges.textLimit`).
    private static let limit = 100

    private var errors = Ring<(time: UInt64, record: RequestRecord)>(capacity: limit)
    /// Apart, so that whoever tries passwords or paths cannot push out what went wrong.
    private var refusals = Ring<(time: UInt64, record: RequestRecord)>(capacity: limit)
    private var slow = Ring<(time: UInt64, record: RequestRecord)>(capacity: limit)

    /// What all loops have handed over.
    ///
    /// - Returns: what is new, oldest first.
    mutating func add(_ exchanges: [NotableExchange]) -> (errors: [RequestRecord], slow: [RequestRecord]) {
        let sorted = exchanges.sorted { $0.time < $1.time }
        // Each loop has a slowest one; of each second one is enough.
        var slowest: [UInt64: NotableExchange] = [:]
        var failed: [RequestRecord] = []
        for exchange in sorted {
            switch exchange.kind {
            case .error:
                failed.append(RequestRecord(exchange))
                errors.append((exchange.time, RequestRecord(exchange)))
            case .refusal:
                failed.append(RequestRecord(exchange))
                refusals.append((exchange.time, RequestRecord(exchange)))
            case .slow:
                let second = (exchange.time &+ exchange.duration) / 1_000_000_000
                if exchange.duration > slowest[second]?.duration ?? 0 { slowest[second] = exchange }
            }
        }
        let slow = slowest.values.sorted { $0.time < $1.time }
        for exchange in slow { self.slow.append((exchange.time, RequestRecord(exchange))) }
        return (failed, slow.map { RequestRecord($0) })
    }

    /// Oldest first.
    var failed: [RequestRecord] {
        (errors.elements + refusals.elements).sorted { $0.time < $1.time }.map(\.record)
    }

    /// Oldest first.
    var slowest: [RequestRecord] { slow.elements.map(\.record) }
}

extension RequestRecord {
    fileprivate init(_ exchange: NotableExchange) {
        // What is no UTF-8 is repaired: it is for people to read.
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
        self.init(
            time: TimeText.milliseconds(exchange.time), client: text(exchange.client), method: text(exchange.method),
            path: text(exchange.path), route: text(exchange.route), backend: text(exchange.backend),
            endpoint: text(exchange.endpoint), status: Int(exchange.status), cause: exchange.cause.description,
            grpcStatus: exchange.grpcStatus.map(Int.init), requestId: text(exchange.requestID),
            traceId: text(exchange.traceID), traced: exchange.isTraced, queue: exchange.queue.map { Double($0) / 1e9 },
            duration: Double(exchange.duration) / 1e9)
    }
}
