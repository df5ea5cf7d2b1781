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
}

/// Verifies passwords on threads of its own: slow hashes are slow on purpose.
///
/// The threads have a low priority, so that requests go first where the cores are short. Equal credentials that wait at the
/// same time are verified once.
package final class Verifier: Sendable {
    package let key = DigestKey()
    package typealias Completion = @Sendable (Bool?) -> Void

    /// Steps down from the loops' priority: with both busy on one core the verifier still gets about a tenth of it.
    private static let niceness: Int32 = 10
    /// Requests that may wait for verifications, in all. Each is a connection that is counted against its listener's limit
    /// too; many wait for the same password when a crowd of clients connects.
    private static let waiterLimit = 65_536

    private struct State {
        var queue = VerifyQueue<[UInt8], Verification>()
        var waiters: [CredentialDigest: [Completion]] = [:]
        var waiterCount = 0
    }

    private let state = Mutex(State())
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
        available.wait()
        guard let job = state.withLock({ $0.queue.next() }) else { return }
        let verdict = job.password.withUnsafeBytes { PasswordHash.verify(password: $0, against: job.hash) }
        let waiters = state.withLock { state in
            let waiters = state.waiters.removeValue(forKey: job.digest) ?? []
            state.waiterCount -= waiters.count
            return waiters
        }
        for waiter in waiters { waiter(verdict) }
    }
}
