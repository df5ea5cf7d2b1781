package import Base

/// How short memory is. What a level asks for holds at those above it as well.
package enum MemoryLevel: UInt8, Sendable, Comparable, CaseIterable {
    case normal
    /// It is looked at often.
    case watched
    /// Mirrors go: they are worth least.
    case tight
    /// New requests are refused and idle connections closed.
    case shedding
    /// New connections wait in the kernel: even refusing them would take memory.
    case closed

    package static func < (left: MemoryLevel, right: MemoryLevel) -> Bool { left.rawValue < right.rawValue }
}

/// Decides from what is in use how short memory is.
///
/// Below the limit by a margin before a level ends, so that it does not flap with every request that comes or goes.
package struct MemoryGuard: Sendable {
    /// Percent of the limit from which on a level holds. The default limit is 80 % of what the kernel allows, so `closed`
    /// begins at 96 % of that: to refuse somebody costs next to nothing, and is done as long as it can be.
    package static let thresholds: [(level: MemoryLevel, percent: Int)] = [
        (.watched, 70), (.tight, 90), (.shedding, 100), (.closed, 120),
    ]
    /// Percent of the limit that memory has to fall below a threshold.
    package static let margin = 5

    /// Until memory is looked at again. A crowd of uploads may take hundreds of megabytes a second.
    private static var relaxedInterval: Nanoseconds { .milliseconds(100) }
    private static var watchedInterval: Nanoseconds { .milliseconds(10) }

    /// Memory that stays in use so long though no request is in flight will not be given back by refusing more of them.
    package static var resignAfter: Nanoseconds { .seconds(3) }

    /// Bytes, above 0.
    package let limit: Int
    package private(set) var level = MemoryLevel.normal
    /// What stays in use whatever is refused; `nil` where that is not above the limit.
    package private(set) var floor: Int?
    private var stuckSince: Instant?

    /// More than any machine has, and far enough from what an integer holds.
    private static let mostBytes = 1 << 60

    package init(limit: Int) { self.limit = max(1, min(limit, Self.mostBytes)) }

    /// - Parameters:
    ///   - bytes: in use now.
    ///   - isBusy: some request is in flight or waits, and will give memory back when it ends.
    package mutating func observe(_ bytes: Int, isBusy: Bool, now: Instant) -> MemoryLevel {
        if bytes < share(100 - Self.margin) { floor = nil }
        level = floor.map { nextAbove($0, bytes) } ?? next(bytes)
        if level < .shedding || isBusy {
            stuckSince = nil
        } else if let since = stuckSince, now.since(since) >= Self.resignAfter {
            // To refuse everybody for ever would be worse than what may happen now.
            floor = bytes
            level = .tight
            stuckSince = nil
        } else if stuckSince == nil {
            stuckSince = now
        }
        return level
    }

    /// When to look again.
    package var interval: Nanoseconds { level < .watched ? Self.relaxedInterval : Self.watchedInterval }

    /// Bytes from which on mirrors go.
    package var tightAt: Int { share(90) }

    /// Bytes from which on new requests are refused.
    package var shedAt: Int { floor.map { $0 + share(Self.margin) } ?? limit }

    private func next(_ bytes: Int) -> MemoryLevel {
        var next = MemoryLevel.normal
        for (candidate, percent) in Self.thresholds {
            let needed = candidate <= level ? percent - Self.margin : percent
            if bytes >= share(needed) { next = candidate }
        }
        return next
    }

    /// The same, where the floor has taken the place of the limit.
    private func nextAbove(_ floor: Int, _ bytes: Int) -> MemoryLevel {
        let above = bytes - floor
        if above >= share(4 * Self.margin) { return .closed }
        return above >= share(level >= .shedding ? Self.margin / 2 : Self.margin) ? .shedding : .tight
    }

    private func share(_ percent: Int) -> Int { limit / 100 * percent + limit % 100 * percent / 100 }
}
