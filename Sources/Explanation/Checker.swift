import Base
import Configuration
import HTTP
import Traffic

/// Holds routes against one request, condition by condition.
///
/// What holds is never decided here: each condition becomes a table of one route with this condition alone, and the table
/// that serves requests is asked. So an explanation cannot say something else than the gateway does.
struct Checker {
    let reading: Reading
    let view: RequestView

    func trial(of route: Route) -> RouteTrial {
        let takesAny = route.hosts.isEmpty || route.hosts.contains("*")
        return RouteTrial(
            name: route.name, hosts: takesAny ? nil : hosts(of: route), alternatives: route.match.map(checks))
    }

    /// Whether it would take the request if no other route stood before it.
    func takes(_ route: Route) -> Bool { RouteTable([route]).match(view) != nil }

    private func hosts(of route: Route) -> Check {
        var plain = Route(name: "", action: route.action)
        plain.hosts = route.hosts
        return Check(
            subject: .hosts, wanted: Shown.list(route.hosts.map { Shown.word($0) }),
            seen: Shown.value(reading.hostName),
            outcome: takes(plain) ? .holds : .fails)
    }

    /// In the order in which people think of them.
    private func checks(of match: Match) -> [Check] {
        var checks: [Check] = []
        if let path = match.path {
            let wanted = Shown.wanted(path) + (match.ignoresPathCase ? " in any case" : "")
            checks.append(
                check(.path, wanted, Shown.value(reading.path)) {
                    $0.path = path
                    $0.ignoresPathCase = match.ignoresPathCase
                })
        }
        if let host = match.host {
            checks.append(check(.host, Shown.wanted(host), Shown.value(reading.hostName)) { $0.host = host })
        }
        if let scheme = match.scheme {
            checks.append(check(.scheme, scheme.rawValue, reading.scheme.rawValue) { $0.scheme = scheme })
        }
        if let port = match.port {
            checks.append(check(.port, "\(port)", reading.port == 0 ? nil : "\(reading.port)") { $0.port = port })
        }
        if let method = match.method {
            checks.append(
                check(.method, method, text(reading.head.slice(reading.head.methodName))) { $0.method = method })
        }
        checks += checksOfModel(match)
        checks += match.headers.map { field in
            check(.header(field.name), Shown.wanted(field), seen(header: field.name)) { $0.headers = [field] }
        }
        checks += match.withoutHeaders.map { field in
            check(.withoutHeader(field.name), "not \(Shown.wanted(field))", seen(header: field.name)) {
                $0.withoutHeaders = [field]
            }
        }
        checks += match.query.map { field in
            let seen = Parameters.first(named: field.name, in: reading.query).map {
                Shown.value(of: field.name, $0.withUnsafeBytes { text($0) })
            }
            return check(.query(field.name), Shown.wanted(field), seen) { $0.query = [field] }
        }
        return checks
    }

    private func checksOfModel(_ match: Match) -> [Check] {
        var checks: [Check] = []
        let named = reading.namedModel(in: view)
        if let model = match.model {
            checks.append(check(.model, model, named.map { Shown.value($0.name) }) { $0.model = model })
        }
        if let version = match.version {
            let seen = named.flatMap { $0.version.isEmpty ? nil : Shown.value($0.version) }
            checks.append(check(.version, version, seen) { $0.version = version })
        }
        guard case .unknown = view.model else { return checks }
        return checks.map { check in
            var check = check
            check.outcome = .unknown
            return check
        }
    }

    private func check(
        _ subject: Check.Subject, _ wanted: String, _ seen: String?, _ put: (inout Match) -> Void
    ) -> Check {
        var match = Match()
        put(&match)
        var route = Route(name: "", action: .respond(Route.FixedResponse(status: 200)))
        route.match = [match]
        return Check(subject: subject, wanted: wanted, seen: seen, outcome: takes(route) ? .holds : .fails)
    }

    /// Several fields of one name, joined as they are compared.
    private func seen(header name: String) -> String? {
        let head = reading.head
        let bytes = Array(name.utf8)
        let values = (0..<head.fieldCount).filter { index in
            bytes.withUnsafeBytes { equalsIgnoringCase(head.name(index), $0) }
        }.map { text(head.value($0)) }
        return values.isEmpty ? nil : Shown.value(of: name, values.joined(separator: ","))
    }
}

extension Reading {
    /// The model a v2 request is for, as far as it can be seen.
    func namedModel(in view: RequestView) -> MessageModel? {
        switch view.model {
        case .inPath:
            InferencePath(path).map { MessageModel(name: text($0.model), version: text($0.version)) }
        case .unknown: nil
        case .known(let name, let version): MessageModel(name: text(name), version: text(version))
        }
    }
}

/// Query parameters, to be shown.
enum Parameters {
    /// The value of the first parameter of the name, decoded as in HTML forms.
    static func first(named name: String, in query: UnsafeRawBufferPointer) -> [UInt8]? {
        for pair in query.split(separator: UInt8(ascii: "&")) {
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            guard decoded(pair[..<equals]) == Array(name.utf8) else { continue }
            return equals < pair.endIndex ? decoded(pair[(equals + 1)...]) : []
        }
        return nil
    }

    private static func decoded(_ bytes: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
        var decoded: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count > 1, let high = hexValue(rest[rest.startIndex]),
                let low = hexValue(rest[rest.startIndex + 1])
            {
                decoded.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return decoded
    }
}
