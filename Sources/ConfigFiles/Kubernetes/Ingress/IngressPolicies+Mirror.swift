import Configuration

/// `mirror-target`: where copies go.
extension IngressPolicies {
    struct MirrorTarget {
        var host: String
        var port: UInt16
        var isSecure: Bool
        var position: Position
    }

    func mirrorTarget() -> MirrorTarget? {
        if annotations.choice("mirror-request-body", [("on", true), ("off", false)]) == false {
            annotations.error(
                "mirror-request-body", "'mirror-request-body' cannot be \"off\": copies are whole, leave it out")
        }
        let name = "mirror-target"
        if annotations.has("mirror-host") {
            annotations.error(
                "mirror-host",
                "'mirror-host' cannot be set: leave it out, copies have the host of the request with '-shadow' behind it"
            )
        }
        guard let text = annotations.text(name), let position = annotations.position(of: name) else { return nil }
        let example = "write it such as https://shadow.example.com$request_uri"
        guard text.hasSuffix("$request_uri") else {
            annotations.error(name, "'\(name)' must end in $request_uri, because copies keep their path, \(example)")
            return nil
        }
        let isSecure = text.hasPrefix("https://")
        guard isSecure || text.hasPrefix("http://") else {
            annotations.error(name, "'\(name)' has no scheme, \(example)")
            return nil
        }
        let authority = text.dropFirst(isSecure ? 8 : 7).dropLast("$request_uri".count)
        let whole = authority.contains(":") ? String(authority) : "\(authority):\(isSecure ? 443 : 80)"
        do throws(InvalidValue) {
            let address = try HostPort(parsing: whole)
            guard address.port != 0 else { throw InvalidValue("has no port") }
            annotations.note(
                name, "copies have the host of the request with '-shadow' behind it, and never hold the request up")
            return MirrorTarget(host: address.host, port: address.port, isSecure: isSecure, position: position)
        } catch {
            annotations.error(name, "'\(name)': \(Wording.quoted(String(authority))) is no host, \(example)")
            return nil
        }
    }
}
