import ControlClient
import Dispatch
import Synchronization
import Testing

/// Every completion runs once, whoever gives up.
struct EndingTests {
    @Test func aCallIsCancelled() async throws {
        let (arrived, arrival) = AsyncStream<Void>.makeStream()
        let server = try TestServer {
            _ = $0.readHead()
            arrival.yield()
            $0.waitForEnd()
            arrival.finish()
        }
        let client = try makeClient()
        let (results, continuation) = AsyncStream<CallResult>.makeStream()
        let call = client.send(.root(of: server.address)) { continuation.yield($0) }
        var arrivals = arrived.makeAsyncIterator()
        await arrivals.next()
        call.cancel()
        call.cancel()
        var iterator = results.makeAsyncIterator()
        let failure = await iterator.next()?.failure
        #expect(failure?.kind == .cancelled)
        #expect(failure?.description == "the call to \(server.address) was given up")
        // The server sees the connection end.
        #expect(await arrivals.next() == nil)
        continuation.finish()
        #expect(await iterator.next() == nil)
    }

    @Test func cancellingWhatHasEndedDoesNothing() async throws {
        let server = try TestServer {
            while $0.readHead() != nil { $0.write("HTTP/1.1 204 No Content\r\n\r\n") }
        }
        let client = try makeClient()
        let count = Mutex(0)
        let (ends, end) = AsyncStream<Void>.makeStream()
        let call = client.send(.root(of: server.address)) { _ in
            count.withLock { $0 += 1 }
            end.yield()
        }
        var iterator = ends.makeAsyncIterator()
        await iterator.next()
        call.cancel()
        await withCheckedContinuation { continuation in client.close { continuation.resume() } }
        #expect(count.withLock { $0 } == 1)
    }

    @Test func closingEndsAllCalls() async throws {
        let server = try TestServer { $0.waitForEnd() }
        let client = try makeClient()
        let kinds = Mutex<[ControlClient.Failure.Kind?]>([])
        for _ in 0..<20 {
            client.send(.root(of: server.address)) { result in
                kinds.withLock { $0.append(result.failure?.kind) }
            }
        }
        await withCheckedContinuation { continuation in client.close { continuation.resume() } }
        #expect(kinds.withLock { $0 } == Array(repeating: .cancelled, count: 20))
        // Later calls end the same way, and closing again is harmless.
        #expect(await client.get(server.address).failure?.kind == .cancelled)
        await withCheckedContinuation { continuation in client.close { continuation.resume() } }
    }

    @Test func aClientThatIsLetGoEndsItsCalls() async throws {
        let server = try TestServer { $0.waitForEnd() }
        let result: CallResult = try await withCheckedThrowingContinuation { continuation in
            do {
                let client = try makeClient()
                client.send(.root(of: server.address)) { continuation.resume(returning: $0) }
            } catch { continuation.resume(throwing: error) }
        }
        #expect(result.failure?.kind == .cancelled)
    }
}
