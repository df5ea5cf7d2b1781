import Configuration
import Testing

@testable import ControlClient

/// Where libcurl is sent: the URL has the name that TLS proves, the connection goes to the address.
struct TargetTests {
    private static func tcp(_ host: String, _ port: UInt16) -> ControlClient.Address {
        .tcp(HostPort(host: host, port: port))
    }

    private static func tls(_ name: String? = nil) -> BackendTLS {
        var settings = BackendTLS()
        settings.serverName = name
        return settings
    }

    @Test(
        arguments: [
            (tcp("10.0.0.7", 80), nil, "http://10.0.0.7:80/p?q", nil, nil),
            (tcp("::1", 81), nil, "http://[::1]:81/p?q", nil, nil),
            (tcp("triton.ml.svc", 82), nil, "http://triton.ml.svc:82/p?q", nil, nil),
            (tcp("10.0.0.7", 443), tls(), "https://10.0.0.7:443/p?q", nil, nil),
            (tcp("10.0.0.7", 443), tls("10.0.0.7"), "https://10.0.0.7:443/p?q", nil, nil),
            (tcp("10.0.0.7", 444), tls("a.test"), "https://a.test:444/p?q", "::10.0.0.7:444", nil),
            (tcp("fe80::1", 445), tls("a.test"), "https://a.test:445/p?q", "::[fe80::1]:445", nil),
            (tcp("a.test", 446), tls("::1"), "https://[::1]:446/p?q", "::a.test:446", nil),
            (.unix(path: "/run/x y"), nil, "http://localhost/p?q", nil, "/run/x y"),
            (.unix(path: "/run/x"), tls("a.test"), "https://a.test/p?q", nil, "/run/x"),
        ] as [(ControlClient.Address, BackendTLS?, String, String?, String?)])
    func namesAndAddresses(
        _ address: ControlClient.Address, _ tls: BackendTLS?, _ url: String, _ connectsTo: String?, _ path: String?
    ) throws {
        var request = ControlClient.Request(address, path: "/p?q")
        request.tls = tls
        let target = try Target(request)
        #expect(target.url == url)
        #expect(target.connectsTo == connectsTo)
        #expect(target.socketPath == path)
    }

    @Test(
        arguments: [
            (.milliseconds(1), 1, "1 ms"), (.microseconds(1), 1, "1 ms"), (.microseconds(1001), 2, "2 ms"),
            (.seconds(-1), 1, "1 ms"), (.zero, 1, "1 ms"), (.milliseconds(1500), 1500, "1.5 s"),
            (.seconds(30), 30_000, "30 s"), (.seconds(Int64.max), Int(Int32.max), "2147483.647 s"),
        ] as [(Duration, Int, String)])
    func limitsFitLibcurl(_ limit: Duration, _ milliseconds: Int, _ text: String) {
        #expect(limit.wholeMilliseconds == milliseconds)
        #expect(words(limit) == text)
    }
}
