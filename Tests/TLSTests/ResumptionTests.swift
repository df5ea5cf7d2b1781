import Base
import Testing

@testable import TLS

struct ResumptionTests {
    private static func resumes(_ client: TLSClientContext, _ server: TLSServerContext, name: String = "server.test")
        throws -> Bool
    {
        let pair = try Pair(client, server, name: name).connect()
        // TLS 1.3 sends its tickets behind the handshake.
        pair.expectWorking()
        pair.client.close()
        pair.server.close()
        pair.pump()
        #expect(pair.client.session.isResumed == pair.server.session.isResumed)
        return pair.client.session.isResumed
    }

    @Test(arguments: TLSVersion.allCases)
    func aSecondConnectionResumes(version: TLSVersion) throws {
        let client = try TLSClientContext.test(maxVersion: version, alpn: ["h2"])
        let server = try TLSServerContext.test(alpn: ["h2", "http/1.1"])
        #expect(try !Self.resumes(client, server))
        for _ in 0..<5 { #expect(try Self.resumes(client, server)) }
        let pair = try Pair(client, server).connect()
        #expect(pair.server.session.isResumed)
        #expect(pair.server.session.alpn == "h2")
        #expect(pair.server.session.sni == "server.test")
    }

    @Test(arguments: TLSVersion.allCases)
    func ticketsHoldAcrossContextsThatShareKeys(version: TLSVersion) throws {
        let tickets = TicketKeys(now: Instant(nanoseconds: 0))
        let client = try TLSClientContext.test(maxVersion: version)
        #expect(try !Self.resumes(client, .test(tickets: tickets)))
        #expect(try Self.resumes(client, .test(tickets: tickets)))
        #expect(try !Self.resumes(client, .test()))
    }

    @Test(arguments: TLSVersion.allCases)
    func keysRotateAndTheOldestIsForgotten(version: TLSVersion) throws {
        let tickets = TicketKeys(now: Instant(nanoseconds: 0))
        let server = try TLSServerContext.test(tickets: tickets)
        let hour = TicketKeys.interval.count
        for (hours, holds) in [(1, true), (2, true), (3, false)] as [(UInt64, Bool)] {
            let start = hour * hours * 100
            tickets.rotate(now: Instant(nanoseconds: start))
            let client = try TLSClientContext.test(maxVersion: version)
            #expect(try !Self.resumes(client, server))
            for passed in 1...hours { tickets.rotate(now: Instant(nanoseconds: start + hour * passed)) }
            #expect(try Self.resumes(client, server) == holds)
        }
        // One late call drops as much as several in time.
        let client = try TLSClientContext.test(maxVersion: version)
        #expect(try !Self.resumes(client, server))
        tickets.rotate(now: Instant(nanoseconds: hour * 1000))
        #expect(try !Self.resumes(client, server))
    }

    @Test func rotationSaysWhenItIsDue() {
        let hour = TicketKeys.interval.count
        let tickets = TicketKeys(now: Instant(nanoseconds: 5))
        #expect(tickets.rotate(now: Instant(nanoseconds: 5)).nanoseconds == 5 + hour)
        #expect(tickets.rotate(now: Instant(nanoseconds: 4 + hour)).nanoseconds == 5 + hour)
        #expect(tickets.rotate(now: Instant(nanoseconds: 5 + hour)).nanoseconds == 5 + 2 * hour)
        #expect(tickets.rotate(now: Instant(nanoseconds: 9 + 7 * hour)).nanoseconds == 5 + 8 * hour)
        // A clock that seems to go back changes nothing.
        #expect(tickets.rotate(now: Instant(nanoseconds: 0)).nanoseconds == 5 + 8 * hour)
    }

    /// A ticket from a listener that asks for less does not open one that asks for more.
    @Test(arguments: TLSVersion.allCases)
    func demandsOnClientsAreNotBypassed(version: TLSVersion) throws {
        let world = try TestWorld.shared
        let tickets = TicketKeys(now: Instant(nanoseconds: 0))
        let open = try TLSServerContext.test(tickets: tickets)
        let asking = try TLSServerContext.test(
            clientCA: world.authority.pem, clientAuthentication: .request, tickets: tickets)
        let strict = try TLSServerContext.test(
            clientCA: world.authority.pem, clientAuthentication: .require, tickets: tickets)
        let stricter = try TLSServerContext.test(
            clientCA: world.otherAuthority.pem, clientAuthentication: .require, tickets: tickets)
        for lax in [open, asking] {
            let client = try TLSClientContext.test(maxVersion: version)
            #expect(try !Self.resumes(client, lax))
            let pair = try Pair(client, strict).connect()
            #expect(!pair.server.session.isEstablished)
            #expect(pair.server.failure?.kind == .certificate)
        }
        let client = try TLSClientContext.test(certificate: world.client.pair, maxVersion: version)
        #expect(try !Self.resumes(client, strict))
        let resumed = try Pair(client, strict).connect()
        #expect(resumed.server.session.isResumed)
        #expect(resumed.server.session.peerSubject == "CN=client,O=Tests\\, Inc.")
        resumed.expectWorking()
        #expect(try Pair(client, stricter).connect().server.failure?.kind == .certificate)
    }

    @Test func endpointsHaveSessionsOfTheirOwn() throws {
        let client = try TLSClientContext.test()
        let server = try TLSServerContext.test()
        let first = try Pair(client, server, endpoint: "a").connect()
        first.expectWorking()
        #expect(try Pair(client, server, endpoint: "b").connect().client.session.isResumed == false)
        #expect(try Pair(client, server, endpoint: "a").connect().client.session.isResumed)
        #expect(
            try Pair(client, server, name: "x.wild.test", endpoint: "a").connect().client.session.isResumed == false)
    }

    /// A session survives that its connection was cut.
    @Test func aCutConnectionLeavesItsSession() throws {
        let client = try TLSClientContext.test()
        let server = try TLSServerContext.test()
        do {
            let pair = try Pair(client, server).connect()
            pair.expectWorking()
        }
        #expect(try Self.resumes(client, server))
    }
}
