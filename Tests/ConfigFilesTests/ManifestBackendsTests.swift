import Configuration
import Testing

@testable import ConfigFiles

/// Services become backends, each once, under names a person would choose.
@Suite struct ManifestBackendsTests {
    private func service(_ host: String, _ port: UInt16 = 80, subset: String? = nil, namespace: String = "ns")
        -> ServiceReference
    {
        ServiceReference(host: host, namespace: namespace, port: port, subset: subset)
    }

    @Test func hosts() {
        #expect(service("Kafka-UI").host == "kafka-ui.ns.svc.cluster.local")
        #expect(service("a.b").host == "a.b" && service("example.com").host == "example.com")
        #expect(service("::1").host == "::1")
        #expect(service("a", subset: "V1").endpoint.description == "v1.a.ns.svc.cluster.local:80")
    }

    @Test func shortNamesWhereTheyAreUnique() {
        let names = ManifestBackendNames.names(
            of: [service("a"), service("b"), service("example.com"), service("b", subset: "v1")], taken: [])
        #expect(names == ["a", "b", "example.com", "b-v1"])
    }

    @Test func longerNamesWhereTheyAreNot() {
        let services = [
            service("a"), service("a", 81), service("b"), service("b", namespace: "other"), service("c"),
            service("c", 81), service("c", namespace: "other"),
        ]
        #expect(
            ManifestBackendNames.names(of: services, taken: []) == [
                "a-80", "a-81", "b.ns", "b.other", "c.ns-80", "c.ns-81", "c.other-80",
            ])
    }

    @Test func namesOfNativeBackendsAreTaken() {
        #expect(ManifestBackendNames.names(of: [service("a")], taken: ["a"]) == ["a-80"])
        #expect(ManifestBackendNames.names(of: [service("a")], taken: ["a", "a-80", "a.ns"]) == ["a.ns-80"])
        #expect(
            ManifestBackendNames.names(of: [service("a")], taken: ["a", "a-80", "a.ns", "a.ns-80"]) == ["a.ns-80-2"])
    }

    @Test func oneServiceUsedInTwoWays() {
        #expect(ManifestBackendNames.names(of: [service("a"), service("a")], taken: []) == ["a.ns-80", "a.ns-80-2"])
    }

    @Test func usesThatWantTheSameShareABackend() throws {
        let backends = ManifestBackends(native: Gateway(), report: Report())
        let place = Position(file: 0, line: 1, column: 1)
        let first = try #require(backends.use(service("a"), at: place))
        let again = try #require(backends.use(service("a.ns.svc.cluster.local"), at: place))
        let grpc = try #require(backends.use(service("a"), at: place) { $0.protocol = .http2 })
        #expect(first == again && first != grpc)
        var forward = Route.Forward(
            backends: [first, again, grpc].map { Route.WeightedBackend(backend: $0, label: $0) })
        forward.mirrors = [Route.Mirror(backend: grpc)]
        var routes = [Route(name: "r", action: .forward(forward))]
        let made = backends.finish(&routes)
        #expect(made.map(\.name) == ["a.ns-80", "a.ns-80-2"])
        #expect(made.allSatisfy { $0.server == .generic })
        #expect(made[0].endpoints.map(\.address.description) == ["a.ns.svc.cluster.local:80"])
        guard case .forward(let named) = routes[0].action else { return }
        #expect(named.backends.map(\.backend) == ["a.ns-80", "a.ns-80", "a.ns-80-2"])
        #expect(named.backends.map(\.label) == ["a.ns-80", "a.ns-80-2", "a.ns-80-2-2"])
        #expect(named.mirrors.map(\.backend) == ["a.ns-80-2"])
    }

    @Test func aSubsetNeedsAPin() throws {
        let report = Report()
        let place = Position(file: report.add(file: "m.yaml"), line: 3, column: 4)
        #expect(ManifestBackends(native: Gateway(), report: report).use(service("a", subset: "v1"), at: place) == nil)
        #expect(
            report.sorted().map(\.description) == [
                "m.yaml:3:4: error: the subset 'v1' is known by labels that only Kubernetes sees: write where it is, 'resolve: { v1.a.ns.svc.cluster.local: HOST:PORT }', or name a service of its own"
            ])
        var native = Gateway()
        native.resolve = ["v1.a": HostPort(host: "127.0.0.1", port: 1)]
        #expect(ManifestBackends(native: native, report: report).use(service("a", subset: "v1"), at: place) != nil)
    }

    @Test(arguments: ["a b", "-a", "1.2.3", "*.a"])
    func badHosts(host: String) throws {
        let report = Report()
        let place = Position(file: report.add(file: "m.yaml"), line: 1, column: 1)
        #expect(ManifestBackends(native: Gateway(), report: report).use(service(host), at: place) == nil)
        #expect(report.hasErrors)
    }

    @Test(arguments: ["a.ns.svc.cluster.local", "a.ns.svc", "a.ns", "a"])
    func everyFormOfAServicesNamePins(key: String) {
        let place = HostPort(host: "127.0.0.1", port: 1)
        #expect(Pins.place(of: "A.ns.svc.cluster.local", in: [key: place]) == place)
        #expect(Pins.place(of: "a.other.svc.cluster.local", in: [key: place]) == (key == "a" ? place : nil))
        #expect(Pins.place(of: "a.example.com", in: [key: place]) == nil)
    }

    @Test func theLongestFormPins() {
        let (one, two) = (HostPort(host: "127.0.0.1", port: 1), HostPort(host: "127.0.0.1", port: 2))
        #expect(Pins.place(of: "a.ns.svc.cluster.local", in: ["a": one, "a.ns": two]) == two)
        #expect(Pins.place(of: "a.ns.svc.cluster.local.", in: ["a.ns.svc.cluster.local": two]) == two)
    }
}
