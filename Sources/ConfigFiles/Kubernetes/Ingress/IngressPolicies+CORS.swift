import Configuration

/// The annotations around `enable-cors`.
extension IngressPolicies {
    private static let defaultMethods = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]
    private static let defaultHeaders = [
        "DNT", "Keep-Alive", "User-Agent", "X-Requested-With", "If-Modified-Since", "Cache-Control", "Content-Type",
        "Range", "Authorization",
    ]
    /// Twenty days, in seconds.
    private static let defaultMaxAge = 1_728_000
    /// More than a browser keeps it: none goes above a day.
    private static let maxAges = 0...31_536_000

    func cors() -> Route.CORS? {
        var cors = Route.CORS()
        cors.allowOrigins = annotations.list("cors-allow-origin").map(origins) ?? [.any]
        cors.allowMethods = annotations.list("cors-allow-methods").map(methods) ?? Self.defaultMethods
        cors.allowHeaders =
            annotations.list("cors-allow-headers").map { headers($0, "cors-allow-headers") }
            ?? Self.defaultHeaders
        cors.exposeHeaders = annotations.list("cors-expose-headers").map { headers($0, "cors-expose-headers") } ?? []
        cors.maxAge = .seconds(annotations.number("cors-max-age", in: Self.maxAges) ?? Self.defaultMaxAge)
        let credentials = annotations.flag("cors-allow-credentials")
        // nginx passes an OPTIONS from an origin that it does not know on to the service.
        cors.forwardsUnmatchedPreflights = true
        guard annotations.flag("enable-cors") == true else { return nil }
        if cors.allowOrigins == [.any] {
            if credentials == true {
                annotations.warning(
                    "cors-allow-credentials",
                    "no credentials are allowed for the origin '*', and browsers would not accept it; list the origins in "
                        + "'cors-allow-origin'")
            }
        } else {
            cors.allowCredentials = credentials ?? true
        }
        return cors
    }

    /// `*` among others makes the others superfluous.
    private func origins(_ items: [String]) -> [Route.CORS.OriginMatch] {
        guard !items.contains("*") else { return [.any] }
        return items.compactMap { item in
            guard let origin = Self.origin(item.lowercased()) else {
                annotations.error(
                    "cors-allow-origin",
                    "'cors-allow-origin': \(Wording.quoted(item)) is no origin, write one such as https://example.com or "
                        + "https://*.example.com")
                return nil
            }
            return origin
        }
    }

    /// `null`, or scheme, host and port; the host may begin with `*.`.
    private static func origin(_ text: String) -> Route.CORS.OriginMatch? {
        if text == "null" { return .exact(text) }
        guard let range = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<range.lowerBound]
        let isScheme =
            !scheme.isEmpty && scheme.utf8.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
        let authority = text[range.upperBound...].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard isScheme, let host = authority.first, authority.count == 1 || UInt16(authority[1]) != nil else {
            return nil
        }
        guard host.hasPrefix("*.") else { return HostName.isValid(host) ? .exact(text) : nil }
        guard HostName.isValid(host.dropFirst(2)) else { return nil }
        return .wildcard(prefix: "\(scheme)://", suffix: String(text[range.upperBound...].dropFirst()))
    }

    private func methods(_ items: [String]) -> [String] {
        items.compactMap { item in
            guard item == "*" || HeaderText.isToken(item) else {
                annotations.error(
                    "cors-allow-methods",
                    "'cors-allow-methods': \(Wording.quoted(item)) is no method, write one such as GET")
                return nil
            }
            return item.uppercased()
        }
    }

    private func headers(_ items: [String], _ name: String) -> [String] {
        items.compactMap { item in
            guard HeaderText.isToken(item) else {
                annotations.error(
                    name, "'\(name)': \(Wording.quoted(item)) is no header name, write one such as Content-Type")
                return nil
            }
            return item
        }
    }
}
