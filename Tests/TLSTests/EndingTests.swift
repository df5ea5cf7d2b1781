import Base
import Testing

@testable import TLS

struct EndingTests {
    @Test(arguments: TLSVersion.allCases)
    func closeNotifyEndsBothWays(version: TLSVersion) throws {
        let pair = try Pair(.test(maxVersion: version), .test()).connect()
        pair.client.write("last words")
        pair.client.close()
        pair.client.close()
        #expect(pair.client.write("more") != nil)
        pair.pump()
        #expect(pair.server.received == Array("last words".utf8))
        #expect(pair.server.end == .closed)
        #expect(pair.server.session.isPeerClosed)
        #expect(pair.server.session.finishReceiving() == .closed)
        // The other direction is still open (RFC 8446 section 6.1).
        #expect(pair.server.write("answer") == nil)
        pair.server.close()
        pair.pump()
        #expect(pair.client.received == Array("answer".utf8))
        #expect(pair.client.end == .closed)
        #expect(pair.client.failure == nil && pair.server.failure == nil)
    }

    @Test(arguments: TLSVersion.allCases)
    func aBareEndIsToldApart(version: TLSVersion) throws {
        let pair = try Pair(.test(maxVersion: version), .test()).connect()
        pair.client.write("half a mess")
        pair.pump()
        let expected = TLSFailure(.truncated, "the connection ended without close_notify")
        #expect(pair.server.session.finishReceiving() == .failed(expected))
        #expect(pair.server.failure == expected)
        #expect(pair.server.write("x") == expected)
    }

    @Test func anEndDuringTheHandshakeIsOneToo() throws {
        let session = try TLSSession(server: .test())
        #expect(session.finishReceiving() == .failed(TLSFailure(.truncated, "it ended during the handshake")))
    }

    @Test func closingBeforeTheHandshakeSendsNothing() throws {
        let end = End(try TLSSession(server: .test()))
        end.close()
        #expect(!end.hasOutput)
    }

    @Test func bytesBehindTheEndAreIgnored() throws {
        let pair = try Pair(.test(), .test()).connect()
        pair.client.close()
        pair.server.receive(pair.client.take() + [1, 2, 3])
        #expect(pair.server.end == .closed)
        pair.server.receive([4, 5, 6])
        #expect(pair.server.end == .closed)
        #expect(pair.server.received.isEmpty)
    }
}
