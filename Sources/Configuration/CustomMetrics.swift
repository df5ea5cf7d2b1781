/// `custom.metrics.k8s.io`, served for a HorizontalPodAutoscaler.
package struct CustomMetrics: Sendable, Equatable {
    package var address: Address
    /// Without authorities of clients: those that count are `requestHeaderCA`.
    package var tls: ListenerTLS
    /// Of endpoints that name a pod and no namespace; and that of backends, as objects.
    package var namespace = standardNamespace
    /// PEM: the authorities that sign the client certificate of the API server's aggregator; `nil` means that such requests
    /// are not taken.
    package var requestHeaderCA: [UInt8]?
    /// Common names that such a certificate may have; empty means any.
    package var requestHeaderNames: [String] = []
    /// A bearer token for direct use, as its file holds it, blanks around it included; `nil` means none.
    package var tokenFile: [UInt8]?
    /// DCGM exporters, whose GPU utilisation counts before the servers' own: `host:port` of `GET /metrics`. A name stands for
    /// all of its addresses.
    package var dcgmExporters: [HostPort] = []

    package static let standardNamespace = "default"

    package init(address: Address, tls: ListenerTLS) {
        self.address = address
        self.tls = tls
    }

    /// What a client has to show; `nil` means that nobody can.
    package var token: [UInt8]? { tokenFile.flatMap(Self.token) }

    /// The token in what a file holds; `nil` where that is nothing but blanks.
    package static func token(in file: [UInt8]) -> [UInt8]? {
        let bytes = file.drop { $0 <= 0x20 }
        return bytes.lastIndex { $0 > 0x20 }.map { Array(bytes[...$0]) }
    }
}
