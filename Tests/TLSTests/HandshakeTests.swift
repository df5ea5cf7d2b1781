import Base
import CSSL
import Testing

@testable import TLS

struct HandshakeTests {
    @Test(arguments: TLSVersion.allCases)
    func completesInEachVersion(version: TLSVersion) throws {
        let pair = try Pair(.test(maxVersion: version), .test()).connect()
        pair.expectWorking()
        for end in [pair.client, pair.server] {
            #expect(end.session.isEstablished)
            #expect(end.finishedHandshakes == 1)
            #expect(end.session.version == version)
            #expect(end.session.isResumed == false)
            #expect(end.session.alpn == nil)
        }
        #expect(pair.client.session.cipher == pair.server.session.cipher)
        #expect(pair.client.session.cipher?.hasPrefix(version == .tls13 ? "TLS_" : "ECDHE-ECDSA-") == true)
        #expect(pair.server.session.sni == "server.test")
        #expect(pair.server.session.peerSubject == nil)
        #expect(pair.client.session.peerSubject == "CN=server,O=Tests\\, Inc.")
    }

    @Test func nothingIsKnownBefore() throws {
        let session = try TLSSession(server: .test())
        #expect(!session.isEstablished && !session.isResumed)
        #expect(session.version == nil && session.cipher == nil && session.alpn == nil && session.sni == nil)
        #expect(session.peerSubject == nil)
    }

    @Test func anOldClientIsRefusedByAMinimum() throws {
        let pair = try Pair(.test(maxVersion: .tls12), .test(minVersion: .tls13)).connect()
        #expect(pair.server.failure?.kind == .negotiation)
        // protocol_version
        #expect(pair.client.failure?.kind == .alert(70))
        #expect(pair.server.end == .failed(try #require(pair.server.failure)))
    }

    @Test(
        arguments: [
            (["h2", "http/1.1"], ["http/1.1", "h2"], "h2"), (["h2", "http/1.1"], ["http/1.1"], "http/1.1"),
            (["http/1.1"], ["h2", "http/1.1"], "http/1.1"), (["h2"], [], nil), ([], ["h2"], nil),
            (["http/1.1", "h2"], ["h2", "h2c", "http/1.1"], "http/1.1"),
        ] as [([String], [String], String?)])
    func theServersPreferenceChoosesTheProtocol(server: [String], client: [String], chosen: String?) throws {
        for version in TLSVersion.allCases {
            let pair = try Pair(.test(maxVersion: version, alpn: client), .test(alpn: server)).connect()
            #expect(pair.client.session.alpn == chosen)
            #expect(pair.server.session.alpn == chosen)
            pair.expectWorking()
        }
    }

    @Test func noProtocolInCommonIsRefused() throws {
        let pair = try Pair(.test(alpn: ["h3"]), .test(alpn: ["h2", "http/1.1"])).connect()
        #expect(pair.server.failure?.kind == .negotiation)
        // no_application_protocol
        #expect(pair.client.failure?.kind == .alert(120))
    }

    /// Plaintext written before the handshake goes out with its end, in order.
    @Test(arguments: TLSVersion.allCases)
    func whatIsWrittenEarlyIsHeldBack(version: TLSVersion) throws {
        let pair = try Pair(.test(maxVersion: version), .test())
        pair.client.start()
        #expect(pair.client.write("one ") == nil)
        #expect(pair.client.write("two") == nil)
        pair.pump()
        #expect(pair.server.received == Array("one two".utf8))
    }

    @Test func whatIsHeldBackHasALimit() throws {
        let pair = try Pair(.test(), .test())
        pair.client.start()
        let piece = [UInt8](repeating: 0x61, count: 1 << 19)
        #expect(pair.client.write(piece) == nil)
        #expect(pair.client.write(piece) == nil)
        #expect(pair.client.write("x") != nil)
    }

    @Test func renegotiationIsRefused() throws {
        let pair = try Pair(.test(maxVersion: .tls12), .test()).connect()
        // A client that tries all the same.
        pair.client.session.withConnection {
            SSL_clear_options($0, UInt64(1) << 30)
            #expect(SSL_renegotiate($0) == 1)
        }
        pair.client.write("x")
        let second = pair.client.take()
        #expect(!second.isEmpty)
        pair.server.receive(second)
        #expect(pair.server.finishedHandshakes == 1)
        pair.client.receive(pair.server.take())
        // What comes back is the warning no_renegotiation, on which OpenSSL's client gives up.
        #expect(pair.client.failure != nil)
        #expect(pair.client.finishedHandshakes == 1)
    }

    @Test func earlyDataIsNotOffered() throws {
        let client = try TLSClientContext.test()
        let pair = try Pair(client, .test()).connect()
        pair.expectWorking()
        let kept = try #require(client.sessions.take("server.test "))
        #expect(SSL_SESSION_get_max_early_data(kept.handle) == 0)
    }

    /// A client that rolls its keys, again and again, gets an answer and no more.
    @Test func keyUpdatesAreFollowed() throws {
        let pair = try Pair(.test(), .test()).connect()
        for round in 0..<50 {
            pair.client.session.withConnection { #expect(SSL_key_update($0, SSL_KEY_UPDATE_REQUESTED) == 1) }
            pair.client.write("\(round) ")
            pair.pump()
        }
        #expect(pair.server.received == Array((0..<50).map { "\($0) " }.joined().utf8))
        pair.expectWorking()
    }
}
