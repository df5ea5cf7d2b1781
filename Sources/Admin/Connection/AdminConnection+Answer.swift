import Base
import EventLoop
import HTTP

/// How answers are written.
extension AdminConnection {
    func send(_ response: AdminResponse) {
        guard isOpen else { return }
        keepsOpen = keepsOpen && listening.mayStay
        var out = ByteBuffer()
        writeHead(response, length: response.length, to: &out)
        enqueue(out.bytes)
        if head.method != .head {
            switch response.body {
            case .bytes(let bytes): bytes.withUnsafeBytes { send($0) }
            case .file(let file): send(file.bytes)
            }
        }
        if keepsOpen {
            awaitRequest()
        } else {
            state = .closing
            loop.setDeadline(self, loop.now + Self.timeout)
        }
        // Goes on in a turn of its own: with the next request once this answer is taken, so that whoever reads none gets none.
        awaitsDrain = true
        flush()
    }

    /// - Parameter length: of the body; `nil` for one that the connection ends.
    private func writeHead(_ response: AdminResponse, length: Int?, to out: inout ByteBuffer) {
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
    }
}

extension AdminResponse {
    fileprivate var length: Int {
        switch body {
        case .bytes(let bytes): bytes.count
        case .file(let file): file.bytes.count
        }
    }
}
