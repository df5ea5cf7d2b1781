import API
import Testing

@testable import Observation

@Suite struct ChangeLogTests {
    private func record(
        _ subject: String, user: String? = nil, after: [String: Int]? = nil, refusal: String? = nil
    ) -> ChangeRecord {
        ChangeRecord(
            time: "2026-11-22T01:00:00Z", user: user, client: "127.0.0.1", kind: .weights, subject: subject,
            before: after.map { _ in ["stable": 80, "canary": 20] }, after: after, refusal: refusal)
    }

    @Test func theLastOnesNewestFirst() {
        var log = ChangeLog()
        for number in 1...60 { log.add(record("\(number)")) }
        #expect(log.records.map(\.subject) == (11...60).reversed().map(String.init))
        #expect(log.count == 60)
    }

    @Test func nobodyFillsTheMemory() {
        var log = ChangeLog()
        log.add(record(String(repeating: "x", count: 100_000), refusal: String(repeating: "y", count: 100_000)))
        #expect(log.records[0].subject.count == ChangeLog.longestSubject + 1)
        #expect(log.records[0].refusal?.count == ChangeLog.longestRefusal + 1)
    }

    @Test func lines() {
        #expect(
            ChangeLog.line(record("infer", user: "ann", after: ["stable": 50, "canary": 50]))
                == "weights of 'infer' by ann from 127.0.0.1: canary 20 -> 50, stable 80 -> 50")
        #expect(
            ChangeLog.line(record("infer", after: ["stable": 0], refusal: "every weight would be 0"))
                == "weights of 'infer' by 127.0.0.1: stable 80 -> 0, refused: every weight would be 0")
        #expect(ChangeLog.line(record("infer", after: [:])) == "weights of 'infer' by 127.0.0.1")
        #expect(ChangeLog.line(record("")) == "weights of the gateway by 127.0.0.1")
        #expect(ChangeLog.line(record("a\nb\u{1b}\u{2028}")) == "weights of 'a\u{FFFD}b\u{FFFD}\u{FFFD}' by 127.0.0.1")
    }
}
