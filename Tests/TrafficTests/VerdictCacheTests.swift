import Testing
import Traffic

struct VerdictCacheTests {
    @Test func remembersBothKinds() {
        var cache = VerdictCache<Int>(capacity: 10)
        #expect(cache.verdict(1) == nil)
        cache.remember(1, isRight: true)
        cache.remember(2, isRight: false)
        #expect([1, 2, 3].map { cache.verdict($0) } == [true, false, nil])
    }

    /// Two generations, so between once and twice the capacity, of the latest.
    @Test(arguments: [1, 2, 10, 100]) func forgetsTheOldest(_ capacity: Int) {
        for isRight in [true, false] {
            var cache = VerdictCache<Int>(capacity: capacity)
            for digest in 0..<(capacity * 7) {
                cache.remember(digest, isRight: isRight)
                // Asked of a copy, for asking keeps an entry alive.
                var copy = cache
                let known = (0...digest).filter { copy.verdict($0) != nil }
                #expect(known.count <= 2 * capacity)
                #expect(known.count >= min(digest + 1, capacity))
                var fresh = cache
                #expect(fresh.verdict(digest) == isRight)
            }
        }
    }

    @Test func keepsWhatIsInUse() {
        var cache = VerdictCache<Int>(capacity: 8)
        cache.remember(-1, isRight: true)
        for digest in 0..<1000 {
            cache.remember(digest, isRight: true)
            if digest % 8 == 7 { #expect(cache.verdict(-1) == true, "after \(digest)") }
        }
        #expect(cache.verdict(0) == nil)
    }

    @Test func aFloodOfWrongOnesLeavesTheRightOnesAlone() {
        var cache = VerdictCache<Int>(capacity: 8)
        for digest in 0..<8 { cache.remember(digest, isRight: true) }
        for digest in 1000..<100_000 { cache.remember(digest, isRight: false) }
        for digest in 0..<8 { #expect(cache.verdict(digest) == true) }
        #expect(cache.verdict(1000) == nil)
        #expect(cache.verdict(99_999) == false)
    }

    @Test func rememberingTwiceTakesOnePlace() {
        var cache = VerdictCache<Int>(capacity: 4)
        cache.remember(1, isRight: true)
        cache.remember(2, isRight: true)
        for _ in 0..<100 { #expect([1, 2].allSatisfy { cache.verdict($0) == true }) }
        for _ in 0..<100 { cache.remember(1, isRight: true) }
        #expect(cache.verdict(2) == true)
    }
}
