import Base
import HTTP
import Testing
import Traffic

@Suite struct RetryPolicyTests {
    private static let all: RetryPolicy.Conditions = [.connectFailure, .refusedStream, .reset, .timeout]
    private static let failures: [(RetryPolicy.Failure, RetryPolicy.Conditions, RetryTrigger)] = [
        (.connectFailure, .connectFailure, .connectFailure), (.refusedStream, .refusedStream, .refusedStream),
        (.reset, .reset, .reset), (.timeout, .timeout, .timeout), (.status(503), [], .status),
    ]

    /// A GET of which everything may be tried again.
    private static func get(_ change: (inout RetryPolicy.Request) -> Void = { _ in }) -> RetryPolicy.Request {
        var request = RetryPolicy.Request(
            method: .get, isInference: false, wasWritten: true, hasResponse: false, isReplayable: true, tries: 1)
        change(&request)
        return request
    }

    @Test func retriesWhatIsListed() {
        let policy = RetryPolicy(attempts: 2, on: Self.all, statuses: [503])
        for (failure, condition, reason) in Self.failures {
            #expect(policy.decide(failure, of: Self.get()) == .retry(reason))
            let without = RetryPolicy(attempts: 2, on: Self.all.subtracting(condition), statuses: [502])
            #expect(without.decide(failure, of: Self.get()) == .stop(.notListed))
        }
        #expect(policy.decide(.status(500), of: Self.get()) == .stop(.notListed))
        #expect(RetryPolicy(attempts: 9, on: []).decide(.reset, of: Self.get()) == .stop(.notListed))
    }

    /// DESIGN 4 and RFC 9110 section 9.2.2, as a table over everything that matters.
    @Test func isSafeOrStops() {
        let methods: [(Method, isIdempotent: Bool)] = [
            (.get, true), (.head, true), (.put, true), (.delete, true), (.options, true), (.trace, true),
            (.post, false),
            (.patch, false), (.connect, false), (.other, false),
        ]
        for (method, isIdempotent) in methods {
            for (failure, _, reason) in Self.failures {
                for bits in 0..<32 {
                    let request = RetryPolicy.Request(
                        method: method, isInference: bits & 1 != 0, wasWritten: bits & 2 != 0,
                        hasResponse: bits & 4 != 0,
                        isReplayable: bits & 8 != 0, tries: 1)
                    let inference = bits & 16 != 0
                    let policy = RetryPolicy(attempts: 1, on: Self.all, statuses: [503], inference: inference)
                    let mayRepeat =
                        isIdempotent || !request.wasWritten || failure == .refusedStream
                        || (inference && request.isInference)
                    let expected: RetryPolicy.Decision =
                        request.hasResponse
                        ? .stop(.responseStarted)
                        : !mayRepeat ? .stop(.notSafe) : !request.isReplayable ? .stop(.notReplayable) : .retry(reason)
                    #expect(policy.decide(failure, of: request) == expected, "\(method) \(failure) \(bits)")
                }
            }
        }
    }

    @Test(arguments: 0...5) func countsExtraTries(_ attempts: Int) {
        let policy = RetryPolicy(attempts: attempts, on: Self.all)
        for tries in 1...8 {
            let decision = policy.decide(.reset, of: Self.get { $0.tries = tries })
            #expect(decision == (tries <= attempts ? .retry(.reset) : .stop(.noAttemptsLeft)))
        }
    }

    @Test func aTryEndsWithItselfOrTheExchange() {
        let start = Instant(nanoseconds: 1000)
        var policy = RetryPolicy(attempts: 1, on: Self.all)
        #expect(policy.deadline(start: start, exchange: .never) == (.never, false))
        policy.perTryTimeout = .seconds(2)
        #expect(policy.deadline(start: start, exchange: .never) == (start + .seconds(2), true))
        #expect(policy.deadline(start: start, exchange: start + .seconds(3)) == (start + .seconds(2), true))
        // At the same moment it is the exchange that is over, and no other try makes sense.
        #expect(policy.deadline(start: start, exchange: start + .seconds(2)) == (start + .seconds(2), false))
        #expect(policy.deadline(start: start, exchange: start + .seconds(1)) == (start + .seconds(1), false))
        policy.perTryTimeout = Nanoseconds(.max)
        #expect(policy.deadline(start: start, exchange: .never) == (.never, false))
    }

    @Test func wordsAreTheContract() {
        #expect(
            RetryTrigger.allCases.map { "\($0.name)" }
                == ["connect_failure", "refused_stream", "reset", "timeout", "status"])
        #expect(Set(RetryObstacle.allCases.map { "\($0.name)" }).count == RetryObstacle.allCases.count)
    }

    // MARK: - Backoff

    @Test func waitsGrowToTheCap() {
        #expect(
            [0, 1, 2, 3, 4, 5, 6, 100, .max].map { RetryBackoff.longest(afterTries: $0).count / 1_000_000 }
                == [25, 25, 50, 100, 200, 250, 250, 250, 250])
    }

    /// Full jitter: every tenth of the span gets its share.
    @Test(arguments: 1...6) func waitsAreSpreadOverAllOfIt(_ tries: Int) {
        var random = RandomSource(seed: UInt64(tries))
        let longest = RetryBackoff.longest(afterTries: tries)
        var tenths = [Int](repeating: 0, count: 10)
        for _ in 0..<10_000 {
            let wait = RetryBackoff.wait(afterTries: tries, random: &random)
            #expect(wait <= longest)
            tenths[min(9, Int(wait.count * 10 / longest.count))] += 1
        }
        #expect(tenths.allSatisfy { abs($0 - 1000) < 150 }, "\(tenths)")
    }
}
