import Base
import CSSL
import Testing

@testable import TLS

/// One end of a connection, and what it has seen.
final class End {
    let session: TLSSession
    /// On the way to the other end.
    var output = ByteBuffer()
    var received: [UInt8] = []
    var end: TLSReceived.End?
    /// What receiving reported as just done, which has to happen once.
    var finishedHandshakes = 0
    private var plaintext: [UInt8]

    init(_ session: TLSSession, room: Int = 80 * 1024) {
        self.session = session
        plaintext = [UInt8](repeating: 0, count: room)
    }

    var failure: TLSFailure? { session.failure }

    func start() { session.start(output: &output) }

    func receive(_ bytes: [UInt8]) {
        var rest = bytes[...]
        repeat {
            let result = rest.withUnsafeBytes { source in
                plaintext.withUnsafeMutableBytes { session.receive(source, into: $0, output: &output) }
            }
            #expect(result.consumed <= rest.count)
            received += plaintext[..<result.produced]
            rest = rest.dropFirst(result.consumed)
            end = result.end
            if result.finishedHandshake { finishedHandshakes += 1 }
            if !result.hasMore { break }
        } while true
        #expect(rest.isEmpty)
    }

    @discardableResult
    func write(_ bytes: [UInt8]) -> TLSFailure? { bytes.withUnsafeBytes { session.write($0, output: &output) } }
    @discardableResult
    func write(_ text: String) -> TLSFailure? { write(Array(text.utf8)) }

    var hasOutput: Bool { output.count > 0 }

    func close() { session.close(output: &output) }

    /// Takes up to `limit` bytes of those on the way.
    func take(_ limit: Int = .max) -> [UInt8] {
        let taken = Array(output.bytes.prefix(limit))
        output.consume(taken.count)
        return taken
    }
}

/// A client and a server whose bytes reach each other in memory.
struct Pair {
    let client: End
    let server: End

    init(_ client: TLSSession, _ server: TLSSession, room: Int = 80 * 1024) {
        self.client = End(client, room: room)
        self.server = End(server, room: room)
    }

    init(
        _ client: TLSClientContext, _ server: TLSServerContext, name: String = "server.test", endpoint: String = ""
    ) throws {
        let name = try #require(TLSServerName(name))
        self.init(TLSSession(client: client, serverName: name, endpoint: endpoint), TLSSession(server: server))
    }

    /// Delivers what is on the way, in pieces of up to `piece()` bytes, until nothing moves any more.
    func pump(_ piece: () -> Int = { .max }) {
        while !client.output.isEmpty || !server.output.isEmpty {
            let toServer = client.take(piece())
            if !toServer.isEmpty { server.receive(toServer) }
            let toClient = server.take(piece())
            if !toClient.isEmpty { client.receive(toClient) }
        }
    }

    func connect() -> Pair {
        client.start()
        pump()
        return self
    }

    /// Both ends are established and bytes pass in both directions.
    func expectWorking() {
        #expect(client.failure == nil)
        #expect(server.failure == nil)
        client.received = []
        server.received = []
        client.write("ping")
        server.write("pong")
        pump()
        #expect(server.received == Array("ping".utf8))
        #expect(client.received == Array("pong".utf8))
        #expect(client.failure == nil && server.failure == nil)
    }
}

extension TLSServerContext {
    /// A context with `TestWorld`'s certificate and ticket keys of its own, unless told otherwise.
    static func test(
        _ certificates: [TLSKeyPair]? = nil, clientCA: [UInt8]? = nil,
        clientAuthentication: TLSClientAuthentication = .none, minVersion: TLSVersion = .tls12, alpn: [String] = [],
        tickets: TicketKeys = TicketKeys(now: Instant(nanoseconds: 0))
    ) throws -> TLSServerContext {
        let pairs = try certificates ?? [TestWorld.shared.server.pair]
        return try TLSServerContext(
            TLSServerSettings(
                certificates: pairs, clientCA: clientCA, clientAuthentication: clientAuthentication,
                minVersion: minVersion, alpn: alpn), tickets: tickets)
    }
}

extension TLSClientContext {
    /// A context that trusts `TestWorld`'s authority.
    static func test(
        certificate: TLSKeyPair? = nil, minVersion: TLSVersion = .tls12, maxVersion: TLSVersion = .tls13,
        alpn: [String] = []
    ) throws -> TLSClientContext {
        let context = try TLSClientContext(
            TLSClientSettings(
                authorities: TestWorld.shared.authority.pem, certificate: certificate, minVersion: minVersion,
                alpn: alpn))
        context.limit(to: maxVersion)
        return context
    }

    func limit(to version: TLSVersion) {
        SSL_CTX_ctrl(handle, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version.number), nil)
    }

    /// Has it accept only these signatures, such as `RSA+SHA256`.
    func accept(signatures: String) {
        var bytes = Array(signatures.utf8CString)
        let isSet = bytes.withUnsafeMutableBytes { SSL_CTX_ctrl(handle, SSL_CTRL_SET_SIGALGS_LIST, 0, $0.baseAddress) }
        #expect(isSet == 1)
    }
}
