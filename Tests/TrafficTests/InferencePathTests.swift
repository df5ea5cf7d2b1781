import Configuration
import Testing
import Traffic

/// Triton's HTTP paths: `/v2/models/{model}[/versions/{version}][/…]`, case-sensitive.
struct InferencePathTests {
    @Test(arguments: [
        ("/v2/models/m", "m", ""), ("/v2/models/m/", "m", ""), ("/v2/models/m/infer", "m", ""),
        ("/v2/models/m/ready", "m", ""),
        ("/v2/models/m/versions/3", "m", "3"), ("/v2/models/m/versions/3/infer", "m", "3"),
        ("/v2/models/m/versions/", "m", ""),
        ("/v2/models/m/versions", "m", ""), ("/v2/models/m/version/3", "m", ""), ("/v2/models/m/versions3/x", "m", ""),
        ("/v2/models/a.b-c_1/infer", "a.b-c_1", ""), ("/v2/models/M/infer", "M", ""),
        ("/v2/models/stats/infer", "stats", ""),
        ("/v2/models/m/stats", "m", ""), ("/v2/models/statsx", "statsx", ""), ("/v2/models/a%20b/infer", "a%20b", ""),
        ("/v2/models/m/infer/versions/3", "m", ""),
    ])
    func namesModels(_ path: String, _ model: String, _ version: String) {
        raw(path).withUnsafeBytes { bytes in
            let named = InferencePath(bytes)
            #expect(named.map { shown($0.model) } == model)
            #expect(named.map { shown($0.version) } == version)
        }
    }

    @Test(arguments: [
        "", "/", "/v2", "/v2/models", "/v2/models/stats", "/v2/health/ready", "/v2/repository/models/m/load",
        "/v1/models/m", "v2/models/m",
        "//v2/models/m", "/v2//models/m", "/v2/modelsx/m", "/V2/models/m", "/v2/Models/m", "/v2/MODELS/m",
        "/x/v2/models/m",
    ])
    func namesNone(_ path: String) {
        #expect(raw(path).withUnsafeBytes { InferencePath($0).map { shown($0.model) } } == nil)
    }

    @Test(arguments: [
        ("/v2/models/m/infer", true), ("/v2/models/m/versions/3/infer", true), ("/v2/models/stats/infer", true),
        ("/v2/models/m", false), ("/v2/models/m/infer/", false), ("/v2/models/m/Infer", false),
        ("/v2/models/m/infers", false), ("/v2/models/m/generate", false), ("/v2/models/m/versions/3", false),
        ("/v2/models/m/versions/infer", false), ("/v2/models/infer", false),
    ])
    func tellsInference(_ path: String, _ expected: Bool) {
        #expect(raw(path).withUnsafeBytes { InferencePath($0)?.isInfer } == expected)
    }

    @Test(arguments: [
        ("infer", true), ("versions/2/generate", true), ("generate_stream", true), ("ready", false),
        ("trace/setting", false), ("config", false), ("generate/", false),
    ])
    func tellsWhatRunsTheModel(_ tail: String, _ expected: Bool) {
        #expect(raw("/v2/models/m/" + tail).withUnsafeBytes { InferencePath($0)?.runsModel } == expected)
    }

    /// Paths are case-sensitive (RFC 9110 section 4.2.3); Triton knows none of these.
    @Test(arguments: ["/v2/mODELS/m/infer", "/v2/modelS/m/infer", "/v2/mOdels/m"])
    func isCaseSensitiveThroughout(_ path: String) {
        #expect(raw(path).withUnsafeBytes { InferencePath($0).map { shown($0.model) } } == nil)
    }

    @Test(
        arguments: [
            ("m", nil, "/v2/models/m/infer", true), ("m", nil, "/v2/models/m/versions/2/infer", true),
            ("m", nil, "/v2/models/mm/infer", false),
            ("m", nil, "/v2/models/M/infer", false), ("m", nil, "/v2/health/ready", false),
            ("m", "2", "/v2/models/m/versions/2/infer", true),
            ("m", "2", "/v2/models/m/versions/22/infer", false), ("m", "2", "/v2/models/m/infer", false),
            ("m", "2", "/v2/models/n/versions/2", false),
            (nil, "2", "/v2/models/any/versions/2", true), (nil, "2", "/v2/models/any", false),
            (nil, "2", "/versions/2", false),
        ] as [(String?, String?, String, Bool)])
    func routesByModel(_ model: String?, _ version: String?, _ path: String, _ expected: Bool) throws {
        #expect(try Request(path).isTaken(by: match(model: model, version: version)) == expected)
    }
}
