import ControlClient
import Dispatch
import Synchronization
import Testing

/// Answers that have no end are taken as they come.
struct StreamTests {
    private static let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"

    /// What came, and each state of it.
    private final class Pieces: Sendable {
        private let all = Mutex("")
        private let states: AsyncStream<String>
        private let more: AsyncStream<String>.Continuation

        init() { (states, more) = AsyncStream<String>.makeStream() }

        func add(_ bytes: [UInt8]) {
            more.yield(
                all.withLock { all in
                    all += String(decoding: bytes, as: UTF8.self)
                    return all
                })
        }

        func wait(for text: String) async { for await state in states where state == text { return } }
        var text: String { all.withLock { $0 } }
    }

    /// The second piece is sent when the first was taken. A stream has no `timeout`.
    @Test func piecesComeAtOnceAndBeforeTheEnd() async throws {
        let pieces = Pieces()
        let gate = DispatchSemaphore(value: 0)
        let server = try TestServer { connection in
            _ = connection.readHead()
            connection.write(Self.head + "one ")
            gate.wait()
            connection.write("two")
        }
        let client = try makeClient()
        async let result = client.get(server.address) {
            $0.timeout = .milliseconds(1)
            $0.stream = ControlClient.Stream(silence: ample) { pieces.add($0) }
        }
        await pieces.wait(for: "one ")
        gate.signal()
        let response = try #require(await result.response)
        #expect(pieces.text == "one two")
        #expect(response.status == 200)
        #expect(response.header("content-type") == "text/event-stream")
        #expect(response.body == [])
    }

    @Test func refusalsComeWhole() async throws {
        let pieces = Pieces()
        let server = try TestServer { connection in
            _ = connection.readHead()
            connection.write("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nfull")
        }
        let response = try await makeClient().get(server.address) {
            $0.stream = ControlClient.Stream(silence: ample) { pieces.add($0) }
        }.response
        #expect(response?.status == 503)
        #expect(response?.body == Array("full".utf8))
        #expect(pieces.text == "")
    }

    @Test func silenceEndsIt() async throws {
        let pieces = Pieces()
        let server = try TestServer { connection in
            _ = connection.readHead()
            connection.write(Self.head + "one")
            connection.waitForEnd()
        }
        let failure = try await makeClient().get(server.address) {
            $0.stream = ControlClient.Stream(silence: .seconds(1)) { pieces.add($0) }
        }.failure
        #expect(failure?.kind == .timeout)
        #expect(failure?.description == "\(server.address) sent nothing for 1 s")
        #expect(pieces.text == "one")
    }

    /// The one who takes pieces is held up until the server sees that the client has gone.
    @Test func whoDoesNotTakeThemIsCutOff() async throws {
        let hasGone = DispatchSemaphore(value: 0)
        let isHeldUp = Mutex(false)
        let server = try TestServer { connection in
            _ = connection.readHead()
            connection.write(Self.head)
            for _ in 0..<5 { connection.write(String(repeating: "x", count: 1000)) }
            connection.waitForEnd()
            hasGone.signal()
        }
        let failure = try await makeClient().get(server.address) {
            $0.bodyLimit = 2000
            $0.stream = ControlClient.Stream(silence: ample) { _ in
                let isFirst = isHeldUp.withLock { isHeldUp in
                    defer { isHeldUp = true }
                    return !isHeldUp
                }
                if isFirst { hasGone.wait() }
            }
        }.failure
        #expect(failure?.kind == .tooLarge)
        #expect(
            failure?.description == "\(server.address) answered with more than 2000 bytes that nobody has taken yet")
    }
}
