import Testing

@testable import Configuration

@Suite struct HeaderRulesTests {
    @Test(arguments: [
        "Connection", "content-length", "Keep-Alive", "te", "trailer", "Transfer-Encoding", "upgrade",
        "proxy-connection",
        "expect", "X-Sluice-Cause", "x-sluice-", "", "a b", ":path", "a:",
    ])
    func neither(name: String) {
        #expect(HeaderRules.problem(changing: name, of: .request) != nil)
        #expect(HeaderRules.problem(changing: name, of: .response) != nil)
    }

    @Test(arguments: [
        "Host", "via", "Forwarded", "x-forwarded-for", "X-Forwarded-Proto", "x-forwarded-host", "X-Request-Id",
        "traceparent",
    ])
    func onlyAnswers(name: String) {
        #expect(HeaderRules.problem(changing: name, of: .request) != nil)
        #expect(HeaderRules.problem(changing: name, of: .response) == nil)
    }

    @Test(arguments: ["Date", "grpc-status", "Grpc-Message"])
    func onlyRequests(name: String) {
        #expect(HeaderRules.problem(changing: name, of: .request) == nil)
        #expect(HeaderRules.problem(changing: name, of: .response) != nil)
    }

    @Test(arguments: [
        "x-tenant", "Authorization", "cookie", "set-cookie", "server", "x-forwarded", "x-sluice", "tracestate",
    ])
    func both(name: String) {
        #expect(HeaderRules.problem(changing: name, of: .request) == nil)
        #expect(HeaderRules.problem(changing: name, of: .response) == nil)
    }
}
