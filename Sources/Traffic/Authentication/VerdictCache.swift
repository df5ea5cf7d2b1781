/// Remembers what the verification of a credential came to, under a keyed digest of everything the verdict depends on.
///
/// Two generations: when the young one is full it becomes the old one, and what is used again moves over. So the cache is
/// bounded, keeps what is in use, and forgets the rest. Right and wrong credentials are kept apart, for wrong ones are free
/// to invent and would push the right ones out.
///
/// Inlinable, so that it is compiled for its digest where it is used: a request with a password looks here once.
@usableFromInline package struct VerdictCache<Digest: Hashable & Sendable>: Sendable {
    @usableFromInline
    struct Generations: Sendable {
        @usableFromInline var young: Set<Digest> = []
        @usableFromInline var old: Set<Digest> = []
        @usableFromInline let capacity: Int

        init(capacity: Int) { self.capacity = capacity }

        @inlinable @inline(__always)
        mutating func contains(_ digest: Digest) -> Bool {
            if young.contains(digest) { return true }
            guard old.contains(digest) else { return false }
            insert(digest)
            return true
        }

        @inlinable @inline(__always)
        mutating func insert(_ digest: Digest) {
            if young.count >= capacity {
                old = young
                young.removeAll(keepingCapacity: true)
            }
            young.insert(digest)
        }
    }

    @usableFromInline var right: Generations
    @usableFromInline var wrong: Generations

    /// - Parameter capacity: verdicts of each kind in a generation.
    package init(capacity: Int = 8192) {
        right = Generations(capacity: capacity)
        wrong = Generations(capacity: capacity)
    }

    /// The known verdict, or `nil`.
    @inlinable @inline(__always)
    package mutating func verdict(_ digest: Digest) -> Bool? {
        if right.contains(digest) { return true }
        return wrong.contains(digest) ? false : nil
    }

    @inlinable @inline(__always)
    package mutating func remember(_ digest: Digest, isRight: Bool) {
        if isRight { right.insert(digest) } else { wrong.insert(digest) }
    }
}
