/// Where requests for a Service go: what its EndpointSlices say, put together.
package struct ServiceEndpoints: Sendable, Equatable {
    package struct Endpoint: Sendable, Equatable {
        /// A literal address, as the slice writes it.
        package var address: String
        package var port: UInt16
        package var pod: String?
    }

    /// In the order of address and port, each once.
    package private(set) var endpoints: [Endpoint] = []
    /// There are pods, and none of them has the port that was asked for; these are those that there are, as `http (8000)`.
    package private(set) var otherPorts: [String] = []
    /// There were more than `limit`.
    package private(set) var isCut = false

    /// As many as Kubernetes' own largest clusters have pods for a Service; each takes some memory in every loop.
    package static let limit = 5000
    /// Of an address: an IPv6 address has at most 45 characters (RFC 4291 section 2.2).
    private static let longestAddress = 45
    private static let shownPorts = 8

    /// - Parameters:
    ///   - slices: in any order.
    ///   - port: the name of the Service's port, or its number at the pods.
    package init(_ slices: [EndpointSlice], port: String) {
        var found: [Key: Endpoint] = [:]
        var others: Set<String> = []
        // While an endpoint moves from one slice to another it is in both for a moment; the order of names decides which
        // pod it is then.
        for slice in slices.sorted(by: { $0.metadata.key < $1.metadata.key })
        where slice.addressType == "IPv4" || slice.addressType == "IPv6" {
            let ready = slice.endpoints.filter(\.takesRequests)
            guard let number = slice.ports.lazy.compactMap({ $0.number(for: port) }).first else {
                if !ready.isEmpty { others.formUnion(slice.ports.prefix(Self.shownPorts).map(Self.text)) }
                continue
            }
            // The addresses of one endpoint are interchangeable, and Kubernetes itself uses the first alone.
            for endpoint in ready {
                guard let address = endpoint.addresses.first, address.utf8.count <= Self.longestAddress else {
                    continue
                }
                let key = Key(address: address, port: number)
                guard found[key] == nil else { continue }
                guard found.count < Self.limit else {
                    isCut = true
                    break
                }
                found[key] = Endpoint(address: address, port: number, pod: endpoint.pod)
            }
        }
        endpoints = found.values.sorted { ($0.address, $0.port) < ($1.address, $1.port) }
        if endpoints.isEmpty { otherPorts = others.sorted() }
    }

    private struct Key: Hashable {
        var address: String
        var port: UInt16
    }

    private static func text(_ port: EndpointSlice.Port) -> String {
        let number = port.port.map { "\($0)" } ?? "any"
        return port.name.isEmpty ? number : "\(port.name.prefix(63)) (\(number))"
    }
}
