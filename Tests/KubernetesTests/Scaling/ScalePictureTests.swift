import Base
import Configuration
import Models
import Testing

@testable import Kubernetes

@Suite struct ScalePictureTests {
    /// Names, successes, microseconds in the queue and in the model, and what waits, within the last 30 s.
    static func reading(_ models: [(String, UInt64, UInt64, UInt64, Int?)], at seconds: UInt64 = 100) -> EndpointReading
    {
        EndpointReading(
            readAt: Instant(nanoseconds: seconds * 1_000_000_000), window: .seconds(30),
            models: models.map { name, successes, queue, compute, pending in
                let parts = name.split(separator: ":")
                var model = ModelReading(name: String(parts[0]), version: parts.count > 1 ? String(parts[1]) : "1")
                model.recent.successes = successes
                model.recent.queueMicroseconds = queue
                model.recent.computeMicroseconds = compute
                model.pending = pending
                return model
            })
    }

    static func endpoint(
        _ pod: String?, _ reading: EndpointReading?, labels: [String: String]? = ["app": "triton"], gpu: Double? = nil,
        address: String? = nil
    ) -> ScalePicture.Endpoint {
        ScalePicture.Endpoint(
            address: address ?? "10.0.0.1:\(pod ?? "")", pod: pod.map { PodIdentity(namespace: "ml", name: $0) },
            labels: labels, isReady: true, reading: reading, gpu: gpu)
    }

    static func picture(_ endpoints: [ScalePicture.Endpoint], queued: Int = 0, held: Int = 0) -> ScalePicture {
        ScalePicture(
            backends: [
                .init(
                    name: "triton", services: [ObjectKey(namespace: "ml", name: "svc")], endpoints: endpoints,
                    queued: queued, held: held)
            ], namespace: "ml")
    }

    private static func values(
        _ picture: ScalePicture, _ metric: ScaleMetric, model: ModelChoice? = nil,
        _ selector: LabelSelector = .everything
    ) -> [String: Double] {
        Dictionary(
            uniqueKeysWithValues: picture.pods(in: "ml", selector, model: model).compactMap { pod in
                pod.numbers.value(of: metric).map { (pod.name, $0) }
            })
    }

    /// The rule that is wrong elsewhere takes the mean of the models' means, idle ones too.
    @Test func theMeanIsOverRequestsAndNotOverModels() {
        let busy = Self.reading([("a", 300, 119_790, 1000, 2), ("idle", 0, 0, 0, 0), ("b", 100, 10, 50, 1)])
        let picture = Self.picture([Self.endpoint("p", busy)])
        #expect(Self.values(picture, .queueTime) == ["p": 119_800.0 / 400])
        #expect(Self.values(picture, .rate) == ["p": 400.0 / 30])
        #expect(Self.values(picture, .pending) == ["p": 3])
        #expect(Self.values(picture, .queueToCompute) == ["p": 119_800.0 / 1050])
        #expect(Self.values(picture, .queueTime, model: ModelChoice(name: "a")) == ["p": 399.3])
        #expect(Self.values(picture, .queueTime, model: ModelChoice(name: "none")) == ["p": 0])
        #expect(Self.values(picture, .queueTime, model: ModelChoice(name: "a", version: "2")) == ["p": 0])
    }

    @Test func whoIsIdleHasNothingAndWhoIsSilentIsLeftOut() {
        let picture = Self.picture([
            Self.endpoint("idle", Self.reading([("a", 0, 0, 0, 0)])), Self.endpoint("silent", nil),
            Self.endpoint("empty", Self.reading([])), Self.endpoint(nil, Self.reading([("a", 1, 1, 1, 1)])),
        ])
        for metric in ScaleMetric.allCases where metric != .gpuUtilization {
            #expect(Self.values(picture, metric) == ["idle": 0, "empty": 0], "\(metric)")
        }
        #expect(Self.values(picture, .gpuUtilization) == [:])
    }

    /// Where everything hangs, nothing has waited so far, as who has not come through is not counted.
    @Test func whereNobodyComesThroughTheyWaitAtLeastAsLongAsWasLookedAt() {
        let picture = Self.picture([Self.endpoint("p", Self.reading([("a", 0, 0, 0, 5)]))])
        #expect(Self.values(picture, .queueTime) == ["p": 30_000_000])
    }

    @Test func whatWaitsInTheGatewayIsSharedAmongThePods() {
        let idle = Self.reading([("a", 0, 0, 0, 1)])
        let picture = Self.picture([Self.endpoint("p", idle), Self.endpoint("q", idle)], queued: 4, held: 1)
        #expect(Self.values(picture, .pending) == ["p": 3.5, "q": 3.5])
        #expect(picture.service("svc", in: "ml", model: nil)?.numbers.value(of: .pending) == 7)
        #expect(picture.backend("triton", model: nil)?.numbers.value(of: .pending) == 7)
    }

    @Test func selectorsChoosePods() throws {
        let idle = Self.reading([])
        let picture = Self.picture([
            Self.endpoint("p", idle), Self.endpoint("q", idle, labels: ["app": "other"]),
            Self.endpoint("unknown", idle, labels: [:]), Self.endpoint("nobody-can-say", idle, labels: nil),
        ])
        #expect(Self.values(picture, .rate, try LabelSelector("app=triton")).keys.sorted() == ["nobody-can-say", "p"])
        #expect(Self.values(picture, .rate).count == 4)
        #expect(picture.pods(in: "default", .everything, model: nil).isEmpty)
    }

    @Test func whatTwoBackendsHaveIsCountedOnce() {
        let reading = Self.reading([("a", 30, 300, 300, 2)])
        var picture = Self.picture([Self.endpoint("p", reading)], queued: 1)
        picture.backends.append(
            .init(
                name: "again", services: [ObjectKey(namespace: "ml", name: "svc")],
                endpoints: [Self.endpoint("p", reading)], queued: 2, held: 0))
        #expect(Self.values(picture, .pending) == ["p": 5])
        #expect(Self.values(picture, .rate) == ["p": 1])
        #expect(picture.service("svc", in: "ml", model: nil)?.numbers.value(of: .pending) == 5)
        // Two servers in one pod are added up.
        let two = Self.picture([Self.endpoint("p", reading), Self.endpoint("p", reading, address: "10.0.0.1:9000")])
        #expect(Self.values(two, .rate) == ["p": 2])
    }

    @Test func processorsOfAPodAreWhatDCGMSaysOfThem() {
        var reading = Self.reading([])
        reading.gpus = [GPUReading(id: "a", utilization: 0.2), GPUReading(id: "b", utilization: 0.6)]
        let picture = Self.picture([
            Self.endpoint("own", reading), Self.endpoint("dcgm", reading, gpu: 0.9),
            Self.endpoint("none", Self.reading([])),
        ])
        let values = Self.values(picture, .gpuUtilization)
        #expect(values == ["own": 0.4, "dcgm": 0.9])
        #expect(picture.service("svc", in: "ml", model: nil)?.numbers.value(of: .gpuUtilization) == 0.65)
    }

    @Test func aBackendIsAServiceOfTheNamespaceToo() {
        let picture = Self.picture([])
        #expect(picture.service("triton", in: "ml", model: nil) != nil)
        #expect(picture.service("svc", in: "ml", model: nil)?.isEmpty == true)
        #expect(picture.service("triton", in: "default", model: nil) == nil)
        #expect(picture.service("other", in: "ml", model: nil) == nil)
        #expect(picture.backend("svc", model: nil) == nil)
    }

    /// Each endpoint's rate is over its own window; what is told of time is what can be said of all of them.
    @Test func readingsOfDifferentTimes() {
        var young = Self.reading([("a", 10, 0, 0, 0)], at: 103)
        young.window = .seconds(5)
        let old = Self.reading([("a", 60, 0, 0, 0)], at: 99)
        let (one, other) = (Self.endpoint("p", young), Self.endpoint("q", old))
        for endpoints in [[one, other], [other, one]] {
            let numbers = Self.picture(endpoints).backend("triton", model: nil)?.numbers
            #expect(numbers?.value(of: .rate) == 4 && numbers?.endpoints == 2)
            #expect(numbers?.readAt == old.readAt && numbers?.window == .seconds(30))
        }
        young.window = Nanoseconds(0)
        #expect(Self.values(Self.picture([Self.endpoint("p", young)]), .rate) == ["p": 0])
    }

    @Test func saysWhetherAnybodyKnowsTheModel() {
        let picture = Self.picture([
            Self.endpoint("p", Self.reading([("a", 4, 40, 1, 2)])),
            Self.endpoint("q", Self.reading([("b", 1, 5, 1, 1)])),
        ])
        func numbers(_ name: String, _ version: String? = nil) -> ScaleNumbers? {
            picture.backend("triton", model: ModelChoice(name: name, version: version))?.numbers
        }
        #expect(numbers("a")?.knowsModel == true && numbers("a", "1")?.knowsModel == true)
        #expect(numbers("a", "2")?.knowsModel == false && numbers("c")?.knowsModel == false)
        #expect(numbers("a")?.value(of: .queueTime) == 10 && numbers("b")?.value(of: .pending) == 1)
    }

    /// Time in queues and none in models is no ratio, and not none.
    @Test func aRatioOfNothing() {
        let waiting = Self.picture([Self.endpoint("p", Self.reading([("a", 1, 5, 0, 0)]))])
        #expect(Self.values(waiting, .queueToCompute) == [:])
    }

    @Test func aNamespaceIsWhatItsPodsAre() {
        var picture = Self.picture([Self.endpoint("p", Self.reading([("a", 30, 0, 0, 0)]))], held: 2)
        var elsewhere = Self.endpoint("p", Self.reading([("a", 60, 0, 0, 0)]), address: "10.0.0.9:8000")
        elsewhere.pod = PodIdentity(namespace: "other", name: "p")
        picture.backends[0].endpoints += [elsewhere, Self.endpoint(nil, Self.reading([("a", 90, 0, 0, 0)]))]
        #expect(Self.values(picture, .rate) == ["p": 1])
        #expect(picture.all(in: "ml", model: nil).value(of: .rate) == 1)
        #expect(picture.all(in: "other", model: nil).value(of: .rate) == 2)
        #expect(picture.all(in: "nowhere", model: nil).value(of: .rate) == nil)
        // With no pod left, what is held for a Service of the namespace still waits there.
        let empty = Self.picture([], held: 3)
        #expect(empty.all(in: "ml", model: nil).value(of: .pending) == 3)
        #expect(empty.all(in: "other", model: nil).value(of: .pending) == nil)
    }

    /// It is empty only where all of it is.
    @Test func aServiceOfSeveralBackends() {
        var picture = Self.picture([Self.endpoint("p", nil)])
        picture.backends.append(
            .init(
                name: "again", services: [ObjectKey(namespace: "ml", name: "svc")], endpoints: [], queued: 0, held: 0))
        #expect(picture.service("svc", in: "ml", model: nil)?.isEmpty == false)
        picture.backends[0].endpoints = []
        #expect(picture.service("svc", in: "ml", model: nil)?.isEmpty == true)
    }

    /// Numbers at their ends neither trap nor become something that is none.
    @Test func extremesStayNumbers() {
        let most = Self.reading([("a", .max, .max, .max, .max), ("b", .max, .max, 1, .max / 2)])
        var still = most
        still.window = Nanoseconds(0)
        for reading in [most, still] {
            let picture = Self.picture([Self.endpoint("p", reading), Self.endpoint("q", reading)], queued: .max / 4)
            for metric in ScaleMetric.allCases {
                for value in Self.values(picture, metric).values { #expect(value.isFinite && value >= 0) }
            }
        }
    }
}
