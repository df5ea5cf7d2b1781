import Foundation
import Testing

@testable import Kubernetes

@Suite struct ServiceEndpointsTests {
    private static func slice(_ name: String, _ text: String) throws -> EndpointSlice {
        let whole = "{\"metadata\":{\"name\":\"\(name)\",\"namespace\":\"ml\"},\"addressType\":\"IPv4\",\(text)}"
        return try JSONDecoder().decode(EndpointSlice.self, from: Data(whole.utf8))
    }

    private static let ports =
        #""ports":[{"name":"http","port":8000,"protocol":"TCP"},{"name":"grpc","port":8001},{"name":"dns","port":53,"protocol":"UDP"}]"#

    private static func pod(_ address: String, _ name: String, _ conditions: String = "{\"ready\":true}") -> String {
        "{\"addresses\":[\"\(address)\"],\"conditions\":\(conditions),\"targetRef\":{\"kind\":\"Pod\",\"name\":\"\(name)\"}}"
    }

    private static func text(_ endpoints: ServiceEndpoints) -> [String] {
        endpoints.endpoints.map { "\($0.address):\($0.port) \($0.pod ?? "-")" }
    }

    @Test func severalSlicesAreOneService() throws {
        let slices = [
            try Self.slice(
                "s-2", "\"endpoints\":[\(Self.pod("10.0.0.3", "c")),\(Self.pod("10.0.0.1", "late"))],\(Self.ports)"),
            try Self.slice(
                "s-1", "\"endpoints\":[\(Self.pod("10.0.0.2", "b")),\(Self.pod("10.0.0.1", "a"))],\(Self.ports)"),
        ]
        let found = ServiceEndpoints(slices, port: "http")
        #expect(Self.text(found) == ["10.0.0.1:8000 a", "10.0.0.2:8000 b", "10.0.0.3:8000 c"])
        #expect(found == ServiceEndpoints(slices.reversed(), port: "http"), "the order does not matter")
    }

    @Test func onlyThoseThatTakeRequestsCount() throws {
        let endpoints = [
            Self.pod("10.0.0.1", "ready"), Self.pod("10.0.0.2", "unready", "{\"ready\":false,\"serving\":false}"),
            Self.pod("10.0.0.3", "leaving", "{\"ready\":false,\"serving\":true,\"terminating\":true}"),
            Self.pod("10.0.0.4", "unsaid", "{}"), Self.pod("10.0.0.5", "null", "{\"ready\":null}"),
            // As Services with publishNotReadyAddresses have them.
            Self.pod("10.0.0.6", "leaving-ready", "{\"ready\":true,\"terminating\":true}"),
            "{\"addresses\":[\"10.0.0.7\"]}", "{\"addresses\":[]}", "{\"addresses\":7}", "7",
        ].joined(separator: ",")
        let slice = try Self.slice("s", "\"endpoints\":[\(endpoints)],\(Self.ports)")
        #expect(
            Self.text(ServiceEndpoints([slice], port: "http")) == [
                "10.0.0.1:8000 ready", "10.0.0.4:8000 unsaid", "10.0.0.5:8000 null", "10.0.0.7:8000 -",
            ])
    }

    @Test func aPortHasANameOrANumber() throws {
        let slice = try Self.slice("s", "\"endpoints\":[\(Self.pod("10.0.0.1", "a"))],\(Self.ports)")
        #expect(Self.text(ServiceEndpoints([slice], port: "grpc")) == ["10.0.0.1:8001 a"])
        #expect(Self.text(ServiceEndpoints([slice], port: "8001")) == ["10.0.0.1:8001 a"])
        for wrong in ["8002", "dns", "53", "", "0", "99999", "HTTP"] {
            let found = ServiceEndpoints([slice], port: wrong)
            #expect(found.endpoints.isEmpty)
            #expect(found.otherPorts == ["dns (53)", "grpc (8001)", "http (8000)"])
        }
        let any = try Self.slice(
            "s", "\"endpoints\":[\(Self.pod("10.0.0.1", "a"))],\"ports\":[{\"name\":\"\",\"port\":null}]")
        #expect(Self.text(ServiceEndpoints([any], port: "9000")) == ["10.0.0.1:9000 a"])
        #expect(ServiceEndpoints([any], port: "http").endpoints.isEmpty)
    }

    @Test func portsOfPodsMayDiffer() throws {
        let slices = [
            try Self.slice(
                "s-1", "\"endpoints\":[\(Self.pod("10.0.0.1", "a"))],\"ports\":[{\"name\":\"http\",\"port\":8000}]"),
            try Self.slice(
                "s-2", "\"endpoints\":[\(Self.pod("10.0.0.1", "a"))],\"ports\":[{\"name\":\"http\",\"port\":9000}]"),
        ]
        #expect(Self.text(ServiceEndpoints(slices, port: "http")) == ["10.0.0.1:8000 a", "10.0.0.1:9000 a"])
    }

    @Test func addressesThatAreNoneOfOursAreLeftOut() throws {
        var slice = try Self.slice("s", "\"endpoints\":[\(Self.pod("a.example.com", "a"))],\(Self.ports)")
        slice.addressType = "FQDN"
        #expect(ServiceEndpoints([slice], port: "http").endpoints.isEmpty)
        let long = try Self.slice(
            "s", "\"endpoints\":[\(Self.pod(String(repeating: "1", count: 46), "a"))],\(Self.ports)")
        #expect(ServiceEndpoints([long], port: "http").endpoints.isEmpty)
    }

    @Test func noMoreThanTheLimitIsUsed() throws {
        let endpoints = (0..<5100).map { Self.pod("10.0.\($0 / 256).\($0 % 256)", "p\($0)") }.joined(separator: ",")
        let slice = try Self.slice("s", "\"endpoints\":[\(endpoints)],\(Self.ports)")
        let found = ServiceEndpoints([slice], port: "http")
        #expect(found.endpoints.count == ServiceEndpoints.limit && found.isCut)
    }
}
