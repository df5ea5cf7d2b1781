import Base
import Configuration

/// Annotations that answer in place of a service, and those that change a request's path.
extension IngressPolicies {
    private static let codes = [301, 302, 303, 307, 308]

    /// `temporal-redirect` or `permanent-redirect`, in this order as in ingress-nginx. `nil` for neither, and after a report.
    func redirect() -> Route.Action? {
        let permanent = target("permanent-redirect", code: code("permanent-redirect-code") ?? 301)
        let temporal = target("temporal-redirect", code: code("temporal-redirect-code") ?? 302)
        if annotations.has("permanent-redirect"), annotations.has("temporal-redirect") {
            annotations.warning(
                "permanent-redirect", "'temporal-redirect' wins over 'permanent-redirect', keep one of them")
        }
        return temporal ?? permanent
    }

    var redirects: Bool { annotations.has("permanent-redirect") || annotations.has("temporal-redirect") }

    /// Codes of redirects that are not there.
    func checkCodes() {
        for name in ["permanent-redirect", "temporal-redirect"] where !annotations.has(name) {
            guard code(name + "-code") != nil else { continue }
            annotations.note(name + "-code", "'\(name)-code' does nothing without '\(name)', in ingress-nginx neither")
        }
    }

    private func code(_ name: String) -> Int? {
        guard let code = annotations.number(name, in: 300...399) else { return nil }
        guard Self.codes.contains(code) else {
            annotations.error(name, "'\(name)' must be \(Wording.list(Self.codes.map(String.init))), not \(code)")
            return nil
        }
        return code
    }

    /// `https://host$request_uri` keeps path and query; a whole URL is where everybody is sent.
    private func target(_ name: String, code: Int) -> Route.Action? {
        guard let text = annotations.text(name) else { return nil }
        let example = "write a URL such as https://example.com/new, or https://example.com$request_uri to keep the path"
        let isSecure = text.hasPrefix("https://")
        guard isSecure || text.hasPrefix("http://"), HeaderText.isValue(text), !text.contains(" ") else {
            annotations.error(name, "'\(name)': \(Wording.quoted(text)) is no URL, \(example)")
            return nil
        }
        guard text.contains("$") else {
            var response = Route.FixedResponse(status: code)
            response.headers = [Route.FixedResponse.Header(name: "Location", value: text)]
            return .respond(response)
        }
        let authority = text.dropFirst(isSecure ? 8 : 7)
        guard authority.hasSuffix("$request_uri") else {
            annotations.error(name, "'\(name)': of nginx's variables only $request_uri at the end is known, \(example)")
            return nil
        }
        var redirect = Route.Redirect()
        redirect.scheme = isSecure ? .https : .http
        redirect.code = code
        let host = authority.dropLast("$request_uri".count)
        guard host != "$host" else { return .redirect(redirect) }
        let parts = host.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let hostName = parts.first, HostName.isValid(hostName),
            parts.count == 1 || UInt16(parts[1]).map({ $0 != 0 }) == true
        else {
            annotations.error(name, "'\(name)': \(Wording.quoted(String(host))) is no host, \(example)")
            return nil
        }
        redirect.host = hostName.lowercased()
        if parts.count == 2 { redirect.port = UInt16(parts[1]).map { .number($0) } }
        return .redirect(redirect)
    }

    /// Where clients are sent that ask for `/`.
    func appRoot() -> Route.Redirect? {
        guard let path = annotations.text("app-root") else { return nil }
        if let problem = PathText.problem(in: path, isWhole: true) {
            annotations.error("app-root", "'app-root' \(problem)")
            return nil
        }
        var redirect = Route.Redirect()
        redirect.path = .full(path)
        redirect.code = 302
        return redirect
    }

    /// Whether clients that speak http are sent to https.
    ///
    /// - Parameter isSecure: whether the Ingress names a certificate for the host.
    func redirectsToHTTPS(isSecure: Bool) -> Bool {
        let force = annotations.flag("force-ssl-redirect") ?? false
        let wanted = annotations.flag("ssl-redirect") ?? true
        return force || (wanted && isSecure)
    }

    /// What the service sees instead of the path: all of it is replaced.
    ///
    /// - Parameters:
    ///   - path: of the Ingress.
    ///   - match: what became of it.
    func pathRewrite(_ path: IngressResource.Path, _ match: Match) -> Route.PathRewrite? {
        let name = "rewrite-target"
        guard let target = annotations.text(name), target != path.text else { return nil }
        guard !target.contains("://") else {
            annotations.error(name, "'\(name)' is a URL, write it as 'temporal-redirect'")
            return nil
        }
        guard let parts = Self.replacement(target) else {
            annotations.error(
                name,
                "'\(name)' may hold $1 to $9 for what the groups of the path have taken, and no other variables, "
                    + "not \(Wording.quoted(target))")
            return nil
        }
        let fixed = target.hasPrefix("/") ? target : "/" + target
        if parts.highestGroup == 0 {
            guard let problem = PathText.problem(in: fixed, isWhole: true) else { return .full(fixed) }
            annotations.error(name, "'\(name)' \(problem)")
            return nil
        }
        var groups = 0
        if case .regex(let pattern) = match.path {
            guard parts.highestGroup > pattern.groupCount else { return .regex(pattern, replacement: parts.text) }
            groups = pattern.groupCount
        }
        annotations.error(
            name,
            "'\(name)' has $\(parts.highestGroup), and the path \(Wording.quoted(path.text)) has "
                + "\(groups == 0 ? "no group" : groups == 1 ? "one group" : "\(groups) groups"), put what shall stay into "
                + "'(' and ')'")
        return nil
    }

    /// With `\1` for `$1`. `nil` for other variables and for a query.
    private static func replacement(_ target: String) -> (text: String, highestGroup: Int)? {
        var text = ""
        var highest = 0
        var rest = Array(target.unicodeScalars)[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "$":
                guard let digit = rest.popFirst(), ("1"..."9").contains(digit) else { return nil }
                highest = max(highest, Int(digit.value) - 0x30)
                text += "\\\(digit)"
            case "?", "#": return nil
            case "\\": text += "\\\\"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return (text, highest)
    }
}
