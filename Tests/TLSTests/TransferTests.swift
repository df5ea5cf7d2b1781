import Base
import CSSL
import Testing

@testable import TLS

struct TransferTests {
    private static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = RandomSource(seed: seed)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    @Test(arguments: TLSVersion.allCases)
    func byteByByte(version: TLSVersion) throws {
        let pair = try Pair(.test(maxVersion: version, alpn: ["h2"]), .test(alpn: ["h2"]))
        pair.client.start()
        pair.pump { 1 }
        #expect(pair.client.session.isEstablished && pair.server.session.isEstablished)
        pair.client.write("hello")
        pair.server.write("world")
        pair.client.close()
        pair.pump { 1 }
        #expect(pair.server.received == Array("hello".utf8))
        #expect(pair.client.received == Array("world".utf8))
        #expect(pair.server.end == .closed)
    }

    /// Megabytes in both directions at once, cut at random places, into room of random size.
    @Test(arguments: [1, 2, 3] as [UInt64], TLSVersion.allCases)
    func largeTransfersInRandomPieces(seed: UInt64, version: TLSVersion) throws {
        var random = RandomSource(seed: seed)
        let name = try #require(TLSServerName("server.test"))
        let pair = try Pair(
            TLSSession(client: .test(maxVersion: version), serverName: name), TLSSession(server: .test()),
            room: 1 + Int(random.below(seed == 1 ? 700 : 80_000)))
        pair.client.start()
        let up = Self.bytes(300_000, seed: seed)
        let down = Self.bytes(500_000, seed: seed + 100)
        var (upLeft, downLeft) = (up[...], down[...])
        while !upLeft.isEmpty || !downLeft.isEmpty {
            try #require(pair.client.failure == nil && pair.server.failure == nil)
            // Not before the server may speak: what it would hold back here has a limit.
            if pair.client.session.isEstablished {
                let upPiece = upLeft.prefix(Int(random.below(100_000)))
                #expect(pair.client.write(Array(upPiece)) == nil)
                upLeft = upLeft.dropFirst(upPiece.count)
            }
            if pair.server.session.isEstablished {
                let downPiece = downLeft.prefix(Int(random.below(100_000)))
                #expect(pair.server.write(Array(downPiece)) == nil)
                downLeft = downLeft.dropFirst(downPiece.count)
            }
            for _ in 0..<3 {
                pair.server.receive(pair.client.take(Int(random.below(70_000))))
                pair.client.receive(pair.server.take(Int(random.below(70_000))))
            }
        }
        pair.pump { 1 + Int(random.below(70_000)) }
        #expect(pair.server.received == up)
        #expect(pair.client.received == down)
    }

    /// 64 KiB of ciphertext come out in one call.
    @Test(arguments: TLSVersion.allCases)
    func severalRecordsInOneCall(version: TLSVersion) throws {
        let pair = try Pair(.test(maxVersion: version), .test()).connect()
        let sent = Self.bytes(3 * 16_384 + 100, seed: 9)
        pair.client.write(sent)
        let ciphertext = pair.client.take()
        #expect(ciphertext.count > sent.count && ciphertext.count < sent.count + 4 * 32)
        // The first half of a record came earlier.
        let (early, late) = (ciphertext[..<8000], ciphertext[8000...])
        let room = TLSSession.plaintextRoom(forCiphertext: late.count)
        var plaintext = [UInt8](repeating: 0, count: room)
        var output = ByteBuffer()
        for (piece, produced) in [(early, 0), (late, sent.count)] {
            let result = piece.withUnsafeBytes { source in
                plaintext.withUnsafeMutableBytes {
                    pair.server.session.receive(source, into: $0, output: &output)
                }
            }
            #expect(result.consumed == piece.count && result.produced == produced)
            #expect(!result.hasMore && result.end == nil)
        }
        #expect(Array(plaintext[..<sent.count]) == sent)
        #expect(output.count == 0)
    }

    /// A full buffer leaves the rest where it is, and says so.
    @Test func smallRoomLeavesTheRest() throws {
        let pair = try Pair(.test(), .test()).connect()
        pair.client.write([UInt8](repeating: 7, count: 40_000))
        let ciphertext = pair.client.take()
        var plaintext = [UInt8](repeating: 0, count: 1000)
        var output = ByteBuffer()
        let result = ciphertext.withUnsafeBytes { source in
            plaintext.withUnsafeMutableBytes { pair.server.session.receive(source, into: $0, output: &output) }
        }
        #expect(result.produced == 1000 && result.hasMore)
        // One record of three was taken.
        #expect(result.consumed > 16_384 && result.consumed < 17_000)
        pair.server.receive(Array(ciphertext[result.consumed...]))
        #expect(pair.server.received.count == 39_000)
    }

    /// While a handshake message of the peer is incomplete OpenSSL writes nothing; the plaintext waits for it.
    @Test func writingWaitsForAnIncompleteMessage() throws {
        let world = try TestWorld.shared
        let server = try TLSServerContext.test(clientCA: world.authority.pem, clientAuthentication: .require)
        let pair = try Pair(.test(certificate: world.client.pair), server)
        pair.client.start()
        pair.server.receive(pair.client.take())
        // The server's tickets, which hold the client's certificate, are cut into several records.
        pair.server.session.withConnection { _ = SSL_ctrl($0, SSL_CTRL_SET_MAX_SEND_FRAGMENT, 512, nil) }
        pair.client.receive(pair.server.take())
        #expect(pair.client.session.isEstablished)
        pair.server.receive(pair.client.take())
        let tickets = pair.server.take()
        pair.server.write("later")
        let length = Int(tickets[3]) << 8 | Int(tickets[4])
        let first = min(5 + length, tickets.count)
        pair.client.receive(Array(tickets[..<first]))
        #expect(pair.client.write("request") == nil)
        #expect(!pair.client.hasOutput)
        pair.client.receive(Array(tickets[first...]))
        pair.pump()
        #expect(pair.server.received == Array("request".utf8))
        #expect(pair.client.received == Array("later".utf8))
        #expect(pair.client.failure == nil)
    }

    @Test func writingNothingSendsNothing() throws {
        let pair = try Pair(.test(), .test()).connect()
        #expect(pair.client.write([]) == nil)
        #expect(!pair.client.hasOutput)
    }
}
