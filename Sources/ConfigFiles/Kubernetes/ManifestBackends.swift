import Configuration

/// A service that manifests send requests to.
struct ServiceReference: Hashable {
    /// Whole, in lower case: `kafka-ui.kafka-dev.svc.cluster.local`.
    var host: String
    var port: UInt16
    /// Istio's name for some of the service's endpoints.
    var subset: String?

    /// - Parameters:
    ///   - host: as the manifest writes it; without a dot it is a service of the manifest's namespace.
    init(host: String, namespace: String, port: UInt16, subset: String? = nil) {
        self.host = ClusterName.full(host, namespace: namespace)
        self.port = port
        self.subset = subset
    }

    /// What its endpoints are called. A subset has a name of its own in front, because the labels that make it are known to
    /// Kubernetes only.
    var endpoint: HostPort { HostPort(host: subset.map { "\($0.lowercased()).\(host)" } ?? host, port: port) }
}

/// The backends that manifests need: one for each service and way to use it, shared by all routes that do so.
///
/// How a backend is called depends on all the others, so until `finish` each has a stand-in for a name.
final class ManifestBackends {
    /// Ways to use one service that a new one is compared with. More differ by what their authors wrote one by one, and the
    /// time to compare all with all has no bound.
    private static let comparedUses = 64

    private let report: Report
    private let pins: [String: HostPort]
    /// Names that are taken: those of native backends.
    private let taken: Set<String>
    private var made: [(service: ServiceReference, backend: Backend)] = []
    private var indices: [ServiceReference: [Int]] = [:]
    /// What DestinationRules say of a service; set before the first use.
    var policies: (ServiceReference, inout Backend) -> Void = { _, _ in }

    init(native: Gateway, report: Report) {
        self.report = report
        pins = native.resolve
        taken = Set(native.backends.map(\.name))
    }

    /// The stand-in for the name of the backend that sends to a service: to be put into a `Route` as the backend's name and
    /// as its label.
    ///
    /// - Parameters:
    ///   - position: of what mentions the service.
    ///   - settings: how this use wants it, beside what DestinationRules say: protocol, timeouts. Uses that want the same share
    ///     a backend.
    /// - Returns: `nil` after a report.
    func use(
        _ service: ServiceReference, at position: Position, _ settings: (inout Backend) -> Void = { _ in }
    ) -> String? {
        guard check(service, position) else { return nil }
        var backend = Backend(name: "")
        backend.server = .generic
        backend.endpoints = [Backend.Endpoint(address: .tcp(service.endpoint))]
        policies(service, &backend)
        settings(&backend)
        let index: Int
        let earlier = indices[service, default: []].suffix(Self.comparedUses)
        if let known = earlier.first(where: { made[$0].backend == backend }) {
            index = known
        } else {
            index = made.count
            made.append((service, backend))
            indices[service, default: []].append(index)
        }
        return Self.standIn(index)
    }

    /// Whether `resolve` says where a service is.
    func isPinned(_ service: ServiceReference) -> Bool { Pins.place(of: service.endpoint.host, in: pins) != nil }

    private func check(_ service: ServiceReference, _ position: Position) -> Bool {
        let host = service.endpoint.host
        let isAddress = service.subset == nil && IPAddress(host) != nil
        guard isAddress || (HostName.isValid(host) && !HostName.looksNumeric(host)) else {
            report.error(position, "\(Wording.quoted(host)) is no host name, write the name of a service")
            return false
        }
        if let subset = service.subset, !isPinned(service) {
            report.error(
                position,
                "the subset \(Wording.quoted(subset)) is known by labels that only Kubernetes sees: write where it is, "
                    + "'resolve: { \(host): HOST:PORT }', or name a service of its own")
            return false
        }
        return true
    }

    /// A control character, which no name has, and a number.
    private static func standIn(_ index: Int) -> String { "\u{1}\(index)" }

    private static func index(of standIn: String) -> Int? {
        standIn.hasPrefix("\u{1}") ? Int(standIn.dropFirst()) : nil
    }

    /// The backends under their names, which the routes get in place of the stand-ins. Entries of one route get labels of
    /// their own.
    func finish(_ routes: inout [Route]) -> [Backend] {
        let names = ManifestBackendNames.names(of: made.map(\.service), taken: taken)
        func name(_ text: String) -> String { Self.index(of: text).map { names[$0] } ?? text }
        for index in routes.indices {
            guard case .forward(var forward) = routes[index].action else { continue }
            var labels = UniqueNames()
            for entry in forward.backends.indices {
                forward.backends[entry].label = labels.take(name(forward.backends[entry].label))
                forward.backends[entry].backend = name(forward.backends[entry].backend)
            }
            for mirror in forward.mirrors.indices {
                forward.mirrors[mirror].backend = name(forward.mirrors[mirror].backend)
            }
            routes[index].action = .forward(forward)
        }
        return zip(names, made).map { name, made in
            var backend = made.backend
            backend.name = name
            return backend
        }
    }
}
