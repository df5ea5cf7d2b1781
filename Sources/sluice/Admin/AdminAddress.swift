import Configuration
import ControlClient
import Foundation

/// Where the admin address of a gateway is, as `--admin` says it.
struct AdminAddress: CustomStringConvertible {
    let call: ControlClient.Address
    let isSecure: Bool

    static let usual = "http://127.0.0.1:9901"

    var description: String {
        if case .unix = call { return call.description }
        return "\(isSecure ? "https" : "http")://\(call)"
    }

    /// The name netrc(5) has it under.
    var machine: String { if case .tcp(let place) = call { place.host } else { "localhost" } }

    /// Reads `http://host:port`, `https://host:port`, `host:port` (which is http) and `unix:PATH`.
    init(parsing text: String) throws(InvalidValue) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            try Address.checkPath(path)
            (call, isSecure) = (.unix(path: path), false)
            return
        }
        var rest = Substring(text)
        var scheme = "http"
        if let range = text.range(of: "://") {
            scheme = text[..<range.lowerBound].lowercased()
            rest = text[range.upperBound...]
        }
        guard ["http", "https"].contains(scheme) else {
            throw InvalidValue("is no admin address, write one such as \(Self.usual), https://host:9901 or unix:/path")
        }
        if rest.last == "/" { rest = rest.dropLast() }
        if rest.contains("@") {
            throw InvalidValue(
                "has credentials, which others see in the list of processes: set SLUICE_ADMIN_USER and "
                    + "SLUICE_ADMIN_PASSWORD instead")
        }
        guard !rest.contains(where: { "/?#".contains($0) }) else {
            throw InvalidValue("has a path, write the scheme, host and port alone such as \(Self.usual)")
        }
        var place = String(rest)
        // As in every URL: 80 and 443 where there is no port.
        let isIPv6 = place.hasSuffix("]")
        if isIPv6 || !place.contains(":"), !place.isEmpty { place += scheme == "https" ? ":443" : ":80" }
        let parsed = try HostPort(parsing: place)
        guard parsed.port > 0 else { throw InvalidValue("has port 0, write the port that the gateway listens on") }
        (call, isSecure) = (.tcp(parsed), scheme == "https")
    }
}
