import Models
import Testing

@Suite struct MetricsPageTests {
    @Test(arguments: [Int.max, 1, 7, 100, 4096])
    func aRealPage(pieces: Int) throws {
        let found = try read(page("triton-2.51-metrics.txt"), pieces: pieces)
        #expect(
            found.models.map { "\($0.name)/\($0.version)" } == [
                "densenet/1", "densenet/2", "densenet_of_next_year/1", "tokens/1", "tokens/2",
            ])
        let first = try #require(found["densenet", "1"])
        #expect(first.counts.successes == 7)
        #expect(first.counts.inferences == 7)
        #expect(first.counts.executions == 7)
        #expect(first.counts.requestMicroseconds == 58123)
        #expect(first.counts.queueMicroseconds == 266)
        #expect(first.counts.computeMicroseconds == 355 + 56992 + 485)
        #expect(first.counts.failures.sum == 0)
        #expect(first.pending == 0)
        #expect(found.refusedSamples == 0 && found.leftOut == 0 && found.gpus.isEmpty)
    }

    @Test func failuresByReason() throws {
        let found = try read(
            """
            nv_inference_request_failure{model="a",reason="REJECTED",version="1"} 1
            nv_inference_request_failure{model="a",reason="CANCELED",version="1"} 2
            nv_inference_request_failure{model="a",reason="BACKEND",version="1"} 3
            nv_inference_request_failure{model="a",reason="OTHER",version="1"} 4
            nv_inference_request_failure{model="b",version="1"} 5
            """)
        let reasons = try #require(found["a", "1"]).counts.failures
        #expect(reasons.rejected == 1 && reasons.canceled == 2 && reasons.backend == 3 && reasons.other == 4)
        #expect(reasons.sum == 10)
        #expect(try #require(found["b", "1"]).counts.failures.other == 5)
    }

    @Test func oldVersionsHaveLess() throws {
        let found = try read(
            """
            # HELP nv_inference_request_success Number of successful inference requests, all batch sizes
            nv_inference_request_success{gpu_uuid="GPU-1",model="m",version="3"} 10
            nv_inference_compute_duration_us{gpu_uuid="GPU-1",model="m",version="3"} 5000
            """)
        let model = try #require(found["m", "3"])
        #expect(model.counts.successes == 10 && model.counts.computeMicroseconds == 5000)
        #expect(model.pending == nil)
    }

    @Test func processors() throws {
        let found = try read(
            """
            nv_gpu_utilization{gpu_uuid="GPU-a"} 0.25
            nv_gpu_utilization{gpu_uuid="GPU-b"} 1
            nv_gpu_utilization{gpu_uuid="GPU-c"} 1.5
            nv_gpu_utilization{gpu_uuid="GPU-d"} NaN
            nv_gpu_utilization 0.5
            nv_gpu_utilization{gpu_uuid="GPU-a"} 0.5
            """)
        #expect(found.gpus == [.init(id: "GPU-a", utilization: 0.5), .init(id: "GPU-b", utilization: 1)])
        #expect(found.refusedSamples == 3)
    }

    @Test func aTorchServe() throws {
        let found = try read(
            """
            # TYPE ts_inference_requests_total counter
            ts_inference_requests_total{model_name="resnet",model_version="1.0",hostname="h",} 4.0
            ts_inference_latency_microseconds{model_name="resnet",model_version="1.0",hostname="h",} 2000.5
            ts_queue_latency_microseconds{model_name="resnet",model_version="1.0",hostname="h",} 364.884
            """)
        let counts = try #require(found["resnet", "1.0"]).counts
        #expect(counts.successes == 4 && counts.queueMicroseconds == 364 && counts.requestMicroseconds == 2000)
        #expect(counts.computeMicroseconds == 2000 - 364)
    }

    @Test(arguments: [
        ("5", 5), ("0", 0), ("1.5e3", 1500), ("1E+2", 100), ("+7", 7), ("2.9", 2), ("12 1395066363000", 12),
        ("1.8014398509481984e+16", 18_014_398_509_481_984),
    ])
    func numbers(text: String, value: UInt64) throws {
        let found = try read("nv_inference_count{model=\"m\",version=\"1\"} \(text)\n")
        #expect(found["m", "1"]?.counts.inferences == value)
    }

    @Test(arguments: [
        "NaN", "nan", "+Inf", "Inf", "-Inf", "-1", "-0.5", "1e300", "1e19", "0x10", "abc", "1,5", "1e", "--1",
        "infinity",
    ])
    func numbersThatCannotBe(text: String) throws {
        let found = try read(
            "nv_inference_count{model=\"m\",version=\"1\"} \(text)\nnv_inference_exec_count{model=\"m\",version=\"1\"} 3\n"
        )
        #expect(found["m", "1"]?.counts.inferences == 0)
        #expect(found["m", "1"]?.counts.executions == 3)
        #expect(found.refusedSamples == 1)
    }

    @Test func pendingHasALimitOfItsOwn() throws {
        let found = try read("nv_inference_pending_request_count{model=\"m\",version=\"1\"} 1e10\n")
        #expect(found.models.isEmpty && found.refusedSamples == 1)
    }

    @Test(arguments: [
        (#"a/b"#, "a/b"), (#"say \"hi\""#, #"say "hi""#), (#"back\\slash"#, #"back\slash"#), ("ünï→模型", "ünï→模型"),
        ("a,b={}", "a,b={}"), (" spaces ", " spaces "),
        (String(repeating: "m", count: 255), String(repeating: "m", count: 255)),
    ])
    func oddNames(text: String, name: String) throws {
        let found = try read("nv_inference_count{model=\"\(text)\",version=\"1\"} 1\n")
        #expect(found.models.map(\.name) == [name])
    }

    @Test(arguments: ["", #"two\nlines"#, "bell\u{7}", String(repeating: "m", count: 256)])
    func namesThatNoModelHas(text: String) throws {
        let found = try read("nv_inference_count{model=\"\(text)\",version=\"1\"} 1\n")
        #expect(found.models.isEmpty && found.refusedSamples == 1)
    }

    @Test func namesThatAreNoText() throws {
        let line = Array("nv_inference_count{model=\"".utf8) + [0xFF, 0xFE] + Array("\",version=\"1\"} 1\n".utf8)
        let found = try read(line)
        #expect(found.models.isEmpty && found.refusedSamples == 1)
    }

    @Test(arguments: [
        "nv_inference_count{model=\"m\" 1", "nv_inference_count{model=m} 1", "nv_inference_count{model=\"m\"}",
        "nv_inference_count", "nv_inference_count{=\"m\"} 1", "nv_inference_count{model=\"m\\q\"} 1", "{model=\"m\"} 1",
        "nv_inference_count{model=\"m\" version=\"1\"} 1", "7nv_inference_count 1", "nv_inference_count{model=\"m",
        "{{{{",
    ])
    func linesThatAreNone(line: String) throws {
        let found = try read("# TYPE nv_inference_count counter\n\(line)\nnv_inference_count{model=\"after\"} 1\n")
        #expect(found.models.map(\.name) == ["after"])
    }

    @Test func aLineWithoutAnEnd() throws {
        var reader = MetricsPageReader()
        try reader.read(Array("nv_inference_count{model=\"first\"} 1\nnv_inference_count{model=\"".utf8))
        for _ in 0..<100 { try reader.read([UInt8](repeating: UInt8(ascii: "m"), count: 10_000)) }
        try reader.read(Array("\"} 1\r\nnv_inference_count{model=\"last\"} 1".utf8))
        #expect(try reader.finish().models.map(\.name) == ["first", "last"])
    }

    /// Wherever a piece ends: within the line, or within the one after it.
    @Test(arguments: [.max, 9000, 8000, 8193, 100, 1] as [Int]) func aLineThatIsTooLong(pieces: Int) throws {
        let long = "nv_inference_count{model=\"long\",more=\"\(String(repeating: "x", count: 8200))\"} 1"
        let text = ["first", "last"].map { "nv_inference_count{model=\"\($0)\"} 1" }.joined(separator: "\n\(long)\n")
        #expect(try read(Array(text.utf8), pieces: pieces).models.map(\.name) == ["first", "last"])
    }

    /// Each model is counted once, however many samples it has.
    @Test func tooManyModels() throws {
        var text = ""
        for number in 0..<CounterLimits.models + 500 {
            let model = "model=\"m\(number)\""
            text += "nv_inference_count{\(model)} 1\nnv_inference_exec_count{\(model)} 1\n"
            for reason in ["REJECTED", "CANCELED", "BACKEND", "OTHER"] {
                text += "nv_inference_request_failure{\(model),reason=\"\(reason)\"} 1\n"
            }
        }
        let found = try read(text)
        #expect(found.models.count == CounterLimits.models && found.leftOut == 500)
    }

    @Test func processorsAreBounded() throws {
        var text = ""
        for number in 0..<CounterLimits.gpus + 9 { text += "nv_gpu_utilization{gpu_uuid=\"GPU-\(number)\"} 0.5\n" }
        #expect(try read(text).gpus.count == CounterLimits.gpus)
        let long = String(repeating: "g", count: CounterLimits.gpuBytes)
        let found = try read(
            "nv_gpu_utilization{gpu_uuid=\"\(long)\"} 0.5\nnv_gpu_utilization{gpu_uuid=\"\(long)+\"} 0.5\n")
        #expect(found.gpus.map(\.id) == [long] && found.refusedSamples == 1)
    }

    @Test func versions() throws {
        let long = String(repeating: "9", count: CounterLimits.versionBytes)
        let text = ["10", "9", "2", "", long + "9", long].map {
            "nv_inference_count{model=\"b\",version=\"\($0)\"} 1\n"
        }
        let found = try read(text.joined() + "nv_inference_count{model=\"a\",version=\"11\"} 1\n")
        #expect(
            found.models.filter { $0.version != long }.map { $0.name + $0.version } == ["a11", "b", "b2", "b9", "b10"])
        #expect(found["b", long] != nil && found.refusedSamples == 1)
    }

    @Test func tooLongAPage() {
        var reader = MetricsPageReader()
        let piece = Array("some_metric 1\n".utf8) + [UInt8](repeating: UInt8(ascii: "#"), count: 1 << 20)
        var pieces = 0
        let said = refusal { for _ in 0..<100 { try reader.read(piece); pieces += 1 } }
        #expect(said == "answered with more than 8 MiB of metrics" && pieces == 7)
    }

    @Test(arguments: [
        ("<!DOCTYPE html><html>", "HTML"), ("\n  <html>", "HTML"), ("{\"error\":\"no\"}", "JSON"), ("[]", "JSON"),
        ("", "empty"), ("hello world, this is no page", "something else"), ("\u{0}\u{1}\u{2}", "something else"),
        ("# only a remark\n", "something else"), ("go_goroutines 5\n", "another server"),
        ("# TYPE up gauge\nup 1\n", "another server"),
    ])
    func otherContent(text: String, said: String) {
        let reason = refusal { _ = try read(text) }
        #expect(reason?.contains(said) == true, "\(reason ?? "was taken")")
    }

    @Test func aServerWithoutModels() throws {
        #expect(
            try read("# HELP nv_inference_count Number of inferences\n# TYPE nv_inference_count counter\n").models
                .isEmpty)
    }

    /// Whatever comes, in whatever pieces: nothing traps, and pieces make no difference.
    @Test func damagedPages() throws {
        let good = try page("triton-2.51-metrics.txt")
        var seed: UInt64 = 7
        func draw(_ bound: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % bound
        }
        for _ in 0..<200 {
            var bytes = good
            for _ in 0..<20 { bytes[draw(bytes.count)] = UInt8(draw(256)) }
            bytes.removeSubrange(draw(bytes.count)...)
            let whole = try? read(bytes)
            #expect(whole == (try? read(bytes, pieces: 1 + draw(50))))
        }
    }
}
