import Base
package import Credentials
import Dispatch
import EventLoop
import Synchronization
import Traffic

/// A password to be looked at, away from the loops.
package struct Verification: Sendable {
    var digest: CredentialDigest
    var user: [UInt8]
    var password: [UInt8]
    var hash: String
    /// The client's address without port.
    var client: [UInt8]

    package init(digest: CredentialDigest, user: [UInt8], password: [UInt8], hash: String, client: [UInt8]) {
        self.digest = digest
        self.user = user
        self.password = password
        self.hash = hash
        self.client = client
    }
}

/// Verifies passwords on threads of its own: slow hashes are slow on purpose.
///
/// The threads have a low priority, so that requests go first where the cores are short. Equal credentials that wait at the
/// same time are verified once.
package final class Verifier: Sendable {
    package let key = DigestKey()
    package typealias Completion = @Sendable (Bool?) -> Void

    /// Steps down from the loops' priority: far enough that a loop that wakes up takes the core at once, and with both busy
    /// on one core the verifier still gets about a thirtieth of it.
    private static let niceness: Int32 = 15
    /// A wrong password costs its address this many times what it cost to find out, so that one guesser takes a fifth of a
    /// thread at most; a user who mistypes does not notice.
    private static let restFactor: UInt64 = 4
    private static let longestRest = Nanoseconds.seconds(1)
    /// Requests that may wait for verifications, in all. Each is a connection that is counted against its listener's limit
    /// too; many wait for the same password when a crowd of clients connects.
    private static let waiterLimit = 65_536

    private struct State {
        var queue = VerifyQueue<[UInt8], Verification>()
        var waiters: [CredentialDigest: [Completion]] = [:]
        var waiterCount = 0
    }

    private let state = Mutex(State())
    /// Signalled when something was queued; a thread that wakes for nothing just looks again.
    private let available = DispatchSemaphore(value: 0)

    /// - Parameter threads: verifications at the same time; half the cores leave the other half to the loops.
    package init(threads: Int) {
        for index in 0..<max(1, threads) {
            DispatchQueue(label: "sluice.verifier.\(index)").async { [self] in
                Thread.lowerPriority(Self.niceness)
                while true { verifyNext() }
            }
        }
    }

    /// Requests waiting now.
    package var waiting: Int { state.withLock { $0.waiterCount } }

    /// - Parameter completion: called on another thread with the verdict, or with `nil` when there was no room; at once then.
    package func submit(_ job: Verification, completion: @escaping Completion) {
        var refused: [Completion] = []
        let accepted = state.withLock { state in
            guard state.waiterCount < Self.waiterLimit else { return Accepted.no }
            if state.waiters[job.digest] != nil {
                state.waiters[job.digest]?.append(completion)
                state.waiterCount += 1
                return .joined
            }
            var displaced: Verification?
            guard state.queue.add(job, from: job.client, user: job.user, displacing: &displaced) else { return .no }
            if let displaced, let waiters = state.waiters.removeValue(forKey: displaced.digest) {
                state.waiterCount -= waiters.count
                refused = waiters
            }
            state.waiters[job.digest] = [completion]
            state.waiterCount += 1
            return .queued
        }
        switch accepted {
        case .no: completion(nil)
        case .joined: break
        case .queued: available.signal()
        }
        for waiter in refused { waiter(nil) }
    }

    private enum Accepted { case no, joined, queued }

    private func verifyNext() {
        let now = Instant.now()
        switch state.withLock({ $0.queue.next(now: now) }) {
        case .empty: available.wait()
        case .wait(let end):
            let pause = DispatchTimeInterval.nanoseconds(Int(clamping: end.since(now).count))
            _ = available.wait(timeout: .now() + pause)
        case .job(let job): verify(job)
        }
    }

    private func verify(_ job: Verification) {
        let started = Instant.now()
        let verdict = job.password.withUnsafeBytes { PasswordHash.verify(password: $0, against: job.hash) }
        let ended = Instant.now()
        let rest = Nanoseconds(min(ended.since(started).count &* Self.restFactor, Self.longestRest.count))
        let waiters = state.withLock { state in
            if !verdict { state.queue.rest(job.client, until: ended + rest, now: ended) }
            let waiters = state.waiters.removeValue(forKey: job.digest) ?? []
            state.waiterCount -= waiters.count
            return waiters
        }
        for waiter in waiters { waiter(verdict) }
    }
}
