import Base
import Foundation
import Testing

@testable import Kubernetes

@Suite struct ListWatchTests {
    private typealias Pods = ListWatch<MetadataOnly>

    private static func page(_ names: [String], version: String = "10", next: String? = nil) throws
        -> ListPage<MetadataOnly>
    {
        let items = names.map { "{\"metadata\":{\"name\":\"\($0)\",\"namespace\":\"ml\"}}" }.joined(separator: ",")
        let more = next.map { ",\"continue\":\"\($0)\"" } ?? ""
        return try decode("{\"metadata\":{\"resourceVersion\":\"\(version)\"\(more)},\"items\":[\(items)]}")
    }

    private static func decode<Value: Decodable>(_ text: String) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(text.utf8))
    }

    private static func event(_ type: String, _ name: String, _ version: String) throws -> WatchEvent<MetadataOnly> {
        try decode(
            "{\"type\":\"\(type)\",\"object\":{\"metadata\":{\"name\":\"\(name)\",\"namespace\":\"ml\",\"resourceVersion\":\"\(version)\"}}}"
        )
    }

    private static let second = Nanoseconds.seconds(1)
    private static let start = Instant(nanoseconds: 1_000_000_000_000)

    private static func names(_ pods: Pods) -> [String] { pods.objects.keys.map(\.name).sorted() }

    @Test func aListOfSeveralPagesIsTakenWhole() throws {
        var (pods, changed) = (Pods(limit: 5000), false)
        #expect(pods.listed(try Self.page(["a", "b"], next: "n"), changed: &changed) == .list(next: "n"))
        #expect(!changed && !pods.isListed && pods.objects.isEmpty)
        #expect(pods.listed(try Self.page(["c"], version: "12"), changed: &changed) == .watch(resourceVersion: "12"))
        #expect(changed && pods.isListed && Self.names(pods) == ["a", "b", "c"])
        // The same again is no change; what is gone is gone.
        changed = false
        _ = pods.listed(try Self.page(["a", "b", "c"], version: "13"), changed: &changed)
        #expect(!changed)
        _ = pods.listed(try Self.page(["c"], version: "14"), changed: &changed)
        #expect(changed && Self.names(pods) == ["c"])
    }

    @Test func anEmptyFirstListIsNews() throws {
        var (pods, changed) = (Pods(limit: 5000), false)
        _ = pods.listed(try Self.page([]), changed: &changed)
        #expect(changed && pods.isListed)
    }

    @Test func eventsChangeWhatWasListed() throws {
        var (pods, changed, random) = (Pods(limit: 5000), false, RandomSource(seed: 1))
        _ = pods.listed(try Self.page(["a"]), changed: &changed)
        pods.watchBegins(now: Self.start)
        changed = false
        #expect(pods.received(try Self.event("ADDED", "b", "11"), changed: &changed, random: &random) == nil)
        #expect(changed && Self.names(pods) == ["a", "b"])
        #expect(pods.received(try Self.event("DELETED", "a", "12"), changed: &changed, random: &random) == nil)
        #expect(Self.names(pods) == ["b"])
        changed = false
        #expect(pods.received(try Self.event("DELETED", "x", "13"), changed: &changed, random: &random) == nil)
        #expect(pods.received(try Self.event("BOOKMARK", "", "20"), changed: &changed, random: &random) == nil)
        #expect(pods.received(try Self.event("SOMETHING", "z", "21"), changed: &changed, random: &random) == nil)
        #expect(!changed)
        #expect(
            pods.watchEnded(now: Self.start + .seconds(60), random: &random) == .watch(resourceVersion: "20"))
    }

    @Test func goneListsAgainAtOnceAndThenWithPauses() throws {
        var (pods, changed, random) = (Pods(limit: 5000), false, RandomSource(seed: 1))
        _ = pods.listed(try Self.page(["a"]), changed: &changed)
        pods.watchBegins(now: Self.start)
        let gone: WatchEvent<MetadataOnly> = try Self.decode(
            #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"#)
        #expect(pods.received(gone, changed: &changed, random: &random) == .list(next: nil))
        #expect(Self.names(pods) == ["a"], "what was known stays in force")
        _ = pods.listed(try Self.page(["a"], version: "30"), changed: &changed)
        guard case .wait = pods.received(gone, changed: &changed, random: &random) else {
            Issue.record("lists again and again without a pause")
            return
        }
        #expect(pods.resumed() == .list(next: nil))
    }

    @Test func failuresAreFollowedByLongerAndLongerPauses() throws {
        var (pods, random) = (Pods(limit: 5000), RandomSource(seed: 7))
        var pauses: [UInt64] = []
        for _ in 0..<12 {
            guard case .wait(let pause) = pods.failed(isExpired: false, random: &random) else {
                Issue.record("no pause")
                return
            }
            pauses.append(pause.count)
        }
        #expect((250_000_000...750_000_000).contains(pauses[0]))
        #expect(pauses[3] >= 2_000_000_000)
        #expect(pauses.allSatisfy { $0 <= 45_000_000_000 })
        #expect(pods.resumed() == .list(next: nil))
        var changed = false
        _ = pods.listed(try Self.page(["a"], version: "5"), changed: &changed)
        _ = pods.received(try Self.event("ADDED", "b", "6"), changed: &changed, random: &random)
        guard case .wait(let pause) = pods.failed(isExpired: false, random: &random) else { return }
        #expect(pause.count <= 750_000_000, "what went well is where it begins anew")
        #expect(pods.resumed() == .watch(resourceVersion: "6"))
    }

    /// A server that ends each watch at once is not asked in a loop.
    @Test func aWatchThatEndsAtOnceIsAFailure() throws {
        var (pods, changed, random) = (Pods(limit: 5000), false, RandomSource(seed: 7))
        _ = pods.listed(try Self.page(["a"]), changed: &changed)
        pods.watchBegins(now: Self.start)
        guard case .wait = pods.watchEnded(now: Self.start + Self.second, random: &random) else {
            Issue.record("no pause")
            return
        }
    }

    @Test func noMoreThanTheLimitIsKept() throws {
        var (pods, changed, random) = (Pods(limit: 2), false, RandomSource(seed: 7))
        let step = pods.listed(try Self.page(["a", "b", "c"], next: "more"), changed: &changed)
        #expect(step == .watch(resourceVersion: "10"))
        #expect(Self.names(pods) == ["a", "b"] && pods.isCut)
        _ = pods.received(try Self.event("ADDED", "d", "11"), changed: &changed, random: &random)
        #expect(Self.names(pods) == ["a", "b"])
        pods.watchBegins(now: Self.start)
        #expect(pods.watchEnded(now: Self.start + .seconds(60), random: &random) == .list(next: nil))
    }

    @Test func pagesWithoutEndAreNotFollowed() throws {
        var (pods, changed) = (Pods(limit: 1000), false)
        var steps = 0
        while case .list = pods.listed(try Self.page(["a"], next: "again"), changed: &changed) { steps += 1 }
        #expect(steps <= 3)
    }

    @Test func oneUnreadableItemSpoilsNoOther() throws {
        let page: ListPage<MetadataOnly> = try Self.decode(
            #"{"metadata":{},"items":[{"metadata":{"name":"a"}},{"metadata":7},null,"x",{"metadata":{"name":"b"}}]}"#)
        #expect(page.items.map(\.metadata.name) == ["a", "b"])
    }

    @Test func linesAreCutWhereverPiecesEnd() {
        var lines = WatchLines()
        #expect(lines.take(Array("{\"a\"".utf8)) == [])
        #expect(lines.take(Array(":1}\r\n\n{}\n{".utf8)) == [Array("{\"a\":1}".utf8), Array("{}".utf8)])
        #expect(lines.take([0x7D, 0x0A]) == [Array("{}".utf8)])
    }

    @Test func aLineThatIsTooLongIsRefused() {
        var lines = WatchLines()
        let piece = [UInt8](repeating: 0x20, count: 1 << 20)
        for _ in 0..<4 { #expect(lines.take(piece) == []) }
        #expect(lines.take([0x20]) == nil)
    }
}
