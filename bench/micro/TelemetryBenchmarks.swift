import Base
import HTTP
import Telemetry

/// What is written down about a finished request.
let telemetryBenchmarks = [
    Benchmark("record metrics") {
        let series = Series()
        return { count in
            for index in 0..<count {
                // Durations from 0 to 16 ms, so that they do not all fall into the same bucket.
                let duration = UInt64(index & 0xFF) << 16
                series.counters.record(
                    code: 200, cause: .none, duration: duration, queue: 0, firstByte: duration, requestBytes: 602_356,
                    responseBytes: 4167)
            }
            keep(Int(truncatingIfNeeded: series.counters.requestBytes))
        }
    },
    Benchmark("write log line: JSON") { logging(.json) },
    Benchmark("write log line: text") { logging(.text) },
]

private final class Series {
    var counters = SeriesCounters()
}

private final class Log {
    var formatter: AccessLogFormatter
    var text = ByteBuffer()
    var entry = KeptMembers()
    var endpoint = KeptMembers()

    init(_ format: AccessLogFormatter.Format) {
        formatter = AccessLogFormatter(format: format)
    }
}

private func logging(_ format: AccessLogFormatter.Format) -> (Int) -> Void {
    let log = Log(format)
    return { count in
        let record = AccessLogRecord()
        record.client = staticBytes("192.0.2.17")
        record.method = staticBytes("POST")
        record.path = staticBytes("/v2/models/densenet_onnx/infer")
        record.protocol = "HTTP/1.1"
        record.host = staticBytes("models.example.com:8080")
        record.entry = log.entry.keep(route: staticBytes("infer"), backend: staticBytes("stable"), for: format)
        record.endpoint = log.endpoint.keep(endpoint: staticBytes("10.0.0.7:8000"), for: format)
        record.status = 200
        record.requestID = staticBytes("6f1c0e5b8d7a4c3299ab01fe23dc45ba")
        record.madeRequestID = true
        record.user = staticBytes("ann")
        record.userAgent = staticBytes("python-geventhttpclient-2.3.1")
        record.traceID = staticBytes("4bf92f3577b34da6a3ce929d0e0e4736")
        record.requestBytes = 602_356
        record.responseBytes = 4167
        record.queue = 0
        record.firstByte = 12_345_678
        record.duration = 12_456_789
        for index in 0..<count {
            // A new second after each 100,000 lines.
            record.time = 1_795_000_000_000_000_000 + Int64(index) * 10_000
            log.formatter.append(record, to: &log.text)
            keep(log.text.count)
            log.text.removeAll()
        }
    }
}
