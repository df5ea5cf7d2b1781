/// `custom.metrics.k8s.io`, served for a HorizontalPodAutoscaler.
package struct CustomMetrics: Sendable, Equatable {
    package var address: Address
    package var tls: ListenerTLS
    /// Of endpoints that name a pod and no namespace.
    package var namespace = "default"
    /// PEM file of the authority that signs the client certificate of the API server's aggregator; `nil` means that such
    /// requests are not taken.
    package var requestHeaderCA: String?
    /// Names that such a certificate may have; empty means any.
    package var requestHeaderNames: [String] = []
    /// A bearer token for direct use, as the file holds it; `nil` means none.
    package var token: String?
    /// DCGM exporters, whose GPU utilisation counts before Triton's own: `host:port` of `GET /metrics`.
    package var dcgmExporters: [Address] = []

    package init(address: Address, tls: ListenerTLS) {
        self.address = address
        self.tls = tls
    }
}
