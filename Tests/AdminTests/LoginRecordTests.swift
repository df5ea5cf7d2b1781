import Base
import Configuration
import Credentials
import EventLoop
import Logging
import Synchronization
import Testing

@testable import Admin

/// What wrong passwords cost.
@Suite struct LoginRecordTests {
    private let record = LoginRecord(DigestKey(), logger: Logger(label: "test"), seed: 1)
    private let now = Instant(nanoseconds: 1_000_000_000_000)

    private func session(_ address: String) -> LoginSession { LoginSession(SocketAddress(literal: address, port: 1)) }

    private func digest(_ password: String) throws -> CredentialDigest {
        let field = "Basic " + BasicCredentials.encode("ann:\(password)")
        return record.digest(try #require(LoginGate.Attempt(field)), hash: [1, 2, 3])
    }

    /// Tries a password that is judged at once.
    private func attempt(
        _ password: String, isRight: Bool = false, _ session: LoginSession, at time: Instant? = nil
    ) throws -> String {
        let digest = try digest(password)
        let client = LoginRecord.Client(session)
        let verdict = Mutex<String>("nothing")
        switch record.begin(
            digest, client, session, time ?? now,
            waiter: { told in
                verdict.withLock { $0 = told.map { $0 ? "right" : "wrong" } ?? "busy" }
            })
        {
        case .limited: return "limited"
        case .known(let isRight): return isRight ? "right" : "wrong"
        case .joins: return "joins"
        case .asks: record.judged(digest, client, isRight)
        }
        return verdict.withLock { $0 }
    }

    @Test func fiveAreLookedAt() throws {
        let one = session("192.0.2.1")
        for number in 0..<5 { #expect(try attempt("\(number)", one) == "wrong") }
        for number in 5..<20 { #expect(try attempt("\(number)", one) == "limited") }
        #expect(try attempt("right", isRight: true, one) == "limited", "the answer would tell it from the others")
        #expect(try attempt("right", isRight: true, session("192.0.2.2")) == "right", "another address")
        #expect(try attempt("right", one) == "limited", "known by now, and still not told")
        #expect(try attempt("right", isRight: true, one, at: now + .seconds(2)) == "right")
        #expect(try attempt("20", one, at: now + .seconds(2)) == "wrong")
        #expect(try attempt("21", one, at: now + .seconds(2)) == "limited")
    }

    @Test func theSameGuessAgainCostsAsMuch() throws {
        let one = session("192.0.2.1")
        for _ in 0..<5 { #expect(try attempt("guess", one) == "wrong") }
        #expect(try attempt("guess", one) == "limited")
    }

    @Test func aRightPasswordIsFree() throws {
        let one = session("192.0.2.1")
        for _ in 0..<100 { #expect(try attempt("right", isRight: true, one) == "right") }
        for number in 0..<5 { #expect(try attempt("\(number)", one) == "wrong") }
        #expect(try attempt("5", one) == "limited")
    }

    /// It has shown that it knows the password, so it is told nothing new.
    @Test func aConnectionThatHasShownItGoesOn() throws {
        let one = session("192.0.2.1")
        one.show(try digest("right"))
        for number in 0..<9 { _ = try attempt("\(number)", one) }
        #expect(try attempt("right", one) == "right")
        #expect(try attempt("other", one) == "limited")
        #expect(try attempt("right", isRight: true, session("192.0.2.1")) == "limited", "another connection")
    }

    @Test func anIPv6NetworkIsOneClient() throws {
        for number in 0..<5 { #expect(try attempt("\(number)", session("2001:db8::\(number)")) == "wrong") }
        #expect(try attempt("5", session("2001:db8::ffff")) == "limited")
        #expect(try attempt("5", session("2001:db8:0:1::1")) == "wrong")
    }

    @Test func unixClientsShareOne() throws {
        for number in 0..<5 { #expect(try attempt("\(number)", LoginSession(nil)) == "wrong") }
        #expect(try attempt("5", LoginSession(nil)) == "limited")
        #expect(try attempt("5", session("127.0.0.1")) == "wrong")
    }

    /// Sixteen connections of a page that has just been opened.
    @Test func whatIsBeingLookedAtIsAskedForOnce() throws {
        let one = session("192.0.2.1")
        let client = LoginRecord.Client(one)
        let told = Mutex<[Bool?]>([])
        let digest = try digest("right")
        let starts = (0..<16).map { _ in
            record.begin(digest, client, one, now) { verdict in told.withLock { $0.append(verdict) } }
        }
        guard case .asks = starts[0] else { return #expect(Bool(false), "nobody looks at it") }
        let joining = starts.dropFirst().filter { if case .joins = $0 { true } else { false } }
        #expect(joining.count == 15)
        record.judged(digest, client, nil)
        #expect(told.withLock { $0 } == [Bool?](repeating: nil, count: 16))
        for number in 0..<5 { #expect(try attempt("\(number)", one) == "wrong", "no room is nobody's guess") }
        #expect(try attempt("5", one) == "limited")
    }

    @Test(arguments: ["", "Basic", "Basic ", "Basic !", "Bearer abc", "Basic YW5u", "Basic YW46eA==, Basic YW46eA=="])
    func noCredentials(field: String) { #expect(LoginGate.Attempt(field) == nil) }
}
