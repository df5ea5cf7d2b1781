import Base
import SwiftProtobuf
import Testing

@testable import Tracing

/// When spans are sent, and what becomes of them. Time is moved by hand.
struct ExportQueueTests {
    private let queue = Bench()

    /// A queue and what it is called with.
    private final class Bench {
        private var queue = ExportQueue()
        private var random = RandomSource(seed: 1)

        var wakeAt: Instant? { queue.wakeAt }
        var isEmpty: Bool { queue.isEmpty }

        func add(_ chunk: SpanChunk, now: Instant) { queue.add(chunk, now: now) }
        func next(now: Instant) -> ExportQueue.Batch? { queue.next(now: now) }
        func hurry(now: Instant) { queue.hurry(now: now) }
        func abandon() -> Int { queue.abandon() }
        func end(_ batch: ExportQueue.Batch, _ outcome: ExportOutcome, now: Instant) -> ExportQueue.Finished? {
            queue.ended(batch.number, outcome, now: now, random: &random)
        }
    }

    private static func at(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: 0) + .milliseconds(milliseconds) }

    private static func chunk(_ spans: Int, bytes: Int = 10) -> SpanChunk {
        SpanChunk(bytes: [UInt8](repeating: 0, count: bytes), spans: spans)
    }

    private func end(_ batch: ExportQueue.Batch, _ outcome: ExportOutcome, _ time: UInt64) -> ExportQueue.Finished? {
        queue.end(batch, outcome, now: Self.at(time))
    }

    @Test func aBatchWaitsASecond() throws {
        queue.add(Self.chunk(3), now: Self.at(0))
        queue.add(Self.chunk(4), now: Self.at(900))
        #expect(queue.wakeAt == Self.at(1000))
        #expect(queue.next(now: Self.at(999)) == nil)
        let batch = try #require(queue.next(now: Self.at(1000)))
        #expect(batch.spans == 7 && batch.bytes == 20)
        #expect(queue.wakeAt == nil && queue.next(now: Self.at(5000)) == nil && !queue.isEmpty)
        #expect(end(batch, .accepted(rejected: 2), 1100) == .init(exported: 5, rejected: 2, bytes: 20))
        #expect(queue.isEmpty && end(batch, .accepted(rejected: 0), 1100) == nil)
    }

    @Test func aFullOneGoesAtOnce() throws {
        for _ in 0..<5 { queue.add(Self.chunk(128), now: Self.at(0)) }
        #expect(queue.next(now: Self.at(0))?.spans == 512)
        #expect(queue.next(now: Self.at(0)) == nil && queue.wakeAt == Self.at(1000))
        #expect(queue.next(now: Self.at(1000))?.spans == 128)
    }

    /// One chunk of more than a batch's worth is sent as it is.
    @Test func noChunkIsTooLarge() {
        queue.add(Self.chunk(600), now: Self.at(0))
        queue.add(Self.chunk(1), now: Self.at(0))
        #expect(queue.next(now: Self.at(0))?.spans == 600)
    }

    @Test func fewAreUnderWay() throws {
        for _ in 0..<4 { queue.add(Self.chunk(512), now: Self.at(0)) }
        let first = try #require(queue.next(now: Self.at(0)))
        let second = try #require(queue.next(now: Self.at(0)))
        #expect(queue.next(now: Self.at(0)) == nil && queue.wakeAt == nil)
        // One that waits to be tried again takes a place as well.
        #expect(end(first, .later(after: nil), 10) == nil)
        #expect(queue.next(now: Self.at(11)) == nil)
        #expect(end(second, .accepted(rejected: 0), 20)?.exported == 512)
        #expect(queue.next(now: Self.at(20))?.number == 3)
    }

    @Test func attemptsAreSpreadAndCounted() throws {
        queue.add(Self.chunk(5, bytes: 50), now: Self.at(0))
        var batch = try #require(queue.next(now: Self.at(1000)))
        var now = Self.at(1000)
        for attempt in 1..<ExportQueue.attemptLimit {
            #expect(batch.attempts == attempt)
            #expect(queue.end(batch, .later(after: nil), now: now) == nil)
            let due = try #require(queue.wakeAt)
            let most = min(1000 << UInt64(attempt - 1), 30_000) as UInt64
            #expect(due >= now + .milliseconds(most / 2) && due <= now + .milliseconds(most))
            #expect(queue.next(now: Instant(nanoseconds: due.nanoseconds - 1)) == nil)
            now = due
            batch = try #require(queue.next(now: now))
        }
        let finished = queue.end(batch, .later(after: nil), now: now)
        #expect(finished == .init(dropped: 5, bytes: 50) && queue.isEmpty)
    }

    @Test func aCollectorThatAsksForRestHasIt() throws {
        queue.add(Self.chunk(512), now: Self.at(0))
        let first = try #require(queue.next(now: Self.at(0)))
        #expect(end(first, .later(after: .seconds(20)), 0) == nil)
        // That is for others as well.
        queue.add(Self.chunk(512), now: Self.at(1))
        #expect(queue.next(now: Self.at(19_999)) == nil && queue.wakeAt == Self.at(20_000))
        #expect(queue.next(now: Self.at(20_000))?.number == 1 && queue.next(now: Self.at(20_000))?.number == 2)
    }

    @Test func noRestIsForEver() throws {
        queue.add(Self.chunk(512), now: Self.at(0))
        let first = try #require(queue.next(now: Self.at(0)))
        #expect(end(first, .later(after: .seconds(999_999_999)), 0) == nil)
        #expect(queue.wakeAt == Self.at(60_000))
    }

    @Test func whatIsRefusedIsNotTriedAgain() throws {
        queue.add(Self.chunk(512), now: Self.at(0))
        queue.add(Self.chunk(512), now: Self.at(0))
        let first = try #require(queue.next(now: Self.at(0)))
        let second = try #require(queue.next(now: Self.at(0)))
        #expect(end(first, .refused, 0) == .init(rejected: 512, bytes: 10))
        #expect(end(second, .lost, 0) == .init(dropped: 512, bytes: 10))
        #expect(queue.isEmpty)
    }

    @Test func noMoreCanBeRejectedThanWereSent() throws {
        queue.add(Self.chunk(512), now: Self.at(0))
        let batch = try #require(queue.next(now: Self.at(0)))
        #expect(end(batch, .accepted(rejected: .max), 0) == .init(rejected: 512, bytes: 10))
    }

    @Test func atTheEndNothingWaits() throws {
        queue.add(Self.chunk(512), now: Self.at(0))
        let first = try #require(queue.next(now: Self.at(0)))
        #expect(end(first, .later(after: .seconds(30)), 0) == nil)
        queue.add(Self.chunk(1), now: Self.at(1))
        queue.hurry(now: Self.at(2))
        let again = try #require(queue.next(now: Self.at(2)))
        let second = try #require(queue.next(now: Self.at(2)))
        #expect(again.number == 1 && again.attempts == 2 && second.number == 2)
        #expect(end(again, .later(after: nil), 3) == .init(dropped: 512, bytes: 10))
        #expect(end(second, .accepted(rejected: 0), 3)?.exported == 1)
        queue.add(Self.chunk(2), now: Self.at(4))
        #expect(queue.next(now: Self.at(4))?.spans == 2)
        queue.add(Self.chunk(3), now: Self.at(4))
        #expect(queue.abandon() == 5 && queue.isEmpty && queue.wakeAt == nil)
    }

    @Test func emptyChunksAreNothing() {
        queue.add(Self.chunk(0), now: Self.at(0))
        #expect(queue.isEmpty && queue.wakeAt == nil)
    }

    /// Order is kept over many batches, and what was sent is let go of.
    @Test func chunksKeepTheirOrder() throws {
        var sent: [UInt8] = []
        for index in 0..<200 {
            queue.add(SpanChunk(bytes: [UInt8(index)], spans: 300), now: Self.at(UInt64(index)))
            while let batch = queue.next(now: Self.at(UInt64(index))) {
                sent += batch.chunks.flatMap(\.bytes)
                #expect(end(batch, .accepted(rejected: 0), UInt64(index)) != nil)
            }
        }
        #expect(sent == Array(0..<UInt8(sent.count)) && sent.count > 190)
    }

    @Test(
        arguments: [
            (200, nil, .accepted(rejected: 0)), (202, nil, .accepted(rejected: 0)), (400, nil, .refused),
            (401, nil, .refused), (404, nil, .refused), (429, nil, .later(after: nil)),
            (429, "3", .later(after: .seconds(3))),
            (502, nil, .later(after: nil)), (503, "0", .later(after: .seconds(0))), (504, nil, .later(after: nil)),
            (500, nil, .refused), (301, nil, .refused), (503, "-1", .later(after: nil)),
            (503, "Fri, 31 Dec 1999 23:59:59 GMT", .later(after: nil)),
            (503, "99999999999999999999", .later(after: nil)),
            (503, "", .later(after: nil)),
        ] as [(Int, String?, ExportOutcome)])
    func answersMean(_ status: Int, _ retryAfter: String?, _ expected: ExportOutcome) {
        #expect(ExportOutcome(status: status, retryAfter: retryAfter, body: Array("garbage".utf8)) == expected)
    }

    @Test func partialSuccessIsRead() throws {
        var response = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceResponse()
        response.partialSuccess.rejectedSpans = 3
        let body: [UInt8] = try response.serializedBytes()
        #expect(ExportOutcome(status: 200, retryAfter: nil, body: body) == .accepted(rejected: 3))
        response.partialSuccess.rejectedSpans = -3
        let other: [UInt8] = try response.serializedBytes()
        #expect(ExportOutcome(status: 200, retryAfter: nil, body: other) == .accepted(rejected: 0))
        #expect(ExportOutcome(status: 200, retryAfter: nil, body: []) == .accepted(rejected: 0))
    }
}
