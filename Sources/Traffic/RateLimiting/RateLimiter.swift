package import Base
package import Configuration
import Synchronization

/// The rate limit of one route, shared by all loops without a lock: what each key has left is one word, taken from by
/// compare-and-exchange. However many loops ask at once, no more is admitted than one loop would have (`TokenBucket`);
/// only their clock readings may differ.
///
/// Buckets of keys are in a table of fixed size (`BucketTable`); without a key there is one bucket for all.
package final class RateLimiter: Sendable {
    package enum Admission: Equatable, Sendable {
        case admitted
        /// Until there is one token again. Others may take it first.
        case refused(retryAfter: Nanoseconds)
    }

    private let bucket: TokenBucket
    private let seed: UInt64
    private let shared = Atomic<UInt64>(TokenBucket.full)
    private let table = BucketTable()

    /// - Parameter seed: random and of this limiter alone, so that nobody can find keys that meet in the table.
    package init(_ limit: Route.RateLimit, seed: UInt64) {
        bucket = TokenBucket(limit)
        self.seed = seed
    }

    /// What `admit` knows a client by: a hash of its name, address or the like.
    package func key(_ bytes: UnsafeRawBufferPointer) -> UInt64 { KeyHash.hash(bytes, seed: seed) }

    /// What `admit` knows an address by. A client that has one IPv6 address has a network of 2^64 of them (RFC 4291 section
    /// 2.5.4), and is one client.
    package func key(_ address: IPAddress) -> UInt64 {
        withUnsafeBytes(of: address.isIPv4 ? address.low : address.high) { key($0) }
    }

    /// Takes a token, if there is one.
    ///
    /// - Parameter keyHash: from `key`; `nil` for what has none.
    package func admit(keyHash: UInt64?, now: Instant) -> Admission {
        guard let keyHash else { return take(from: shared, now) }
        return table.withBucket(of: KeyHash.mix(keyHash ^ seed)) { take(from: $0, now) }
    }

    /// Puts a token back that `admit` has taken, for what turned out not to count.
    package func giveBack(keyHash: UInt64?) {
        guard let keyHash else { return giveBack(to: shared) }
        table.withBucket(of: KeyHash.mix(keyHash ^ seed)) { giveBack(to: $0) }
    }

    private func giveBack(to word: borrowing Atomic<UInt64>) {
        var seen = word.load(ordering: .relaxed)
        while true {
            let (exchanged, found) = word.weakCompareExchange(
                expected: seen, desired: bucket.returning(to: seen), ordering: .relaxed)
            if exchanged { return }
            seen = found
        }
    }

    /// Keys that had to leave the table for others.
    package var evictions: Int { table.evictions }

    private func take(from word: borrowing Atomic<UInt64>, _ now: Instant) -> Admission {
        // What is ordered by this word is this word alone.
        var seen = word.load(ordering: .relaxed)
        while true {
            switch bucket.take(from: seen, now: now) {
            case .refused(let retryAfter): return .refused(retryAfter: retryAfter)
            case .admitted(let next):
                let (exchanged, found) = word.weakCompareExchange(expected: seen, desired: next, ordering: .relaxed)
                if exchanged { return .admitted }
                seen = found
            }
        }
    }
}
