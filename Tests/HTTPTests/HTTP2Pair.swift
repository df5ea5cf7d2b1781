import Base
import HTTP

/// A client and a server in memory, whose bytes arrive in pieces of random size.
final class HTTP2Pair {
    let client: HTTP2Peer
    let server: HTTP2Peer
    var random: RandomSource
    private var toServer: [UInt8] = []
    private var toClient: [UInt8] = []
    /// Most bytes of one piece; none for whole outputs.
    let largestPiece: UInt32

    init(
        seed: UInt64, client: HTTP2Limits = HTTP2Limits(), server: HTTP2Limits = HTTP2Limits(), largestPiece: UInt32 = 0
    ) {
        random = RandomSource(seed: seed)
        self.client = HTTP2Peer(.client, client)
        self.server = HTTP2Peer(.server, server)
        self.largestPiece = largestPiece
    }

    private func deliver(_ bytes: inout [UInt8], to peer: HTTP2Peer) {
        guard !bytes.isEmpty else { return }
        let most = largestPiece == 0 ? bytes.count : min(bytes.count, 1 + Int(random.below(largestPiece)))
        peer.feed(Array(bytes[..<most]))
        bytes.removeFirst(most)
    }

    /// Moves one piece each way.
    ///
    /// - Returns: whether anything is left to move.
    func step(limit: Int = .max) -> Bool {
        if toServer.isEmpty { toServer = client.output(limit: limit) }
        deliver(&toServer, to: server)
        if toClient.isEmpty { toClient = server.output(limit: limit) }
        deliver(&toClient, to: client)
        return !toServer.isEmpty || !toClient.isEmpty || client.session.wantsOutput || server.session.wantsOutput
    }

    /// Until nobody has anything more to say.
    func settle() {
        while step() {}
    }

    func advance(_ span: Nanoseconds) {
        client.now = client.now + span
        server.now = server.now + span
    }
}

/// Bytes that differ from place to place.
func pattern(_ count: Int, _ salt: Int = 0) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 31 &+ salt) ^ ($0 >> 8)) }
}
