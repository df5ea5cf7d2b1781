import Configuration
import HTTP
import Testing

@testable import Admin

/// Whose calls are the operator's.
@Suite struct OriginGuardTests {
    private func surface(_ host: String, tls: Bool = false, allowed: [String] = []) -> AdminSurface {
        var surface = AdminSurface(address: .tcp(HostPort(host: host, port: 9901)))
        surface.tls = tls ? ListenerTLS() : nil
        surface.allowedHosts = allowed
        return surface
    }

    private func admits(
        _ surface: AdminSurface, _ method: HTTP.Method = .post, host: String, origin: String? = nil,
        site: String? = nil, mode: String? = nil
    ) -> Bool {
        var request = AdminRequest(method: method, target: "/api/v1/reload")
        request.fields.host = host
        request.fields.origin = origin
        request.fields.fetchSite = site
        request.fields.fetchMode = mode
        return OriginGuard(surface).refusal(of: request) == nil
    }

    @Test(arguments: [
        "localhost", "LocalHost:9901", "127.0.0.1:1", "[::1]", "[::1]:9901", "ops.example.com", "localhost:",
    ])
    func ownNames(host: String) {
        #expect(admits(surface("127.0.0.1", allowed: ["ops.example.com"]), host: host))
    }

    @Test(arguments: [
        "", "evil.example", "localhost.evil.example", "evil.example:9901:80", "127.0.0.1@evil.example",
        "[::1].evil.example", "[::1", "[127.0.0.1]", "localhost,evil.example", "0.0.0.0", "10.0.0.1", "127.0.0.2",
        "[::ffff:127.0.0.1]", "2130706433", "localhost:80x",
    ])
    func otherNames(host: String) { #expect(!admits(surface("127.0.0.1"), host: host)) }

    /// Nobody can make another page's name lead to an address that is named itself.
    @Test func addressesOfAnOpenListener() {
        for host in ["10.0.0.1:9901", "[2001:db8::1]", "0.0.0.0"] {
            #expect(admits(surface("0.0.0.0", tls: true), host: host))
            #expect(!admits(surface("::1"), host: host))
        }
        #expect(!admits(surface("0.0.0.0", tls: true), host: "evil.example"))
        #expect(!admits(surface("0.0.0.0", tls: true), host: "10.0.0.1.evil.example"))
    }

    @Test(arguments: [
        ("http://localhost:9901", true), ("HTTP://LOCALHOST:9901", true), ("https://localhost:9901", false),
        ("http://localhost", false), ("http://localhost:9902", false), ("http://localhost:9901/", false),
        ("http://127.0.0.1:9901", false), ("null", false), ("", false), ("localhost:9901", false),
        ("http://localhost:9901, http://evil.example", false),
    ])
    func origins(origin: String, isOwn: Bool) {
        #expect(admits(surface("127.0.0.1"), host: "localhost:9901", origin: origin) == isOwn)
        #expect(admits(surface("127.0.0.1"), .get, host: "localhost:9901", origin: origin) == isOwn)
    }

    @Test func originsBehindAProxyAndOverTLS() {
        let proxied = surface("127.0.0.1", allowed: ["ops.example.com"])
        #expect(admits(proxied, host: "ops.example.com", origin: "https://ops.example.com"))
        #expect(admits(proxied, host: "ops.example.com:443", origin: "https://ops.example.com"))
        #expect(admits(proxied, host: "ops.example.com", origin: "http://ops.example.com:80"))
        let secure = surface("0.0.0.0", tls: true, allowed: ["ops.example.com"])
        #expect(admits(secure, host: "ops.example.com", origin: "https://ops.example.com"))
        #expect(!admits(secure, host: "ops.example.com", origin: "http://ops.example.com"))
        #expect(!admits(secure, host: "ops.example.com:9901", origin: "https://ops.example.com"))
    }

    @Test func whatBrowsersSay() {
        let own = surface("127.0.0.1")
        for site in ["same-origin", "none"] { #expect(admits(own, host: "localhost", site: site)) }
        for site in ["cross-site", "same-site", "", "Same-Origin", "same-origin, none"] {
            #expect(!admits(own, host: "localhost", site: site))
            #expect(!admits(own, host: "localhost", site: site, mode: "navigate"))
            #expect(!admits(own, .get, host: "localhost", site: site, mode: "no-cors"))
            // Somebody follows a link.
            #expect(admits(own, .get, host: "localhost", site: site, mode: "navigate"))
        }
    }

    @Test(arguments: [
        ("application/json", true), ("Application/JSON; charset=utf-8", true), ("application/json;charset=utf-8", true),
        ("text/plain", false), ("application/jsonp", false), ("application/json, text/plain", false), ("", false),
        ("text/plain; application/json", false),
    ])
    func types(type: String, isJSON: Bool) {
        var request = AdminRequest(method: .put, target: "/")
        #expect(!request.hasJSON)
        request.fields.contentType = type
        #expect(request.hasJSON == isJSON)
    }
}
