import Base
import EventLoop
import HTTP

/// How answers are written.
extension AdminConnection {
    func send(_ response: AdminResponse) {
        guard isOpen else { return }
        keepsOpen = keepsOpen && listening.mayStay
        var response = response
        if case .made(let make) = response.body { response.body = .bytes(make()) }
        if case .events(let subscribe) = response.body, head.method != .head {
            begin(response, subscribe)
            return
        }
        writeHead(response, length: response.length)
        if head.method != .head {
            switch response.body {
            case .bytes(let bytes): bytes.withUnsafeBytes { send($0) }
            case .file(let file): send(file.bytes)
            case .made, .events: break
            }
        }
        guard keepsOpen else {
            beginClosing()
            return
        }
        awaitRequest()
        // Goes on in a turn of its own: with the next request once this answer is taken, so that whoever reads none gets none.
        awaitsDrain = true
        flush()
    }

    private func begin(_ response: AdminResponse, _ subscribe: AdminResponse.Subscribe) {
        guard listening.mayStay, home.hasRoomForStream else {
            let error = "too many streams of events are open here, close one or try again"
            send(AdminResponse.error(503, error).with("Retry-After", "1"))
            return
        }
        // It has no other end.
        keepsOpen = false
        writeHead(response, length: nil)
        stream(subscribe)
        flush()
    }

    func beginClosing() {
        state = .closing
        loop.setDeadline(self, loop.now + Self.timeout)
        awaitsDrain = true
        flush()
    }

    /// - Parameter length: of the body; `nil` for one that the connection ends.
    private func writeHead(_ response: AdminResponse, length: Int?) {
        var out = ByteBuffer()
        out.append("HTTP/1.1 ")
        out.append(decimal: UInt64(response.status))
        out.append(text: " \(response.reason)\r\n")
        for field in response.fields { out.append(text: "\(field.name): \(field.value)\r\n") }
        // What the gateway says of itself is for operators, not for other pages or caches.
        if !response.fields.contains(where: { $0.name == "Cache-Control" }) {
            out.append("Cache-Control: no-store\r\n")
        }
        out.append("X-Content-Type-Options: nosniff\r\n")
        // RFC 9110 section 8.6: what a 304 is not about is left out.
        if let length, response.status != 304 {
            out.append("Content-Length: ")
            out.append(decimal: UInt64(length))
            out.append("\r\n")
        }
        out.append(keepsOpen ? "\r\n" : "Connection: close\r\n\r\n")
        enqueue(out.bytes)
    }
}

extension AdminResponse {
    /// `nil` where nobody knows.
    fileprivate var length: Int? {
        switch body {
        case .bytes(let bytes): bytes.count
        case .file(let file): file.bytes.count
        case .made, .events: nil
        }
    }
}
