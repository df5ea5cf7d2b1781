import Telemetry
import Testing

@Suite struct NotableExchangesTests {
    private let second: UInt64 = 1_000_000_000

    private let none = UnsafeRawBufferPointer(start: nil, count: 0)

    @Test func textsAreCopiedAndCut() {
        let path = Array(repeating: UInt8(ascii: "p"), count: 300)
        path.withUnsafeBytes { long in
            Array("GETidtrace".utf8).withUnsafeBytes { bytes in
                func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
                    UnsafeRawBufferPointer(rebasing: bytes[range])
                }
                let copy = NotableExchange(
                    kind: .error, time: 0, client: [], method: part(0..<3), path: long, route: [], backend: [],
                    endpoint: [], status: 500, cause: .none, grpcStatus: nil, requestID: part(3..<5),
                    traceID: part(5..<10), isTraced: false, queue: nil, duration: 1)
                #expect(copy.method == Array("GET".utf8))
                #expect(copy.path == Array(path.prefix(256)))
                #expect(copy.requestID == Array("id".utf8))
                #expect(copy.traceID == Array("trace".utf8))
            }
        }
    }

    private func exchange(_ kind: NotableExchange.Kind, duration: UInt64 = 1) -> NotableExchange {
        NotableExchange(
            kind: kind, time: 0, client: [], method: none, path: none, route: [], backend: [], endpoint: [],
            status: 200,
            cause: .none, grpcStatus: nil, requestID: none, traceID: none, isTraced: false, queue: nil,
            duration: duration)
    }

    private func tell(
        _ notable: inout NotableExchanges, isError: Bool = false, cause: Cause = .none, isTunnel: Bool = false,
        duration: UInt64 = 1, now: UInt64
    ) -> NotableExchange.Kind? {
        let kind = notable.kind(isError: isError, cause: cause, isTunnel: isTunnel, duration: duration, now: now)
        if let kind { notable.add(exchange(kind, duration: duration)) }
        return kind
    }

    @Test func theSlowestOfEachSecondIsKept() {
        var notable = NotableExchanges()
        for duration in [5, 9, 3, 9] as [UInt64] { _ = tell(&notable, duration: duration, now: 2 * second) }
        for duration in [4, 2] as [UInt64] { _ = tell(&notable, duration: duration, now: 3 * second) }
        #expect(notable.take().map(\.duration) == [9, 4])
        #expect(notable.take().isEmpty)
    }

    @Test func aFloodOfErrorsIsToldByExamples() {
        var notable = NotableExchanges()
        let kinds = (0..<100).map { _ in tell(&notable, isError: true, cause: .queueFull, now: second) }
        #expect(kinds.count { $0 == .error } == 8)
        #expect(tell(&notable, isError: true, now: 2 * second) == .error)
        #expect(tell(&notable, cause: .unauthorized, now: 2 * second) == .refusal)
        for now in 3...100 as ClosedRange<UInt64> {
            for _ in 0..<8 { _ = tell(&notable, isError: true, now: now * second) }
        }
        #expect(notable.take().count == 64)
    }

    @Test func whoLeftAndWhoTalkedLongAreNotNotable() {
        var notable = NotableExchanges()
        #expect(tell(&notable, cause: .clientClosed, now: second) == nil)
        #expect(tell(&notable, isTunnel: true, duration: 1_000, now: second) == nil)
    }
}
