/// Where a socket is: what a listener listens on, or where an endpoint is reached.
package enum Address: Sendable, Hashable, CustomStringConvertible {
    case tcp(HostPort)
    /// The path of a Unix socket, 1...`Address.longestPath` bytes; absolute once it has been read from a file.
    case unix(path: String)
    /// A listening socket that the service manager passes under this name (sd_listen_fds(3)). Never an endpoint.
    case systemd(name: String)

    /// What `sockaddr_un` holds beside the final zero byte (unix(7)).
    package static let longestPath = 107
    /// What systemd takes for a `FileDescriptorName` (systemd.socket(5)).
    package static let longestName = 255

    /// As the configuration writes it; two equal texts are one address.
    package var description: String {
        switch self {
        case .tcp(let address): address.description
        case .unix(let path): "unix:\(path)"
        case .systemd(let name): "systemd:\(name)"
        }
    }

    /// `nil` for what is not reached over IP.
    package var hostPort: HostPort? { if case .tcp(let address) = self { address } else { nil } }

    /// The host of an IP address, `nil` otherwise.
    package var host: String? { hostPort?.host }
}

extension Address {
    /// Reads `host:port` as `HostPort` does, `unix:PATH` and `systemd:NAME`. A relative path stays relative.
    package init(parsing text: String) throws(InvalidValue) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            try Self.checkPath(path)
            self = .unix(path: path)
        } else if text.hasPrefix("systemd:") {
            let name = String(text.dropFirst("systemd:".count))
            guard !name.isEmpty else {
                throw InvalidValue("has no name, write systemd:NAME as in FileDescriptorName=NAME")
            }
            guard name.utf8.count <= Self.longestName,
                name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ":") })
            else {
                throw InvalidValue(
                    "has a name that no passed socket can have: at most \(Self.longestName) visible ASCII characters "
                        + "without ':'")
            }
            self = .systemd(name: name)
        } else {
            self = .tcp(try HostPort(parsing: text))
        }
    }

    /// Whether a Unix socket can have this path.
    package static func checkPath(_ path: String) throws(InvalidValue) {
        guard !path.isEmpty else { throw InvalidValue("has no path, write unix:/run/sluice/sluice.sock") }
        guard path.first != "@" else {
            throw InvalidValue("is in the abstract namespace, which has no permissions: write the path of a file")
        }
        guard path.utf8.count <= longestPath else {
            throw InvalidValue("has a path of more than \(longestPath) bytes, which no Unix socket can have")
        }
        guard path.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw InvalidValue("has a control character in its path")
        }
    }
}
