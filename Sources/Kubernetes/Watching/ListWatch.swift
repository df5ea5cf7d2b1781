package import Base

/// The objects of one list as Kubernetes keeps them: listed once, and then watched for changes
/// (kubernetes.io/docs/reference/using-api/api-concepts: efficient detection of changes).
///
/// What was listed stays in force until a newer list is complete, however long the API is away.
package struct ListWatch<Object: WatchedObject>: Sendable {
    /// What to do next.
    package enum Step: Sendable, Equatable {
        /// - Parameter next: the page to go on with; `nil` begins anew.
        case list(next: String?)
        case watch(resourceVersion: String)
        case wait(Nanoseconds)
    }

    /// Kept at the most; those beyond are left out.
    package let limit: Int
    package private(set) var objects: [ObjectKey: Object] = [:]
    /// There has been a complete list.
    package private(set) var isListed = false
    /// There were more than `limit`.
    package private(set) var isCut = false

    private var arriving: [ObjectKey: Object] = [:]
    private var isArrivingCut = false
    private var arrivingPages = 0
    private var resourceVersion = ""
    private var watchedSince = Instant(nanoseconds: 0)
    /// In a row, without anything good in between.
    private var failures = 0

    /// Objects of one page: answers of a few megabytes at the most.
    package static var pageSize: Int { 500 }
    /// The first pause after a failure; each further one is twice as long.
    static var shortestPause: Nanoseconds { .milliseconds(500) }
    /// Short enough to notice soon that the API is back, and no load for it.
    static var longestPause: Nanoseconds { .seconds(30) }
    /// A watch that ends sooner was no good, whatever it ended with.
    static var goodWatch: Nanoseconds { .seconds(5) }

    package init(limit: Int) { self.limit = limit }

    // MARK: Lists

    /// - Parameter changed: set where the objects are others than before.
    package mutating func listed(_ page: ListPage<Object>, changed: inout Bool) -> Step {
        arrivingPages += 1
        for object in page.items {
            guard arriving[object.metadata.key] != nil || arriving.count < limit else {
                isArrivingCut = true
                break
            }
            arriving[object.metadata.key] = object
        }
        // Whatever else is on further pages is not kept. Pages without end are not followed.
        if let next = page.next, !isArrivingCut, arrivingPages <= limit / Self.pageSize + 1 { return .list(next: next) }
        changed = arriving != objects || !isListed
        objects = arriving
        isCut = isArrivingCut
        isListed = true
        resourceVersion = page.resourceVersion
        forgetArriving()
        return .watch(resourceVersion: resourceVersion)
    }

    // MARK: Watches

    package mutating func watchBegins(now: Instant) { watchedSince = now }

    /// - Parameter changed: set where the objects are others than before.
    /// - Returns: what ends the watch; `nil` while all is well.
    package mutating func received(
        _ event: WatchEvent<Object>, changed: inout Bool, random: inout RandomSource
    ) -> Step? {
        switch event {
        case .present(let object):
            progress(object.metadata.resourceVersion)
            let key = object.metadata.key
            guard objects[key] != nil || objects.count < limit else {
                isCut = true
                return nil
            }
            guard objects[key] != object else { return nil }
            objects[key] = object
            changed = true
        case .deleted(let metadata):
            progress(metadata.resourceVersion)
            if objects.removeValue(forKey: metadata.key) != nil { changed = true }
        case .bookmark(let version): progress(version)
        case .error(let status): return failed(isExpired: status.isExpired, random: &random)
        case .other: break
        }
        return nil
    }

    private mutating func progress(_ version: String) {
        failures = 0
        if !version.isEmpty { resourceVersion = version }
    }

    /// The server has ended a watch, as it does after the time that was asked for, or the connection broke.
    package mutating func watchEnded(now: Instant, random: inout RandomSource) -> Step {
        guard now.since(watchedSince) >= Self.goodWatch else { return pause(&random) }
        failures = 0
        // Among those that were left out may be some that there is room for now.
        return isCut ? .list(next: nil) : .watch(resourceVersion: resourceVersion)
    }

    /// What comes after a pause.
    package func resumed() -> Step {
        resourceVersion.isEmpty ? .list(next: nil) : .watch(resourceVersion: resourceVersion)
    }

    // MARK: Failures

    /// A list or watch was answered with something else, or not at all.
    ///
    /// - Parameter isExpired: what was asked to be gone on from is known no more (410 Gone).
    package mutating func failed(isExpired: Bool, random: inout RandomSource) -> Step {
        forgetArriving()
        if isExpired { resourceVersion = "" }
        // The first time that is nothing unusual.
        if isExpired, failures == 0 {
            failures = 1
            return .list(next: nil)
        }
        return pause(&random)
    }

    private mutating func forgetArriving() {
        arriving = [:]
        isArrivingCut = false
        arrivingPages = 0
    }

    /// Half of the pause to one and a half, so that many gateways do not come back at once.
    private mutating func pause(_ random: inout RandomSource) -> Step {
        let doubled = Self.shortestPause.count << UInt64(min(failures, 10))
        failures += 1
        let pause = min(doubled, Self.longestPause.count)
        return .wait(Nanoseconds(pause / 2 + random.next() % pause))
    }
}
