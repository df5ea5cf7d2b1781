import Base
import Foundation
import Models
import Testing

@testable import Kubernetes

@Suite struct MetricQuestionTests {
    private static func call(_ path: String) -> CustomMetricsCall? {
        CustomMetricsCall(path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init))
    }

    private static let base = "/apis/custom.metrics.k8s.io/v1beta1"

    private static func ask(
        _ path: String, _ query: [String: String] = [:], _ picture: ScalePicture
    ) throws -> MetricValueList {
        guard case .values(let path) = call(path) else { throw StatusAnswer.noSuchPath }
        return try MetricQuestion(path, query: query).answer(picture) { $0 == nil ? "now" : "2026-11-21T01:10:00Z" }
    }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private static let picture = ScalePictureTests.picture([
        ScalePictureTests.endpoint(
            "triton-0", ScalePictureTests.reading([("m", 10, 3993, 1000, 0), ("n", 0, 0, 0, 0)])),
        ScalePictureTests.endpoint("triton-1", ScalePictureTests.reading([("m", 0, 0, 0, 0)])),
        ScalePictureTests.endpoint("stale", nil),
    ])

    @Test(
        arguments: [
            ("/healthz", .alive), ("/livez", .alive), ("/readyz", .ready), ("/version", .version),
            ("/openapi/v2", .openAPI2),
            ("/openapi/v3", .openAPI3), ("/apis", .groups), ("/apis/custom.metrics.k8s.io", .group),
            ("/apis/custom.metrics.k8s.io/v1beta1", .resources(.v1beta1)),
            ("/apis/custom.metrics.k8s.io/v1beta2", .resources(.v1beta2)),
        ] as [(String, CustomMetricsCall)])
    func pathsStandForCalls(path: String, expected: CustomMetricsCall) { #expect(Self.call(path) == expected) }

    @Test(arguments: [
        "", "/", "/api", "/apis/apps", "/apis/custom.metrics.k8s.io/v1", "/apis/custom.metrics.k8s.io/v1beta3/x",
        base + "/x", base + "/x/y", base + "/namespaces/ml/pods/p", base + "/namespaces/ml/pods/p/m/more",
        base + "/namespaces//pods/*/m", base + "/namespaces/ml/pods//m", base + "//", "/healthz/x",
    ])
    func otherPathsStandForNone(path: String) { #expect(Self.call(path) == nil) }

    @Test func aListOfTheFirstVersion() throws {
        let list = try Self.ask(Self.base + "/namespaces/ml/pods/*/avg_time_queue_us", [:], Self.picture)
        let expected =
            #"{"apiVersion":"custom.metrics.k8s.io/v1beta1","items":[{"describedObject":{"apiVersion":"/v1","kind":"Pod","name":"triton-0","namespace":"ml"},"metricName":"avg_time_queue_us","selector":null,"timestamp":"2026-11-21T01:10:00Z","value":"399300m","window":30},{"describedObject":{"apiVersion":"/v1","kind":"Pod","name":"triton-1","namespace":"ml"},"metricName":"avg_time_queue_us","selector":null,"timestamp":"2026-11-21T01:10:00Z","value":"0","window":30}],"kind":"MetricValueList","metadata":{}}"#
        #expect(try Self.json(list) == expected)
    }

    @Test func aListOfTheSecondVersion() throws {
        let path = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/ml/services/svc/requests_per_second"
        let expected =
            #"{"apiVersion":"custom.metrics.k8s.io/v1beta2","items":[{"describedObject":{"apiVersion":"/v1","kind":"Service","name":"svc","namespace":"ml"},"metric":{"name":"requests_per_second","selector":null},"timestamp":"2026-11-21T01:10:00Z","value":"334m","windowSeconds":30}],"kind":"MetricValueList","metadata":{}}"#
        #expect(try Self.json(try Self.ask(path, [:], Self.picture)) == expected)
    }

    @Test func onePodTheServiceAndTheNamespace() throws {
        let one = try Self.ask(Self.base + "/namespaces/ml/pods/triton-1/pending_requests", [:], Self.picture)
        #expect(one.items.map(\.object.name) == ["triton-1"])
        let backend = try Self.ask(Self.base + "/namespaces/ml/services/triton/avg_time_queue_us", [:], Self.picture)
        #expect(backend.items.map(\.value.description) == ["399300m"])
        for path in ["/namespaces/ml/metrics/avg_time_queue_us", "/namespaces/ml/avg_time_queue_us"] {
            let all = try Self.ask(Self.base + path, [:], Self.picture)
            #expect(all.items.map(\.object) == [.init(kind: "Namespace", namespace: nil, name: "ml")])
        }
    }

    @Test func modelsAndLabelsAreChosen() throws {
        let all = Self.base + "/namespaces/ml/pods/*/avg_time_queue_us"
        let none = try Self.ask(all, ["metricLabelSelector": "model=n,version=1"], Self.picture)
        #expect(none.items.map(\.value.description) == ["0", "0"])
        #expect(try Self.ask(all, ["labelSelector": "app=other"], Self.picture).items.isEmpty)
        #expect(try Self.ask(all, ["labelSelector": "app in (triton)"], Self.picture).items.count == 2)
    }

    /// Whatever it is of: only the model that is named counts, and only what has the labels.
    @Test(arguments: ["pods/*", "pods/triton-0", "services/svc", "metrics"])
    func modelsAndLabelsAreChosenEverywhere(_ objects: String) throws {
        let path = Self.base + "/namespaces/ml/\(objects)/avg_time_queue_us"
        let (one, none) = ("399300m", "0")
        for (selector, value) in [
            ("model=m", one), ("model=m,version=1", one), ("model=m,version=2", none), ("model=n", none),
        ] {
            let found = try Self.ask(path, ["metricLabelSelector": selector], Self.picture)
            #expect(found.items.first?.value.description == value, "\(selector)")
        }
        if objects == "pods/triton-0" {
            #expect(throws: StatusAnswer.self) { try Self.ask(path, ["labelSelector": "app=other"], Self.picture) }
            #expect(try Self.ask(path, ["labelSelector": "app=triton"], Self.picture).items.count == 1)
        }
    }

    @Test(arguments: [(0, 0), (499, 0), (500, 1), (29_600, 30), (30_400, 30)] as [(UInt64, Int)])
    func windowsAreWholeSeconds(milliseconds: UInt64, seconds: Int) throws {
        var reading = ScalePictureTests.reading([("m", 1, 1, 1, 0)])
        reading.window = .milliseconds(milliseconds)
        let list = try Self.ask(
            Self.base + "/namespaces/ml/pods/p/pending_requests", [:],
            ScalePictureTests.picture([ScalePictureTests.endpoint("p", reading)]))
        #expect(list.items.map(\.windowSeconds) == [seconds])
    }

    @Test(arguments: [
        ("labelSelector", "app in"), ("labelSelector", "a b"), ("metricLabelSelector", "version=1"),
        ("metricLabelSelector", "model!=a"), ("metricLabelSelector", "model=a,zone=b"),
        ("metricLabelSelector", "model"),
        ("metricLabelSelector", "model=a,model=b"), ("metricLabelSelector", "model in (a,b)"),
        ("metricLabelSelector", "=="),
    ])
    func wrongSelectorsAreBadRequests(key: String, selector: String) throws {
        do {
            _ = try Self.ask(Self.base + "/namespaces/ml/pods/*/avg_time_queue_us", [key: selector], Self.picture)
            Issue.record("\(key)=\(selector) was taken")
        } catch let status as StatusAnswer {
            #expect(status.code == 400 && status.reason == "BadRequest" && !status.message.isEmpty)
        }
    }

    @Test(arguments: [
        ("/namespaces/ml/pods/*/nonsense", "the server could not find the metric nonsense for pods"),
        (
            "/namespaces/ml/pods/stale/pending_requests",
            "the server could not find the metric pending_requests for pods stale"
        ),
        (
            "/namespaces/ml/services/other/pending_requests",
            "the server could not find the metric pending_requests for services other"
        ),
        (
            "/namespaces/ml/deployments.apps/a/pending_requests",
            "the server could not find the metric pending_requests for deployments.apps a"
        ),
        ("/nodes/a/pending_requests", "the server could not find the metric pending_requests for nodes a"),
        (
            "/namespaces/ml/pods/triton-0/gpu_utilization",
            "the server could not find the metric gpu_utilization for pods triton-0"
        ),
    ])
    func whatThereIsNotIsNotFound(path: String, message: String) throws {
        do {
            _ = try Self.ask(Self.base + path, [:], Self.picture)
            Issue.record("\(path) was found")
        } catch let status as StatusAnswer {
            #expect(status.code == 404 && status.reason == "NotFound" && status.message == message)
        }
    }

    /// With no endpoint at all, nothing is what is waited for, but for what waits in the gateway: so is scaled from zero.
    @Test func aServiceWithoutEndpointsHasWhatIsHeld() throws {
        let empty = ScalePictureTests.picture([], held: 3)
        let base = Self.base + "/namespaces/ml/services/svc/"
        #expect(try Self.ask(base + "pending_requests", [:], empty).items.map(\.value.description) == ["3"])
        #expect(try Self.ask(base + "avg_time_queue_us", [:], empty).items.map(\.value.description) == ["0"])
        #expect(try Self.ask(base + "avg_time_queue_us", [:], empty).items.map(\.timestamp) == ["now"])
        // How busy processors are that are not there, nobody can say.
        #expect(throws: StatusAnswer.self) { try Self.ask(base + "gpu_utilization", [:], empty) }
        let silent = ScalePictureTests.picture([ScalePictureTests.endpoint("p", nil)])
        #expect(throws: StatusAnswer.self) { try Self.ask(base + "pending_requests", [:], silent) }
    }

    @Test func discoveryNamesEveryMetric() throws {
        let list = Discovery.resources(.v1beta2)
        #expect(list.resources.count == 3 * ScaleMetric.allCases.count)
        let first = try Self.json(list.resources[0])
        #expect(
            first
                == #"{"kind":"MetricValueList","name":"pods/avg_time_queue_us","namespaced":true,"singularName":"","verbs":["get"]}"#
        )
        #expect(list.resources.contains { $0.name == "namespaces/avg_time_queue_us" && !$0.namespaced })
        let group = try Self.json(Discovery.group)
        #expect(
            group
                == #"{"apiVersion":"v1","kind":"APIGroup","name":"custom.metrics.k8s.io","preferredVersion":{"groupVersion":"custom.metrics.k8s.io/v1beta2","version":"v1beta2"},"versions":[{"groupVersion":"custom.metrics.k8s.io/v1beta2","version":"v1beta2"},{"groupVersion":"custom.metrics.k8s.io/v1beta1","version":"v1beta1"}]}"#
        )
        #expect(try Self.json(Discovery.groups).contains(#""groups":[{"name":"custom.metrics.k8s.io""#))
    }
}
