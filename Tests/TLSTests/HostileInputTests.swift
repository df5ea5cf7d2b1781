import Base
import CSSL
import Testing

@testable import TLS

struct HostileInputTests {
    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /v2/models HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n",
        "PATCH / HTTP/1.1",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "CONNECT a:443 HTTP/1.1\r\n", "G",
    ])
    func plainHTTPIsRecognised(text: String) throws {
        let server = End(try TLSSession(server: .test()))
        server.receive(Array(text.utf8))
        let expected = TLSFailure(.plaintext, "the peer speaks unencrypted HTTP")
        #expect(server.failure == expected)
        #expect(server.end == .failed(expected))
        // Nothing was sent, so an answer in plain text can be.
        #expect(!server.hasOutput)
    }

    @Test func capitalLettersLaterOnAreNoHTTP() throws {
        let server = End(try TLSSession(server: .test()))
        server.receive([0x16])
        server.receive(Array("GET".utf8))
        server.receive(Array("GET / HTTP/1.1".utf8))
        #expect(server.failure?.kind == .violation)
    }

    @Test func garbageFailsAndNeverTraps() throws {
        var random = RandomSource(seed: 4)
        let context = try TLSServerContext.test()
        for round in 0..<300 {
            let server = End(TLSSession(server: context), room: 1 + round)
            var bytes = (0..<(1 + Int(random.below(600)))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            // Half of them look like the beginning of a handshake.
            if round % 2 == 0 { bytes.replaceSubrange(0..<min(bytes.count, 5), with: [0x16, 3, 1, 0, 100]) }
            server.receive(bytes)
            server.receive(bytes)
            _ = server.session.finishReceiving()
            #expect(server.failure != nil)
            #expect(!server.session.isEstablished)
            #expect(ERR_peek_error() == 0)
        }
    }

    /// One bit of a whole conversation is turned over at random: it fails or is complete, and nothing else comes out.
    @Test(arguments: TLSVersion.allCases)
    func damagedConversations(version: TLSVersion) throws {
        var random = RandomSource(seed: 77)
        let (clientContext, serverContext) = try (TLSClientContext.test(maxVersion: version), TLSServerContext.test())
        let name = try #require(TLSServerName("server.test"))
        for _ in 0..<200 {
            let pair = Pair(
                TLSSession(client: clientContext, serverName: name, endpoint: "\(random.next())"),
                TLSSession(server: serverContext))
            pair.client.start()
            pair.client.write("question")
            pair.server.write("reply")
            var left = Int(random.below(3000))
            func damage(_ bytes: [UInt8]) -> [UInt8] {
                var bytes = bytes
                if bytes.indices.contains(left) { bytes[left] ^= 1 << UInt8(random.below(8)) }
                left -= bytes.count
                return bytes
            }
            while !pair.client.output.isEmpty || !pair.server.output.isEmpty {
                pair.server.receive(damage(pair.client.take()))
                pair.client.receive(damage(pair.server.take()))
            }
            #expect(Array("question".utf8).starts(with: pair.server.received))
            #expect(Array("reply".utf8).starts(with: pair.client.received))
        }
        #expect(ERR_peek_error() == 0)
    }

    @Test(arguments: TLSVersion.allCases)
    func aDamagedRecordIsRefusedWithAnAlert(version: TLSVersion) throws {
        let pair = try Pair(.test(maxVersion: version), .test()).connect()
        pair.client.write("good")
        pair.client.write("bad")
        var bytes = pair.client.take()
        bytes[bytes.count - 1] ^= 1
        pair.server.receive(bytes)
        // What came before it counts.
        #expect(pair.server.received == Array("good".utf8))
        #expect(pair.server.failure?.kind == .violation)
        #expect(pair.server.write("x") == pair.server.failure)
        pair.client.receive(pair.server.take())
        // bad_record_mac
        #expect(pair.client.failure?.kind == .alert(20))
    }

    @Test(arguments: TLSVersion.allCases)
    func recordsCutShortGiveNothing(version: TLSVersion) throws {
        let pair = try Pair(.test(maxVersion: version), .test()).connect()
        pair.client.write("whole or nothing")
        pair.server.receive(Array(pair.client.take().dropLast()))
        #expect(pair.server.received.isEmpty && pair.server.failure == nil && pair.server.end == nil)
        #expect(pair.server.session.finishReceiving() != .closed)
    }

    @Test func recordsOfTooManyBytesAreRefused() throws {
        let pair = try Pair(.test(), .test()).connect()
        pair.server.receive([0x17, 3, 3, 0xFF, 0xFF])
        #expect(pair.server.failure?.kind == .violation)
    }

    /// The queue of errors is the thread's: what one connection leaves there must not reach another.
    @Test func oneConnectionsErrorIsNotAnothers() throws {
        let good = try Pair(.test(), .test()).connect()
        let bad = End(try TLSSession(server: .test()))
        bad.receive([0x16, 3, 1, 0, 4, 1, 2, 3, 4])
        #expect(bad.failure != nil)
        good.expectWorking()
        // One that somebody else has left there.
        let empty = BIO_new(BIO_s_mem())
        PEM_read_bio_X509(empty, nil, nil, nil)
        BIO_free(empty)
        #expect(ERR_peek_error() != 0)
        good.expectWorking()
        #expect(ERR_peek_error() == 0)
    }
}
