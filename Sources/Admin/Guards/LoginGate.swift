import Base
import Configuration
import Credentials
import DataPlane
import EventLoop
import Synchronization
import Traffic

/// Basic authentication of the operator's side (RFC 7617): the same hashes, checked by the same threads, as those of routes.
///
/// May be called from any thread, and never waits for a password to be looked at.
final class LoginGate: Sendable {
    enum Verdict: Sendable {
        case admitted(user: String)
        /// No password, or one that is not right.
        case refused
        /// Too many were wrong.
        case limited(Nanoseconds)
        /// Too many wait for theirs to be looked at.
        case busy
    }

    typealias Completion = @Sendable (Verdict) -> Void

    let login: AdminSurface.Login
    private let users: UserTable
    private let verifier: Verifier
    private let record: LoginRecord

    /// Making one may take as long as looking at a password.
    init(_ login: AdminSurface.Login, verifier: Verifier, record: LoginRecord) {
        self.login = login
        users = UserTable(login.users, decoyHash: PasswordHash.decoy(like: login.users.values))
        self.verifier = verifier
        self.record = record
    }

    /// The value of `WWW-Authenticate`.
    var challenge: String {
        let realm = login.realm.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "Basic realm=\"\(realm)\", charset=\"UTF-8\""
    }

    /// - Parameter session: of the connection that the call came by.
    func check(_ request: AdminRequest, _ session: LoginSession, now: Instant, completion: @escaping Completion) {
        // Browsers ask without one first; nothing was tried.
        guard let field = request.fields.authorization else { return completion(.refused) }
        let client = LoginRecord.Client(session)
        let attempt = Attempt(field)
        let stored = attempt.map { attempt in
            attempt.user.withUnsafeBytes { name in
                users.withUser(name) { user, isKnown in
                    (
                        name: isKnown ? String(decoding: user.name, as: UTF8.self) : nil, hash: user.hash,
                        digest: record.digest(attempt, hash: user.hashBytes)
                    )
                }
            }
        }
        let name = stored?.name
        let digest = stored?.digest
        let judge: @Sendable (Bool?) -> Void = { [record] verdict in
            guard let verdict else { return completion(.busy) }
            guard verdict, let name, let digest else {
                record.failed(client, user: name, .now())
                return completion(.refused)
            }
            session.show(digest)
            completion(.admitted(user: name))
        }
        switch record.begin(digest, client, session, now, waiter: judge) {
        case .limited(let wait): completion(.limited(wait))
        case .known(let isRight): judge(isRight)
        case .joins: break
        case .asks:
            guard let attempt, let stored else { return }
            let job = Verification(
                digest: stored.digest, user: attempt.user, password: attempt.password, hash: stored.hash,
                client: Array(session.client.utf8))
            verifier.submit(job) { [record] verdict in
                record.judged(stored.digest, client, verdict.map { $0 && name != nil })
            }
        }
    }

    /// What a client says its name and password are.
    struct Attempt {
        let user: [UInt8]
        let password: [UInt8]

        init?(_ field: String) {
            var field = field
            let found = field.withUTF8 { text in
                withUnsafeTemporaryAllocation(byteCount: BasicCredentials.scratchSize, alignment: 1) { scratch in
                    BasicCredentials.decode(UnsafeRawBufferPointer(text), into: scratch).map {
                        (Array(scratch[$0.user]), Array(scratch[$0.password]))
                    }
                }
            }
            guard let found else { return nil }
            (user, password) = found
        }
    }
}

/// What a connection has shown so far.
final class LoginSession: Sendable {
    /// `nil` over a Unix socket.
    let address: SocketAddress?
    let client: String
    private let shown = Mutex<CredentialDigest?>(nil)

    init(_ address: SocketAddress?) {
        self.address = address
        client = address?.host ?? SocketAddress.unixHost
    }

    /// The credentials that were found right.
    var proof: CredentialDigest? { shown.withLock { $0 } }
    func show(_ digest: CredentialDigest) { shown.withLock { $0 = digest } }
}
