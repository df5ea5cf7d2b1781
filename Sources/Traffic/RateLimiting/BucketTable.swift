import Glibc
import Synchronization

/// Buckets by key, a fixed number of them, shared by all loops without a lock.
///
/// A key belongs to one of 4096 sets and takes any of the set's 16 places. In a full set it takes the place whose bucket is
/// nearest to full, and fills it. A place that is full of tokens is as good as a new one, so anything is forgotten only where
/// a set has more keys than places within the time that a used bucket takes to fill. Who can bring so many keys is not held
/// by a limit for each of them anyway; that such a flood left strangers with empty buckets would be worse.
///
/// Where two loops bring the same new key to a full set at once it may get two places, of which the first counts from
/// then on. So each such meeting admits one request too many at most.
///
/// 1 MiB, of which the kernel gives what is touched, from the first key on.
final class BucketTable: Sendable {
    /// Clients that are told apart at the same time: above what one gateway serves, and in memory that does not count.
    static let capacity = 65_536
    /// With 16, of 32,768 keys one in 1200 finds its set full; with 8 it would be one in 120. They are two cache lines.
    static let setSize = 16
    private static let setCount = capacity / setSize

    private typealias Words = UnsafeMutablePointer<Atomic<UInt64>>
    /// The address of the sets, 0 until the first key comes. Each is `setSize` keys, 0 for none, and their buckets.
    private let memory = Atomic<UInt>(0)
    private let evicted = Atomic<Int>(0)

    var evictions: Int { evicted.load(ordering: .relaxed) }

    deinit { free(UnsafeMutableRawPointer(bitPattern: memory.load(ordering: .acquiring))) }

    /// Calls `body` with the bucket of a key, which is full if it is new.
    ///
    /// - Parameter key: evenly distributed; that of 0 is shared with that of 1.
    func withBucket<Result>(of key: UInt64, _ body: (borrowing Atomic<UInt64>) -> Result) -> Result {
        let key = max(key, 1)
        let set = sets() + Int(truncatingIfNeeded: key >> 52) &* (2 &* Self.setSize)
        return body(set[Self.setSize &+ place(of: key, in: set)])
    }

    private func place(of key: UInt64, in set: Words) -> Int {
        while true {
            var place = 0
            while place < Self.setSize {
                var owner = set[place].load(ordering: .relaxed)
                if owner == 0 {
                    // No place is given up again, so whoever brings the same key at this moment comes to this one too.
                    let (exchanged, found) = set[place].compareExchange(
                        expected: 0, desired: key, ordering: .relaxed)
                    if exchanged { return place }
                    owner = found
                }
                if owner == key { return place }
                place &+= 1
            }
            var fullest = 0
            var least = UInt64.max
            for place in 0..<Self.setSize {
                let bucket = set[Self.setSize &+ place].load(ordering: .relaxed)
                if bucket < least { (fullest, least) = (place, bucket) }
            }
            let owner = set[fullest].load(ordering: .relaxed)
            let (exchanged, _) = set[fullest].compareExchange(expected: owner, desired: key, ordering: .relaxed)
            if exchanged {
                set[Self.setSize &+ fullest].store(TokenBucket.full, ordering: .relaxed)
                evicted.add(1, ordering: .relaxed)
                return fullest
            }
            // Somebody else has taken it, perhaps for the same key.
        }
    }

    private func sets() -> Words {
        if let made = Words(bitPattern: memory.load(ordering: .acquiring)) { return made }
        // Never fails under Linux's default overcommit; without memory there is nothing left to do.
        guard let fresh = calloc(2 * Self.capacity, MemoryLayout<Atomic<UInt64>>.stride) else {
            preconditionFailure("out of memory")
        }
        let (exchanged, found) = memory.compareExchange(
            expected: 0, desired: UInt(bitPattern: fresh), ordering: .acquiringAndReleasing)
        if !exchanged { free(fresh) }
        // Zero bytes are words of 0.
        return (Words(bitPattern: found) ?? fresh.bindMemory(to: Atomic<UInt64>.self, capacity: 2 * Self.capacity))
    }
}
