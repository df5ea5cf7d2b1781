/// Takes a stream of server-sent events apart (HTML Standard section 9.2.6), as it comes in pieces.
package struct EventStreamReader: Sendable {
    package struct Message: Sendable, Equatable {
        /// `message` where the stream names none.
        package var event: String
        package var data: [UInt8]
    }

    /// Most bytes of one message: a `state` has about a kilobyte for each route and endpoint, and this is enough for tens
    /// of thousands.
    package static let longestMessage = 64 << 20

    private var line: [UInt8] = []
    private var event = ""
    private var data: [UInt8] = []
    private var hasData = false
    private var followsReturn = false
    /// A message was longer than `longestMessage`; nothing is read any more.
    package private(set) var hasOverflowed = false

    package init() {}

    /// - Returns: the messages that are complete now.
    package mutating func take(_ bytes: [UInt8]) -> [Message] {
        var messages: [Message] = []
        for byte in bytes where !hasOverflowed {
            switch byte {
            case 0x0A where followsReturn: followsReturn = false
            case 0x0A, 0x0D:
                followsReturn = byte == 0x0D
                if let message = endLine() { messages.append(message) }
            default:
                followsReturn = false
                line.append(byte)
                hasOverflowed = line.count + data.count > Self.longestMessage
            }
        }
        return messages
    }

    private mutating func endLine() -> Message? {
        defer { line.removeAll(keepingCapacity: true) }
        guard !line.isEmpty else {
            defer {
                event = ""
                data = []
                hasData = false
            }
            return hasData ? Message(event: event.isEmpty ? "message" : event, data: data) : nil
        }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[colon...].dropFirst()
        if value.first == 0x20 { value = value.dropFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "event": event = String(decoding: value, as: UTF8.self)
        case "data":
            if hasData { data.append(0x0A) }
            data += value
            hasData = true
        // Comments, which begin with a colon, `id` and `retry` have nothing to say here.
        default: break
        }
        return nil
    }
}
