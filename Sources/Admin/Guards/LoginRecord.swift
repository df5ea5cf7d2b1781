import Base
import Configuration
import Credentials
import EventLoop
import Logging
import Synchronization
import Traffic

/// What is remembered of passwords that were tried: verdicts, and how often each client was wrong. Outlives reloads.
///
/// A client has a bucket of tokens: each wrong password takes one. Without a token nothing is looked at, right or wrong, for
/// otherwise the answer would tell the right one. Only a connection that has shown a right password goes on with that. A right
/// password takes no token, and clients behind other addresses have their own.
final class LoginRecord: Sendable {
    /// Wrong passwords at once: a person who mistypes, or a script that was not told of the new one.
    private static let burst = 5
    /// One more in each: a guesser gets through 43,000 a day from one address, which is nothing against a fair password.
    private static let refill = Duration.seconds(2)
    /// Verdicts of each kind: operators are few.
    private static let verdicts = 256
    /// Lines in the log about refused logins at once, and one more in each second: enough to see what happens.
    private static let lines = 10

    enum Start {
        case known(Bool)
        /// The same credentials are being looked at.
        case joins
        case asks
        case limited(Nanoseconds)
    }

    /// Whose bucket it is. Of IPv6 the network of /64, as for the rates of routes.
    struct Client: Sendable {
        let name: String
        fileprivate let address: IPAddress?

        init(_ session: LoginSession) {
            name = session.client
            address = session.address.map { IPAddress(high: $0.mapped.high, low: $0.mapped.low) }
        }
    }

    private struct State: ~Copyable {
        let digester: Digester
        var verdicts = VerdictCache<CredentialDigest>(capacity: LoginRecord.verdicts)
        var waiting: [CredentialDigest: [@Sendable (Bool?) -> Void]] = [:]
        var unlogged = 0
    }

    private let state: Mutex<State>
    private let failures: RateLimiter
    private let warnings: RateLimiter
    private let logger: Logger

    init(_ key: DigestKey, logger: Logger, seed: UInt64) {
        state = Mutex(State(digester: Digester(key)))
        failures = RateLimiter(.init(requests: 1, per: Self.refill, burst: Self.burst), seed: seed)
        warnings = RateLimiter(.init(requests: 1, per: .seconds(1), burst: Self.lines), seed: seed)
        self.logger = logger
    }

    func digest(_ attempt: LoginGate.Attempt, hash: [UInt8]) -> CredentialDigest {
        state.withLock { state in
            attempt.user.withUnsafeBytes { user in
                hash.withUnsafeBytes { hash in
                    attempt.password.withUnsafeBytes { state.digester.digest(user, hash, $0) }
                }
            }
        }
    }

    /// Takes a token, which is given back if the password is right.
    ///
    /// - Parameters:
    ///   - digest: `nil` for what cannot be a password at all.
    ///   - waiter: called with the verdict of what has to be looked at.
    func begin(
        _ digest: CredentialDigest?, _ client: Client, _ session: LoginSession, _ now: Instant,
        waiter: @escaping @Sendable (Bool?) -> Void
    ) -> Start {
        if let digest, session.proof == digest { return .known(true) }
        return state.withLock { state in
            if let digest, state.waiting[digest] != nil {
                state.waiting[digest]?.append(waiter)
                return .joins
            }
            if case .refused(let wait) = failures.admit(keyHash: key(client), now: now) { return .limited(wait) }
            guard let digest else { return .known(false) }
            switch state.verdicts.verdict(digest) {
            case true?:
                failures.giveBack(keyHash: key(client))
                return .known(true)
            case false?: return .known(false)
            case nil:
                state.waiting[digest] = [waiter]
                return .asks
            }
        }
    }

    /// - Parameter verdict: `nil` where there was no room to look at it.
    func judged(_ digest: CredentialDigest, _ client: Client, _ verdict: Bool?) {
        if verdict != false { failures.giveBack(keyHash: key(client)) }
        let waiters = state.withLock { state in
            if let verdict { state.verdicts.remember(digest, isRight: verdict) }
            return state.waiting.removeValue(forKey: digest) ?? []
        }
        for waiter in waiters { waiter(verdict) }
    }

    /// - Parameter user: a name that exists; what else a client writes there may be a password in the wrong field.
    func failed(_ client: Client, user: String?, _ now: Instant) {
        guard case .admitted = warnings.admit(keyHash: nil, now: now) else {
            state.withLock { $0.unlogged += 1 }
            return
        }
        let unlogged = state.withLock { state in
            defer { state.unlogged = 0 }
            return state.unlogged
        }
        let more = unlogged > 0 ? " (\(unlogged) more were not written down)" : ""
        logger.warning(
            "admin: a login from \(client.name) was refused: \(user.map { "wrong password of user '\($0)'" } ?? "no such user")\(more)"
        )
    }

    private func key(_ client: Client) -> UInt64? { client.address.map(failures.key) }
}
