import Base
import Configuration
import Glibc
import Synchronization
import Testing

@testable import Traffic

struct RateLimiterTests {
    static let start = TokenBucketTests.start

    static func limiter(_ requests: Int, burst: Int, seed: UInt64 = 1) -> RateLimiter {
        RateLimiter(Route.RateLimit(requests: requests, per: .seconds(1), burst: burst), seed: seed)
    }

    @Test func everyKeyHasItsBucketAndThoseWithoutShareOne() {
        let limiter = Self.limiter(1, burst: 2)
        for key in [nil, 0, 1, 2, UInt64.max] as [UInt64?] {
            #expect(limiter.admit(keyHash: key, now: Self.start) == .admitted)
            #expect(limiter.admit(keyHash: key, now: Self.start) == .admitted)
            #expect(limiter.admit(keyHash: key, now: Self.start) == .refused(retryAfter: .seconds(1)))
        }
        #expect(limiter.admit(keyHash: nil, now: Self.start + .seconds(1)) == .admitted)
        #expect(limiter.evictions == 0)
    }

    @Test func keysDependOnTheSeed() {
        let (one, other) = (Self.limiter(1, burst: 1, seed: 1), Self.limiter(1, burst: 1, seed: 2))
        raw("10.0.0.1").withUnsafeBytes {
            #expect(one.key($0) == one.key($0))
            #expect(one.key($0) != other.key($0))
        }
    }

    /// What turned out not to count is as if it had never been asked for.
    @Test(arguments: [nil, 3] as [UInt64?]) func tokensThatComeBack(_ key: UInt64?) {
        let limiter = RateLimiter(.init(requests: 1, per: .seconds(2), burst: 5), seed: 1)
        let now = Instant(nanoseconds: 1_000_000_000_000)
        for _ in 0..<100 {
            #expect(limiter.admit(keyHash: key, now: now) == .admitted)
            limiter.giveBack(keyHash: key)
        }
        for _ in 0..<5 { #expect(limiter.admit(keyHash: key, now: now) == .admitted) }
        #expect(limiter.admit(keyHash: key, now: now) == .refused(retryAfter: .seconds(2)))
        limiter.giveBack(keyHash: key)
        #expect(limiter.admit(keyHash: key, now: now) == .admitted)
        #expect(limiter.admit(keyHash: key, now: now) != .admitted)
        // More than were taken make no room for more than there are.
        for _ in 0..<20 { limiter.giveBack(keyHash: key) }
        for _ in 0..<5 { #expect(limiter.admit(keyHash: key, now: now) == .admitted) }
        #expect(limiter.admit(keyHash: key, now: now) != .admitted)
    }

    /// RFC 4291 section 2.5.4.
    @Test func networksOfAddresses() throws {
        let limiter = RateLimiter(.init(requests: 1, per: .seconds(1), burst: 1), seed: 1)
        func key(_ text: String) throws -> UInt64 { limiter.key(try #require(IPAddress(text))) }
        #expect(try key("2001:db8::1") == key("2001:db8::ffff:1:2:3"))
        #expect(try key("2001:db8::1") != key("2001:db8:0:1::1"))
        #expect(try key("192.0.2.1") != key("192.0.2.2"))
    }

    /// Twenty thousand keys are told apart, and hardly any has to leave.
    @Test func manyKeys() {
        let limiter = Self.limiter(1, burst: 1)
        for key in 0..<20_000 as Range<UInt64> { #expect(limiter.admit(keyHash: key, now: Self.start) == .admitted) }
        let again = (0..<20_000 as Range<UInt64>).count { limiter.admit(keyHash: $0, now: Self.start) == .admitted }
        #expect(again == 0)
        #expect(limiter.evictions < 10)
    }

    /// Who fills the table takes nothing from anybody: whoever is new has a full bucket, and one only.
    @Test func aFloodOfKeys() {
        let limiter = Self.limiter(1, burst: 2)
        let flood: Range<UInt64> = 0..<200_000
        #expect(flood.allSatisfy { limiter.admit(keyHash: $0, now: Self.start) == .admitted })
        #expect(limiter.evictions > 100_000)
        let stranger = (0..<4).count { _ in limiter.admit(keyHash: 999_999_999, now: Self.start) == .admitted }
        #expect(stranger == 2)
    }

    /// Whose bucket is nearest to full has to leave.
    @Test func theOneThatLosesLeastLeaves() {
        let limiter = Self.limiter(1, burst: 100)
        let busy = (0..<1000 as Range<UInt64>).map { $0 }
        for _ in 0..<50 { for key in busy { _ = limiter.admit(keyHash: key, now: Self.start) } }
        for key in 10_000..<110_000 as Range<UInt64> { _ = limiter.admit(keyHash: key, now: Self.start) }
        #expect(limiter.evictions > 10_000)
        for key in busy {
            let left = (0..<100).count { _ in limiter.admit(keyHash: key, now: Self.start) == .admitted }
            #expect(left == 50)
        }
    }

    /// Threads that ask as fast as they can, on one bucket and on a few, admit exactly the burst, and later what came.
    @Test(arguments: [nil, 3] as [UInt64?]) func threads(_ key: UInt64?) {
        let limiter = Self.limiter(1000, burst: 500)
        #expect(Self.admitted(limiter, key, Self.start) == 500)
        #expect(Self.admitted(limiter, key, Self.start + .milliseconds(100)) == 100)
        #expect(Self.admitted(limiter, key, Self.start + .milliseconds(100)) == 0)
        #expect(Self.admitted(limiter, key, Self.start + .seconds(100)) == 500)
    }

    /// Threads that bring the same new keys at once, to a table with room: none gets two buckets.
    @Test func threadsWithNewKeys() {
        let limiter = Self.limiter(1, burst: 1)
        let admitted = Threads.sum(4) { _ in
            (0..<5000 as Range<UInt64>).count { limiter.admit(keyHash: $0, now: Self.start) == .admitted }
        }
        #expect(admitted <= 5000)
        #expect(admitted >= 4990)
    }

    private static func admitted(_ limiter: RateLimiter, _ key: UInt64?, _ now: Instant) -> Int {
        Threads.sum(4) { _ in (0..<5000).count { _ in limiter.admit(keyHash: key, now: now) == .admitted } }
    }
}

/// Real threads, because tasks may all run on one.
private enum Threads {
    private final class Work: Sendable {
        let body: @Sendable (Int) -> Int
        let index: Int
        let result = Atomic<Int>(0)

        init(_ index: Int, _ body: @escaping @Sendable (Int) -> Int) {
            self.index = index
            self.body = body
        }
    }

    /// The sum of what `count` threads return.
    static func sum(_ count: Int, _ body: @escaping @Sendable (Int) -> Int) -> Int {
        let work = (0..<count).map { Work($0, body) }
        let threads = work.map { work in
            var thread = pthread_t()
            let started = pthread_create(
                &thread, nil,
                { argument in
                    guard let argument else { return nil }
                    let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
                    work.result.store(work.body(work.index), ordering: .sequentiallyConsistent)
                    return nil
                }, Unmanaged.passRetained(work).toOpaque())
            #expect(started == 0)
            return thread
        }
        for thread in threads { pthread_join(thread, nil) }
        return work.reduce(0) { $0 + $1.result.load(ordering: .sequentiallyConsistent) }
    }
}
