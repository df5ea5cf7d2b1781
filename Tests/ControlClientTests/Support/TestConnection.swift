import Base
import Glibc
import Synchronization
import TLS

/// One accepted connection, read and written by blocking calls, through TLS where there is a session.
///
/// Unchecked: its handler's thread alone uses it, but for `end`, which may come from the test's.
final class TestConnection: @unchecked Sendable {
    private let descriptor: Int32
    private let session: TLSSession?
    private var unread: [UInt8] = []
    private let isOpen = Mutex(true)

    init(_ descriptor: Int32, _ session: TLSSession?) {
        self.descriptor = descriptor
        self.session = session
    }

    /// - Returns: some bytes; none at the end.
    func read() -> [UInt8] {
        if !unread.isEmpty {
            defer { unread = [] }
            return unread
        }
        while true {
            var bytes = [UInt8](repeating: 0, count: 65536)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            guard count > 0 else { return [] }
            bytes.removeLast(bytes.count - count)
            guard let session else { return bytes }
            let plain = open(bytes, session)
            if !plain.isEmpty || session.failure != nil { return plain }
        }
    }

    private func open(_ bytes: [UInt8], _ session: TLSSession) -> [UInt8] {
        var output = ByteBuffer()
        var plaintext = [UInt8](repeating: 0, count: TLSSession.plaintextRoom(forCiphertext: bytes.count))
        let result = bytes.withUnsafeBytes { source in
            plaintext.withUnsafeMutableBytes { session.receive(source, into: $0, output: &output) }
        }
        send(Array(output.bytes))
        return Array(plaintext[..<result.produced])
    }

    /// The next `count` bytes, fewer at the end.
    func read(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count, case let more = read(), !more.isEmpty { bytes += more }
        if bytes.count > count { unread = Array(bytes[count...]) }
        return Array(bytes.prefix(count))
    }

    /// A request's head without its empty line; `nil` at the end.
    func readHead() -> String? {
        var bytes: [UInt8] = []
        while case let byte = read(1), !byte.isEmpty {
            bytes += byte
            if bytes.suffix(4) == Array("\r\n\r\n".utf8)[...] {
                return String(decoding: bytes.dropLast(4), as: UTF8.self)
            }
        }
        return nil
    }

    func write(_ text: String) { write(Array(text.utf8)) }

    func write(_ bytes: [UInt8]) {
        guard let session else { return send(bytes) }
        var output = ByteBuffer()
        _ = bytes.withUnsafeBytes { session.write($0, output: &output) }
        send(Array(output.bytes))
    }

    private func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    /// Says nothing until the peer leaves or the test ends.
    func waitForEnd() { while !read().isEmpty {} }

    /// Closes with a reset.
    func reset() {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
        isOpen.withLock { isOpen in
            if isOpen { close(descriptor) }
            isOpen = false
        }
    }

    /// Wakes whoever reads, who then closes.
    func end() {
        isOpen.withLock { isOpen in
            if isOpen { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    deinit { isOpen.withLock { if $0 { close(descriptor) } } }
}
