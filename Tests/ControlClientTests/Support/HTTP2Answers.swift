import CNGHTTP2

/// A request as an HTTP/2 server sees it.
struct HTTP2Request {
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []

    func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
}

/// The server's side of HTTP/2 by hand (RFC 9113), as much as one request at a time needs.
enum HTTP2Answers {
    static let endStream: UInt8 = 0x01
    private static let endHeaders: UInt8 = 0x04

    static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        let length = payload.count
        let head = [UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, flags]
        return head + (0..<4).map { UInt8(truncatingIfNeeded: stream >> (24 - 8 * UInt32($0))) } + payload
    }

    static func data(_ stream: UInt32, _ bytes: [UInt8]) -> [UInt8] { frame(0, 0, stream, bytes) }

    /// Literal fields without indexing and Huffman codes (RFC 7541 section 6.2.2), of at most 126 bytes each.
    static func headers(_ stream: UInt32, _ fields: [(String, String)], ends: Bool = false) -> [UInt8] {
        var block: [UInt8] = []
        for (name, value) in fields {
            block += [0, UInt8(name.utf8.count)] + Array(name.utf8)
            block += [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        return frame(1, endHeaders | (ends ? endStream : 0), stream, block)
    }

    static func reset(_ stream: UInt32, code: UInt8) -> [UInt8] { frame(3, 0, stream, [0, 0, 0, code]) }

    /// Serves a connection; `answer` turns each complete request into frames.
    static func serve(_ connection: TestConnection, _ answer: (UInt32, HTTP2Request) -> [UInt8]) {
        var inflater: OpaquePointer?
        guard connection.read(24).count == 24, nghttp2_hd_inflate_new(&inflater) == 0 else { return }
        defer { nghttp2_hd_inflate_del(inflater) }
        connection.write(frame(4, 0, 0))
        var request = HTTP2Request()
        while case let head = connection.read(9), head.count == 9 {
            let payload = connection.read(Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2]))
            let stream = head[5...].reduce(0) { $0 << 8 | UInt32($1) }
            switch head[3] {
            case 0: request.body += payload
            case 1:
                // A priority (five bytes) may come first.
                request.fields = fields(head[4] & 0x20 != 0 ? Array(payload.dropFirst(5)) : payload, inflater)
            case 4 where head[4] & 1 == 0: connection.write(frame(4, 1, 0))
            default: break
            }
            if head[3] < 2, head[4] & endStream != 0 {
                connection.write(answer(stream, request))
                request = HTTP2Request()
            }
        }
    }

    private static func fields(_ block: [UInt8], _ inflater: OpaquePointer?) -> [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        var rest = block
        while true {
            var field = nghttp2_nv()
            var flags: Int32 = 0
            let used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, rest, rest.count, 1)
            guard used >= 0 else { return found }
            rest.removeFirst(used)
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                let name = UnsafeBufferPointer(start: field.name, count: field.namelen)
                let value = UnsafeBufferPointer(start: field.value, count: field.valuelen)
                found.append((String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
            }
            guard flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) == 0 else {
                nghttp2_hd_inflate_end_headers(inflater)
                return found
            }
        }
    }
}
