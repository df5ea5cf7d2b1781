import Base
import Inference
import Testing

/// Values of `grpc-timeout`, `grpc-status`, `grpc-message` and `content-type`, and the paths of methods.
struct GRPCFieldTests {
    static func bytes<Result>(_ text: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        Array(text.utf8).withUnsafeBytes(body)
    }

    @Test(arguments: [
        ("1n", 1), ("1u", 1_000), ("1m", 1_000_000), ("1S", 1_000_000_000), ("1M", 60_000_000_000),
        ("1H", 3_600_000_000_000), ("0S", 0), ("00000100m", 100_000_000), ("99999999n", 99_999_999),
        ("99999999S", 99_999_999_000_000_000), ("5124095H", 18_446_742_000_000_000_000), ("5124096H", .max),
        ("99999999M", 5_999_999_940_000_000_000), ("99999999H", .max),
    ]) func timeouts(_ text: String, _ nanoseconds: UInt64) {
        #expect(Self.bytes(text) { GRPCTimeout.parse($0) } == nanoseconds)
    }

    @Test(arguments: [
        "", "1", "S", "100000000S", "000000001S", "-1S", "+1S", "1 S", " 1S", "1S ", "1.5S", "1s", "1h", "1N", "1U",
        "1mS",
        "m1", "1,2S", "１S", "1\u{0}", "/S", ":S",
    ]) func malformedTimeouts(_ text: String) {
        #expect(Self.bytes(text) { GRPCTimeout.parse($0) } == nil)
    }

    @Test func statuses() {
        for status in GRPCStatus.allCases {
            #expect(Self.bytes("\(status.rawValue)") { GRPCStatus.parse($0) } == status)
        }
        #expect(GRPCStatus.allCases.count == 17 && GRPCStatus.unauthenticated.rawValue == 16)
        #expect(Self.bytes("05") { GRPCStatus.parse($0) } == .notFound)
        for text in ["", "17", "99", "000", "007", "-1", "+1", "1 ", " 1", "a", "1a", "0x", "/", ":"] {
            #expect(Self.bytes(text) { GRPCStatus.parse($0) } == nil, "\(text)")
        }
    }

    @Test(
        arguments: [
            (400, .invalidArgument), (401, .unauthenticated), (403, .permissionDenied), (404, .unimplemented),
            (408, .deadlineExceeded), (413, .resourceExhausted), (414, .resourceExhausted), (429, .resourceExhausted),
            (431, .resourceExhausted), (499, .cancelled), (500, .unknown), (501, .unimplemented), (502, .unavailable),
            (503, .unavailable), (504, .deadlineExceeded), (200, .unknown), (0, .unknown), (-1, .unknown),
            (.max, .unknown),
        ] as [(Int, GRPCStatus)])
    func statusOfHTTP(_ code: Int, _ status: GRPCStatus) {
        #expect(GRPCStatus(httpStatus: code) == status)
    }

    /// What a call is told for a status of HTTP is listed under that status, as far as the way back is one.
    @Test func theWayBack() {
        for code in [400, 401, 403, 429, 499, 501, 503, 504] {
            #expect(GRPCStatus(httpStatus: code).httpStatus == code)
        }
        #expect(GRPCStatus.ok.httpStatus == 200 && GRPCStatus.internal.httpStatus == 500)
        #expect(GRPCStatus.allCases.allSatisfy { 200...504 ~= $0.httpStatus })
    }

    @Test func inferenceMethods() {
        let service = "/inference.GRPCInferenceService/"
        #expect(Self.bytes(service + "ModelInfer") { GRPCMethod.inference($0) } == .unary)
        #expect(Self.bytes(service + "ModelStreamInfer") { GRPCMethod.inference($0) } == .stream)
        for other in ["", "ModelInferX", "modelInfer", "ModelReady", "ModelStreamInfes", "ModelConfigX"] {
            #expect(Self.bytes(service + other) { GRPCMethod.inference($0) } == nil, "\(other)")
        }
    }

    @Test func statusOfRefusals() {
        #expect(GRPCRefusal(.invalidArgument, "").status == .invalidArgument)
        #expect(GRPCRefusal(.unimplemented, "").status == .unimplemented)
        #expect(GRPCRefusal(.resourceExhausted, "").status == .resourceExhausted)
    }

    @Test(arguments: [
        ("", ""), ("no endpoint is up", "no endpoint is up"), ("100%", "100%25"), ("a\r\nb", "a%0D%0Ab"),
        ("\u{0}\u{1F}\u{7F}", "%00%1F%7F"), ("ü ♥", "%C3%BC %E2%99%A5"), (" ~ ", "%20~%20"), (" ", "%20"),
        ("%20", "%2520"),
    ]) func messages(_ text: String, _ expected: String) {
        var out = ByteBuffer()
        Self.bytes(text) { out.append(grpcMessage: $0) }
        #expect(shown(out.bytes) == expected)
    }

    @Test(
        arguments: ["ModelInfer", "ModelStreamInfer", "ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics"])
    func methodsThatNameAModel(_ method: String) {
        let path = "/inference.GRPCInferenceService/" + method
        #expect(Self.bytes(path) { GRPCMethod.namesModel($0) })
        for other in [
            path + "s", path + "/", path + "?", String(path.dropLast()), String(path.dropFirst()), path.lowercased(),
            path.uppercased(), "/" + path, "/grpc" + path, path.replacing("inference.", with: "other.inference."),
        ] {
            #expect(!Self.bytes(other) { GRPCMethod.namesModel($0) }, "\(other)")
        }
    }

    @Test(arguments: [
        "", "/", "/inference.GRPCInferenceService", "/inference.GRPCInferenceService/",
        "/inference.GRPCInferenceService/ServerLive", "/inference.GRPCInferenceService/ServerMetadata",
        "/inference.GRPCInferenceService/RepositoryIndex", "/inference.GRPCInferenceService/RepositoryModelLoad",
        "/inference.GRPCInferenceService/TraceSetting", "/grpc.health.v1.Health/Check",
        "/inference.GRPCInferenceService/ModelRead%79",
    ]) func otherMethods(_ path: String) {
        #expect(!Self.bytes(path) { GRPCMethod.namesModel($0) })
    }

    @Test(arguments: [
        "application/grpc", "application/grpc+proto", "application/grpc+json", "application/grpc;charset=utf-8",
        "Application/GRPC", "APPLICATION/GRPC+PROTO", "application/grpc+", "application/grpc;",
    ]) func contentTypes(_ text: String) {
        #expect(Self.bytes(text) { isGRPC(contentType: $0) })
    }

    @Test(arguments: [
        "", "application/grp", "application/grpc-web", "application/grpc-web+proto", "application/grpcx",
        "application/json", " application/grpc", "application/grpc ", "text/grpc", "application/json;application/grpc",
    ]) func otherContentTypes(_ text: String) {
        #expect(!Self.bytes(text) { isGRPC(contentType: $0) })
    }
}
