/// Where spans of exchanges go, and of how many (W3C Trace Context, OTLP/HTTP).
package struct TracingSettings: Sendable, Equatable {
    /// Of the collector; spans are posted to `path`.
    package var address: CollectorAddress
    /// The path of the endpoint with `/v1/traces` behind it, as OTLP says (opentelemetry.io/docs/specs/otlp).
    package var path: String
    /// 0...100 of the requests whose sampling nobody before has decided. Those that fail are exported whatever it is.
    package var samplePercent = standardPercent
    /// `service.name` of the spans.
    package var serviceName = standardName
    /// Sent with each batch, such as a token of the collector; never shown.
    package var headers: [HeaderPair] = []

    package static let standardPercent = 1.0
    package static let standardName = "sluice"
    /// Where a collector takes traces, below its endpoint.
    package static let pathSuffix = "/v1/traces"

    package init(address: CollectorAddress, path: String) {
        self.address = address
        self.path = path
    }

    package enum CollectorAddress: Sendable, Equatable {
        case plain(HostPort)
        /// Verified against `BackendTLS.authorities`, or the system's.
        case secure(HostPort, BackendTLS)
    }

    package struct HeaderPair: Sendable, Equatable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }
}
