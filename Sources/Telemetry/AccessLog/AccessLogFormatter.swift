package import Base

/// Turns finished exchanges into lines. One for each loop: it keeps the text of the current second.
///
/// A usual line of 550 bytes takes 100 to 150 ns. None allocates while the buffer has room.
package struct AccessLogFormatter {
    package enum Format: Sendable, CaseIterable {
        /// One object a line, keys in a fixed order.
        case json
        /// The combined log's fields, then the gateway's own as `key=value`.
        case text
    }

    /// Bytes of one field that are written; an ellipsis stands for the rest. Longer than any sensible path or user agent, and
    /// it keeps a line below 300 KiB when every field is hostile.
    package static let fieldLimit = 4096

    package let format: Format
    private var timestamps = TimestampCache()

    package init(format: Format) { self.format = format }

    /// Appends one line with its newline, of a request that was not mirrored.
    package mutating func append(_ record: AccessLogRecord, to buffer: inout ByteBuffer) {
        begin(record, to: &buffer) { format, line in
            switch format {
            case .json: line.append("}\n")
            case .text: line.append("\n")
            }
        }
    }

    /// Appends a line without its end, which tells of the mirrors: their copies may take longer than the request.
    package mutating func begin(_ record: AccessLogRecord, to buffer: inout ByteBuffer) {
        begin(record, to: &buffer) { _, _ in }
    }

    @inline(__always)
    private mutating func begin(
        _ record: AccessLogRecord, to buffer: inout ByteBuffer, end: (Format, inout LineWriter) -> Void
    ) {
        let room = Self.room(for: record)
        var line = LineWriter(at: buffer.reserve(room), capacity: room)
        switch format {
        case .json: appendJSON(record, to: &line)
        case .text: appendText(record, to: &line)
        }
        end(format, &line)
        buffer.advance(line.count)
    }

    /// Appends the end of a line that was begun in this format.
    package static func end(_ mirrors: [MirrorNote], _ format: Format, to buffer: inout ByteBuffer) {
        var room = 64 + LineWriter.slack
        for mirror in mirrors {
            room += 64 + mirror.backend.withUnsafeBytes { LineWriter.escapedSize(of: $0) }
        }
        var line = LineWriter(at: buffer.reserve(room), capacity: room)
        switch format {
        case .json: endJSON(mirrors, &line)
        case .text: endText(mirrors, &line)
        }
        buffer.advance(line.count)
    }

    private static func endJSON(_ mirrors: [MirrorNote], _ line: inout LineWriter) {
        for (index, mirror) in mirrors.enumerated() {
            line.append(index == 0 ? ",\"mirrors\":[{\"backend\":\"" : ",{\"backend\":\"")
            mirror.backend.withUnsafeBytes { line.append(json: $0) }
            line.append("\",\"outcome\":\"")
            line.append(plain: mirror.outcome.name)
            line.append("\"}")
        }
        line.append(mirrors.isEmpty ? "}\n" : "]}\n")
    }

    private static func endText(_ mirrors: [MirrorNote], _ line: inout LineWriter) {
        for (index, mirror) in mirrors.enumerated() {
            line.append(index == 0 ? " mirrors=" : ",")
            mirror.backend.withUnsafeBytes { line.append(printable: $0, quoted: false) }
            line.append(":")
            line.append(plain: mirror.outcome.name)
        }
        line.append("\n")
    }

    /// Bytes that a line of either format takes at most.
    private static func room(for record: AccessLogRecord) -> Int {
        // Keys, punctuation, the timestamp, protocol, cause, and ten numbers of up to 20 digits.
        let own = 1024 + LineWriter.slack + record.entry.count + record.endpoint.count
        let received =
            record.client.count &+ record.method.count &+ record.path.count &+ record.host.count
            &+ record.requestID.count &+ record.user.count &+ record.userAgent.count &+ record.traceID.count
            &+ record.clientSubject.count &+ record.model.count &+ record.version.count
        return own + (received <= fieldLimit ? 6 * received : roomOfLong(record))
    }

    /// The room of what was received where some of it may be cut.
    private static func roomOfLong(_ record: AccessLogRecord) -> Int {
        LineWriter.escapedSize(of: record.client) + LineWriter.escapedSize(of: record.method)
            + LineWriter.escapedSize(of: record.path) + LineWriter.escapedSize(of: record.host)
            + LineWriter.escapedSize(of: record.requestID) + LineWriter.escapedSize(of: record.user)
            + LineWriter.escapedSize(of: record.userAgent) + LineWriter.escapedSize(of: record.traceID)
            + LineWriter.escapedSize(of: record.clientSubject) + LineWriter.escapedSize(of: record.model)
            + LineWriter.escapedSize(of: record.version)
    }

    private mutating func appendJSON(_ record: AccessLogRecord, to line: inout LineWriter) {
        line.append("{\"time\":\"")
        timestamps.append(record.time, to: &line)
        line.append(byte: UInt8(ascii: "\""))
        line.append(member: ",\"client\":\"", record.client)
        line.append(member: ",\"method\":\"", record.method)
        line.append(member: ",\"path\":\"", record.path)
        line.append(member: ",\"protocol\":\"", plain: record.protocol.bytes)
        line.append(member: ",\"host\":\"", record.host)
        line.append(record.entry)
        line.append(record.endpoint)
        line.append(",\"status\":")
        line.append(status: record.status)
        if record.cause != .none { line.append(member: ",\"cause\":\"", plain: record.cause.name.bytes) }
        if let status = record.grpcStatus {
            line.append(",\"grpcStatus\":")
            line.append(decimal: UInt64(status))
        }
        if record.madeRequestID {
            line.append(member: ",\"requestId\":\"", plain: record.requestID)
        } else {
            line.append(member: ",\"requestId\":\"", record.requestID)
        }
        line.append(member: ",\"user\":\"", record.user)
        line.append(member: ",\"clientSubject\":\"", record.clientSubject)
        line.append(member: ",\"userAgent\":\"", record.userAgent)
        line.append(member: ",\"traceId\":\"", plain: record.traceID)
        line.append(",\"requestBytes\":")
        line.append(decimal: record.requestBytes)
        line.append(",\"responseBytes\":")
        line.append(decimal: record.responseBytes)
        if let queue = record.queue {
            line.append(",\"queueSeconds\":")
            line.append(seconds: queue)
        }
        if let firstByte = record.firstByte {
            line.append(",\"firstByteSeconds\":")
            line.append(seconds: firstByte)
        }
        line.append(",\"durationSeconds\":")
        line.append(seconds: record.duration)
        line.append(",\"retries\":")
        line.append(decimal: UInt64(record.retries))
        line.append(",\"tries\":")
        line.append(decimal: UInt64(record.tries))
        line.append(member: ",\"model\":\"", record.model)
        line.append(member: ",\"version\":\"", record.version)
    }

    private mutating func appendText(_ record: AccessLogRecord, to line: inout LineWriter) {
        line.append(word: "", record.client)
        line.append(word: " - ", record.user)
        line.append(" [")
        timestamps.append(record.time, to: &line)
        line.append(word: "] \"", record.method)
        line.append(word: " ", record.path)
        line.append(word: " ", record.protocol.bytes)
        line.append("\" ")
        line.append(status: record.status)
        line.append(" ")
        line.append(decimal: record.responseBytes)
        // The combined log has the Referer here, which calls of models do not have.
        line.append(" \"-\" \"")
        if record.userAgent.isEmpty { line.append("-") } else { line.append(printable: record.userAgent, quoted: true) }
        line.append(word: "\" host=", record.host)
        if record.entry.isEmpty { line.append(" route=- backend=-") } else { line.append(record.entry) }
        if record.endpoint.isEmpty { line.append(" endpoint=-") } else { line.append(record.endpoint) }
        line.append(word: " cause=", record.cause.name.bytes)
        if let status = record.grpcStatus {
            line.append(" grpc_status=")
            line.append(decimal: UInt64(status))
        }
        line.append(word: " request_id=", record.requestID)
        line.append(word: " trace_id=", record.traceID)
        line.append(" request_bytes=")
        line.append(decimal: record.requestBytes)
        line.append(" queue=")
        if let queue = record.queue { line.append(seconds: queue) } else { line.append("-") }
        line.append(" first_byte=")
        if let firstByte = record.firstByte { line.append(seconds: firstByte) } else { line.append("-") }
        line.append(" duration=")
        line.append(seconds: record.duration)
        if !record.clientSubject.isEmpty { line.append(word: " client_subject=", record.clientSubject) }
        line.append(" retries=")
        line.append(decimal: UInt64(record.retries))
        line.append(" tries=")
        line.append(decimal: UInt64(record.tries))
        line.append(word: " model=", record.model)
        line.append(word: " version=", record.version)
    }
}
