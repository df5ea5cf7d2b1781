import Base
import HTTP
import Testing

/// A session, what happened on it in words, and what it sent.
final class HTTP2Peer: HTTP2Events {
    let pool = BlockPool()
    let role: HTTP2Role
    private(set) var session: HTTP2Session!
    var now: Instant
    var log: [String] = []
    var streams: [Int32: HTTP2Stream] = [:]
    var bodies: [Int32: [UInt8]] = [:]
    var keepsBodies = true
    /// Body bytes are consumed as they come.
    var consumes = true
    var onHead: ((HTTP2Stream) -> Void)?
    var onBody: ((HTTP2Stream, Int) -> Void)?
    var onDrained: ((HTTP2Stream) -> Void)?
    var onEnd: ((HTTP2Stream) -> Void)?
    private var queue = ByteQueue()

    deinit {
        queue.removeAll(into: pool)
        // Gives its blocks back.
        session = nil
        pool.deallocate()
    }

    init(_ role: HTTP2Role, _ limits: HTTP2Limits = HTTP2Limits(), now: Instant = Instant(nanoseconds: 1)) {
        self.role = role
        self.now = now
        super.init()
        session = HTTP2Session(
            role: role, limits: limits, events: self, resources: HTTP2Resources(pool: pool), now: now)
    }

    /// A server that has the client's preface and settings, and whose own were taken and acknowledged.
    static func server(_ limits: HTTP2Limits = HTTP2Limits(), _ settings: [(UInt16, UInt32)] = []) -> HTTP2Peer {
        let peer = HTTP2Peer(.server, limits)
        peer.feed(Frame.preface + Frame.settings(settings))
        _ = peer.output()
        peer.feed(Frame.settingsAck)
        return peer
    }

    /// A client whose server has sent and acknowledged settings.
    static func client(_ limits: HTTP2Limits = HTTP2Limits()) -> HTTP2Peer {
        let peer = HTTP2Peer(.client, limits)
        peer.feed(Frame.settings() + Frame.settingsAck)
        _ = peer.output()
        return peer
    }

    func feed(_ bytes: [UInt8]) {
        // Bytes that end where the memory ends: reading past them shows in a sanitised run.
        let copy = Array(bytes)
        copy.withUnsafeBytes { session.feed($0, now: now) }
    }

    func output(limit: Int = .max) -> [UInt8] {
        session.takeOutput(into: &queue, limit: limit)
        var bytes: [UInt8] = []
        while !queue.isEmpty {
            let run = queue.first
            bytes += run
            queue.consume(run.count, into: pool)
        }
        return bytes
    }

    /// The frames of the output; a client's preface is left out.
    func frames(limit: Int = .max) -> [Frame.Sent] {
        var bytes = output(limit: limit)
        if bytes.starts(with: Frame.preface) { bytes.removeFirst(Frame.preface.count) }
        return Frame.parse(bytes)
    }

    func takeLog() -> [String] {
        defer { log = [] }
        return log
    }

    func request(_ method: String = "POST", _ more: [(String, String)] = [], ends: Bool = false) -> HTTP2Stream? {
        let list = session.fieldList()
        for (name, value) in requestFields(method, more) { list.add(text: name, value) }
        let token = raw(method)
        let stream = session.openStream(list, method: token.withUnsafeBytes { Method($0) }, endsStream: ends)
        if let stream { streams[stream.id] = stream }
        return stream
    }

    func answer(_ stream: HTTP2Stream, _ status: Int = 200, _ more: [(String, String)] = [], ends: Bool = false) {
        let list = session.fieldList()
        for (name, value) in [(":status", "\(status)")] + more { list.add(text: name, value) }
        session.answer(stream, list, endsStream: ends)
    }

    func trailers(_ stream: HTTP2Stream, _ fields: [(String, String)]) {
        let list = session.fieldList()
        for (name, value) in fields { list.add(text: name, value) }
        session.finish(stream, trailers: list)
    }

    func send(_ stream: HTTP2Stream, _ bytes: [UInt8], ends: Bool = false) {
        bytes.withUnsafeBytes { session.send(stream, $0, endsStream: ends) }
    }

    // MARK: Events

    private func show(_ head: MessageHead) -> String {
        var words: [String] = []
        if head.status > 0 { words.append("\(head.status)") }
        if !head.methodName.isEmpty {
            words.append("\(shown(head.slice(head.methodName))) \(shown(head.slice(head.target)))")
        }
        for index in 0..<head.fieldCount { words.append("\(shown(head.name(index)))=\(shown(head.value(index)))") }
        return words.joined(separator: " ")
    }

    override func headComplete(_ stream: HTTP2Stream) {
        streams[stream.id] = stream
        log.append("head \(stream.id) \(show(stream.head)) [\(stream.head.framing)]")
        onHead?(stream)
    }

    override func headRefused(_ stream: HTTP2Stream) {
        streams[stream.id] = stream
        log.append("refused \(stream.id)")
    }

    override func interimComplete(_ stream: HTTP2Stream) { log.append("interim \(stream.id) \(show(stream.head))") }

    override func body(_ stream: HTTP2Stream, _ bytes: UnsafeRawBufferPointer) {
        if keepsBodies { bodies[stream.id, default: []] += bytes }
        if consumes { session.consumed(stream, bytes.count) }
        onBody?(stream, bytes.count)
    }

    override func trailersComplete(_ stream: HTTP2Stream) {
        log.append("trailers \(stream.id) \(show(session.trailers))")
    }

    override func streamEnded(_ stream: HTTP2Stream) {
        log.append("end \(stream.id)")
        onEnd?(stream)
    }

    override func streamDrained(_ stream: HTTP2Stream) { onDrained?(stream) }

    override func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        log.append("closed \(stream.id) \(code.rawValue)")
    }

    override func goawayReceived(lastStream: Int32, _ code: HTTP2ErrorCode) {
        log.append("goaway \(lastStream) \(code.rawValue)")
    }

    override func pingAnswered(_ payload: UInt64) { log.append("ping \(payload)") }
}

extension HTTP2FieldList {
    func add(text name: String, _ value: String) {
        let name = raw(name)
        let value = raw(value)
        name.withUnsafeBytes { name in value.withUnsafeBytes { add(name, $0) } }
    }
}

extension [Frame.Sent] {
    func of(_ type: UInt8) -> [Frame.Sent] { filter { $0.type == type } }
    /// Streams and codes of the resets.
    var resets: [[UInt32]] { of(HTTP2FrameType.reset).map { [UInt32(bitPattern: $0.stream), $0.word()] } }
    /// Last streams and codes of the GOAWAYs.
    var goaways: [[UInt32]] { of(HTTP2FrameType.goaway).map { [$0.word(), $0.word(4)] } }
}
