import Base
import Configuration
import Testing

@testable import Traffic

struct TokenBucketTests {
    static let start = Instant(nanoseconds: 5_000_000_000_000)

    static func limit(_ requests: Int, per: Duration, burst: Int) -> Route.RateLimit {
        Route.RateLimit(requests: requests, per: per, burst: burst)
    }

    @Test func aBurstThenTheRate() {
        let bucket = TokenBucket(Self.limit(10, per: .seconds(1), burst: 3))
        var state = TokenBucket.full
        var now = Self.start
        for _ in 0..<3 { #expect(Self.take(bucket, &state, now) == nil) }
        #expect(Self.take(bucket, &state, now) == .milliseconds(100))
        now = now + .milliseconds(99)
        #expect(Self.take(bucket, &state, now) == .milliseconds(1))
        now = now + .milliseconds(1)
        #expect(Self.take(bucket, &state, now) == nil)
        #expect(Self.take(bucket, &state, now) == .milliseconds(100))
        // Three are saved up, however long nobody comes.
        now = now + .seconds(3600)
        for _ in 0..<3 { #expect(Self.take(bucket, &state, now) == nil) }
        #expect(Self.take(bucket, &state, now) != nil)
    }

    /// The corners of what a file may say.
    @Test(arguments: [1, 7, 1_000_000, 1_000_000_000], [Duration.milliseconds(1), .seconds(1), .seconds(86_400)])
    func burstsAreExact(_ requests: Int, _ period: Duration) {
        for burst in [1, 2, 1000] {
            let bucket = TokenBucket(Self.limit(requests, per: period, burst: burst))
            var state = TokenBucket.full
            for _ in 0..<burst { #expect(Self.take(bucket, &state, Self.start) == nil) }
            let wait = Self.take(bucket, &state, Self.start)
            let exact = Double(Nanoseconds(period).count) / Double(requests)
            // Up to the next nanosecond, or count where a bucket takes years to fill.
            #expect(
                wait.map { abs(Double($0.count) - exact) <= 1 + exact * 1e-6 } == true, "\(String(describing: wait))")
            #expect(wait.flatMap { Self.take(bucket, &state, Self.start + $0) } == nil)
        }
    }

    /// A bucket that takes 2.7 million years to fill is as deep as it says.
    @Test func theDeepestBucket() throws {
        let bucket = TokenBucket(Self.limit(1, per: .seconds(86_400), burst: 1_000_000_000))
        guard case .admitted(let first) = bucket.take(from: TokenBucket.full, now: Self.start),
            case .admitted(let second) = bucket.take(from: first, now: Self.start)
        else {
            Issue.record("refused")
            return
        }
        let token = second - first
        // As if all but one were gone.
        var state = second + token * (1_000_000_000 - 3)
        #expect(Self.take(bucket, &state, Self.start) == nil)
        let wait = try #require(Self.take(bucket, &state, Self.start))
        #expect(abs(Double(wait.count) - 86_400e9) < 1e9)
    }

    @Test(arguments: [0, 1, 1 << 58, 1 << 62, 1 << 63, .max] as [UInt64])
    func anyClockReading(_ nanoseconds: UInt64) {
        for burst in [1, 1_000_000_000] {
            for (requests, period) in [(1, Duration.seconds(86_400)), (1_000_000_000, .milliseconds(1))] {
                let bucket = TokenBucket(Self.limit(requests, per: period, burst: burst))
                var state = TokenBucket.full
                for _ in 0..<3 { _ = Self.take(bucket, &state, Instant(nanoseconds: nanoseconds)) }
                // A clock that is behind, as another loop's may be.
                _ = Self.take(bucket, &state, Instant(nanoseconds: 0))
            }
        }
    }

    /// Over any span no more than a burst and what the span brings, however the requests come.
    @Test(arguments: 0..<32) func neverTooMany(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let requests = 1 + Int(random.below(1000))
        let burst = 1 + Int(random.below(50))
        let bucket = TokenBucket(Self.limit(requests, per: .seconds(1), burst: burst))
        let interval = 1e9 / Double(requests)
        var state = TokenBucket.full
        var now = Self.start
        var admitted: [UInt64] = []
        for _ in 0..<2000 {
            now = now + Nanoseconds(UInt64(random.below(UInt32(2 * interval))))
            if Self.take(bucket, &state, now) == nil { admitted.append(now.nanoseconds) }
        }
        for first in stride(from: 0, to: admitted.count, by: 7) {
            for last in first..<admitted.count {
                let span = Double(admitted[last] - admitted[first])
                #expect(Double(last - first + 1) <= Double(burst) + span / interval + 0.01)
            }
        }
        // And no fewer: all that the span has brought has been used up, but for what is in the bucket.
        let whole = Double(now.nanoseconds - Self.start.nanoseconds) / interval
        #expect(Double(admitted.count) >= min(whole, 2000) * 0.5)
    }

    /// Loops that read, decide and exchange in any order, with clocks a little apart.
    @Test(arguments: 0..<64) func anyInterleaving(_ seed: UInt64) {
        struct Caller {
            var seen: UInt64?
            var lag: UInt64
        }
        var random = RandomSource(seed: seed)
        let bucket = TokenBucket(Self.limit(100, per: .seconds(1), burst: 5))
        var word = TokenBucket.full
        var callers = (0..<8).map { _ in Caller(lag: UInt64(random.below(3_000_000))) }
        var now = Self.start
        var admitted = 0
        for _ in 0..<20_000 {
            now = now + Nanoseconds(UInt64(random.below(100_000)))
            let index = Int(random.below(8))
            let caller = callers[index]
            let clock = Instant(nanoseconds: now.nanoseconds - caller.lag)
            guard let seen = caller.seen else {
                callers[index].seen = word
                continue
            }
            switch bucket.take(from: seen, now: clock) {
            case .refused: callers[index].seen = nil
            case .admitted(let next):
                // The exchange: whoever finds the word changed looks again.
                if word == seen {
                    word = next
                    admitted += 1
                    callers[index].seen = nil
                } else {
                    callers[index].seen = word
                }
            }
        }
        let brought = Double(now.nanoseconds - Self.start.nanoseconds) / 10e6
        #expect(Double(admitted) <= 5 + brought + 1)
        #expect(Double(admitted) >= brought - 1)
    }

    /// - Returns: how long to wait; `nil` if it was admitted.
    private static func take(_ bucket: TokenBucket, _ state: inout UInt64, _ now: Instant) -> Nanoseconds? {
        switch bucket.take(from: state, now: now) {
        case .admitted(let next):
            state = next
            return nil
        case .refused(let retryAfter): return retryAfter
        }
    }
}
