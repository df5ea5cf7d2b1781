/// A whole, valid configuration of one gateway: the value every configuration format is converted into.
///
/// Names follow the YAML keys of docs/configuration.md. Durations are whole nanoseconds as `Duration`, sizes are bytes.
/// A value of this type is consistent: every name it mentions exists and every limit is in range.
package struct Gateway: Sendable, Equatable {
    /// Event loops to run, 1...64; `nil` means one per available core.
    package var loops: Int?
    package var listeners: [Listener] = []
    package var admin: AdminSurface?
    /// The second, read-only listener that serves `/metrics`, `/healthz` and `/readyz` only.
    package var metrics: Address?
    package var accessLog: AccessLog?
    package var tracing: TracingSettings?
    package var shutdown = Shutdown()
    /// Bytes of memory past which new work is refused; `nil` means 80 % of the control group's limit, if it has one.
    package var memoryLimit: Int64?
    /// The path of the Unix socket over which a newer process takes over the listening sockets; `nil` means none.
    package var takeoverSocket: String?
    /// `nil` means that nobody scales by what the gateway serves.
    package var customMetrics: CustomMetrics?
    /// Names pinned to an address ahead of DNS, lower-case, as written or fully qualified.
    package var resolve: [String: HostPort] = [:]
    /// In file order; names are unique.
    package var backends: [Backend] = []
    /// In file order, which is the order of matching; names are unique.
    package var routes: [Route] = []

    package init() {}
}

/// A host (name or literal address, IPv6 without brackets) and a port.
package struct HostPort: Sendable, Hashable, CustomStringConvertible {
    package var host: String
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `host:port`, with brackets around an IPv6 literal.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// One address that clients connect to.
package struct Listener: Sendable, Equatable {
    /// Its `listener` label; the address where the file names none.
    package var name: String
    package var address: Address
    /// `nil` means cleartext.
    package var tls: ListenerTLS?
    package var limits = Limits()
    /// Every connection begins with a PROXY header of version 2, which says who the client is.
    package var proxyProtocol = false
    /// Networks whose `X-Forwarded-*` and `Forwarded` headers are believed.
    package var trustedProxies: [CIDR] = []

    package init(name: String, address: Address) {
        self.name = name
        self.address = address
    }

    /// What one listener grants its clients.
    package struct Limits: Sendable, Equatable {
        /// Open connections; `nil` means three quarters of the descriptor limit.
        package var connections: Int?
        /// Open connections of one client address; `nil` means as many as there are.
        package var perClient: Int?
        /// Request line and header fields together, and likewise the trailers. 1 KiB ... 1 MiB.
        package var headerBytes = 64 * 1024
        /// From the first byte of a request to the end of its header.
        package var headerTimeout: Duration = .seconds(10)
        /// A keep-alive connection between requests.
        package var idleTimeout: Duration = .seconds(75)
        /// Open HTTP/2 streams of one connection, 1...10,000.
        package var http2Streams = 128
        /// A connection of this age is asked to go, by GOAWAY or by `Connection: close` on its next answer, so that
        /// clients which never reconnect spread again. At least 1 s; `nil` means never.
        package var maxConnectionAge: Duration?

        package init() {}
    }
}

/// The operator's side: API, health, metrics.
package struct AdminSurface: Sendable, Equatable {
    package var address: Address
    /// `nil` means cleartext, which only a loopback address or a Unix socket may have.
    package var tls: ListenerTLS?
    /// `nil` means that everybody who can connect is the operator. `/healthz` and `/readyz` never ask.
    package var login: Login?
    /// Refuses everything that changes the gateway.
    package var readOnly = false
    /// Host names, besides the loopback ones and the address itself, under which a browser may reach this surface.
    package var allowedHosts: [String] = []

    package init(address: Address) { self.address = address }

    /// `admin.basicAuth`: who may use it.
    package struct Login: Sendable, Equatable {
        package var realm = "sluice"
        /// User name to password hash, as an htpasswd line holds it; the users file and `users` together.
        package var users: [String: String] = [:]

        package init() {}
    }
}

/// Where and how each finished exchange is written down.
package struct AccessLog: Sendable, Equatable {
    package enum Format: Sendable { case json, text }
    package enum Sink: Sendable, Equatable { case standardOutput, standardError, file(String) }
    package var sink: Sink = .standardOutput
    package var format: Format = .json
    /// 0...100
    package var samplePercent: Double = 100

    package init() {}
}

/// How the process ends after SIGTERM.
package struct Shutdown: Sendable, Equatable {
    /// How long `/readyz` says 503 while connections are still accepted.
    package var delay: Duration = .zero
    /// How long running exchanges may take to finish after that.
    package var drain: Duration = .seconds(25)

    package init() {}
}
