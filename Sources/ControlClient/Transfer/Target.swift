import Base
import Configuration

/// A request in libcurl's words, checked: nothing in it can end a line, a URL or a header early. Pure.
struct Target {
    let url: String
    /// CURLOPT_CONNECT_TO: the address, where the URL has the server's name.
    let connectsTo: String?
    let socketPath: String?

    /// `sun_path` of unix(7) without its closing NUL.
    private static let longestSocketPath = 107
    /// RFC 1035 section 2.3.4; an IPv6 literal is shorter.
    private static let longestHost = 253

    init(_ request: ControlClient.Request) throws(ControlClient.Failure) {
        let refuse: (String) -> ControlClient.Failure = {
            ControlClient.Failure(.request, "a call to \(quote(request.address.description)) cannot be made: \($0)")
        }
        guard request.path.utf8.first == UInt8(ascii: "/"), request.path.utf8.allSatisfy({ 0x21...0x7E ~= $0 }),
            !request.path.utf8.contains(UInt8(ascii: "#"))
        else { throw refuse("its path begins with / and has visible ASCII only, without #") }
        guard !request.method.isEmpty, request.method.utf8.allSatisfy(Self.isToken) else {
            throw refuse("its method is not a token")
        }
        for (name, value) in request.headers {
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isToken),
                !value.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F })
            else { throw refuse("a header has characters that headers do not have") }
            guard !["content-length", "transfer-encoding"].contains(name.lowercased()) else {
                throw refuse("\(name) follows from the body and is not given")
            }
        }
        if case .basic(let user, let password) = request.credentials {
            guard !user.utf8.contains(where: { $0 == UInt8(ascii: ":") || $0 == 0 }), !password.utf8.contains(0) else {
                throw refuse("its user has a colon, or a credential a NUL byte")
            }
        }
        if let name = request.tls?.serverName, !Self.isHost(name) { throw refuse("its TLS server name is not a name") }
        let scheme = request.tls == nil ? "http" : "https"
        switch request.address {
        case .tcp(let address):
            guard Self.isHost(address.host), address.port > 0 else { throw refuse("it is not a host and a port") }
            socketPath = nil
            let place = HostPort(host: request.tls?.serverName ?? address.host, port: address.port)
            connectsTo = place == address ? nil : "::\(address)"
            url = "\(scheme)://\(place)\(request.path)"
        case .unix(let path):
            guard 1...Self.longestSocketPath ~= path.utf8.count, !path.utf8.contains(0) else {
                throw refuse("the path of a socket has 1 to \(Self.longestSocketPath) bytes")
            }
            guard request.tls == nil || request.tls?.serverName != nil else {
                throw refuse("TLS over a Unix socket needs a server name")
            }
            socketPath = path
            connectsTo = nil
            let name = request.tls?.serverName ?? "localhost"
            url = "\(scheme)://\(name.utf8.contains(UInt8(ascii: ":")) ? "[\(name)]" : name)\(request.path)"
        }
    }

    /// In the form of CURLOPT_HTTPHEADER(3): `name:` takes a header of libcurl's away, `name;` is one without a value.
    static func headerLines(_ request: ControlClient.Request) -> [String] {
        var lines = request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        let names = Set(request.headers.map { $0.name.lowercased() })
        if !names.contains("user-agent") { lines.append("User-Agent: sluice/\(sluiceVersion)") }
        // libcurl takes every body for a form.
        if request.body != nil, !names.contains("content-type") { lines.append("Content-Type:") }
        if !names.contains("expect") { lines.append("Expect:") }
        return lines
    }

    /// Letters, digits and what else names and literal addresses have: nothing that means something in a URL.
    private static func isHost(_ text: String) -> Bool {
        1...longestHost ~= text.utf8.count
            && text.utf8.allSatisfy {
                switch $0 {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"): true
                default: false
                }
            }
    }

    /// RFC 9110 section 5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
