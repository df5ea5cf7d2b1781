/// Remembers what the verification of a credential came to, under a keyed digest of everything the verdict depends on.
///
/// Two generations: when the young one is full it becomes the old one, and what is used again moves over. So the cache is
/// bounded, keeps what is in use, and forgets the rest. Right and wrong credentials are kept apart, for wrong ones are free
/// to invent and would push the right ones out.
package struct VerdictCache<Digest: Hashable & Sendable>: Sendable {
    private struct Generations {
        var young: Set<Digest> = []
        var old: Set<Digest> = []
        let capacity: Int

        mutating func contains(_ digest: Digest) -> Bool {
            if young.contains(digest) { return true }
            guard old.contains(digest) else { return false }
            insert(digest)
            return true
        }

        mutating func insert(_ digest: Digest) {
            if young.count >= capacity {
                old = young
                young.removeAll(keepingCapacity: true)
            }
            young.insert(digest)
        }
    }

    private var right: Generations
    private var wrong: Generations

    /// - Parameter capacity: verdicts of each kind in a generation.
    package init(capacity: Int = 8192) {
        right = Generations(capacity: capacity)
        wrong = Generations(capacity: capacity)
    }

    /// The known verdict, or `nil`.
    package mutating func verdict(_ digest: Digest) -> Bool? {
        if right.contains(digest) { return true }
        return wrong.contains(digest) ? false : nil
    }

    package mutating func remember(_ digest: Digest, isRight: Bool) {
        if isRight { right.insert(digest) } else { wrong.insert(digest) }
    }
}
