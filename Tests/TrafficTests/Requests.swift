import Base
import Configuration
import HTTP
import Testing
import Traffic

/// Bytes of a text in which every character stands for one byte, so that tables can show bytes above 0x7F.
func raw(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

func shown(_ bytes: UnsafeRawBufferPointer) -> String {
    var text = String.UnicodeScalarView()
    for byte in bytes { text.append(UnicodeScalar(byte)) }
    return String(text)
}

/// A request as routes see it.
struct Request {
    var method = "GET"
    var path = "/"
    var query = ""
    var host = "h"
    /// Header lines, each with its CRLF.
    var headers = ""
    var isSecure = false
    var port: UInt16 = 80

    init(
        _ path: String = "/", method: String = "GET", query: String = "", host: String = "h", headers: String = "",
        isSecure: Bool = false, port: UInt16 = 80
    ) {
        self.isSecure = isSecure
        self.port = port
        self.method = method
        self.path = path
        self.query = query
        self.host = host
        self.headers = headers
    }

    /// The index of the route that takes it.
    func route(in table: RouteTable) throws -> Int? { view { table.match($0) } ?? nil }

    /// What `body` makes of the request; `nil`, recorded, for one that cannot be parsed.
    func view<Result>(_ body: (RequestView) -> Result) -> Result? {
        let head = MessageHead()
        let text = raw("\(method) / HTTP/1.1\r\nHost: h\r\n\(headers)\r\n")
        let progress = text.withUnsafeBytes { head.parseRequest($0, limit: 65536) }
        guard case .complete = progress else {
            Issue.record("\(progress): \(shown(text.withUnsafeBytes { $0 }))")
            return nil
        }
        return raw(path).withUnsafeBytes { path in
            raw(query).withUnsafeBytes { query in
                raw(host).withUnsafeBytes { host in
                    var view = RequestView(head: head, path: path, query: query, host: host)
                    view.isSecure = isSecure
                    view.port = port
                    return body(view)
                }
            }
        }
    }

    func isTaken(by match: Match, hosts: [String] = []) throws -> Bool {
        try route(in: RouteTable([makeRoute(hosts: hosts, [match])])) == 0
    }
}

func makeRoute(hosts: [String] = [], _ match: [Match] = []) -> Route {
    var route = Route(name: "r", action: .respond(Route.FixedResponse(status: 200)))
    route.hosts = hosts
    route.match = match
    return route
}

func match(
    path: Match.PathMatch? = nil, method: String? = nil, headers: [Match.NamedMatch] = [],
    query: [Match.NamedMatch] = [],
    model: String? = nil, version: String? = nil
) -> Match {
    var match = Match()
    match.path = path
    match.method = method
    match.headers = headers
    match.query = query
    match.model = model
    match.version = version
    return match
}
