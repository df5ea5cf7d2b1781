import HTTP
import Testing

@testable import Admin

/// Which call a path stands for.
@Suite struct AdminCallTests {
    @Test(arguments: [
        ("/api/v1/routes/infer/weights", "infer"),
        ("/api/v1/routes/prod/infer/rule-0/weights", "prod/infer/rule-0"),
        ("/api/v1/routes/a%2Fb/weights", "a/b"),
        ("/api/v1/routes/%e2%82%ac/weights", "€"),
        ("/api/v1/routes/a/weights/weights", "a/weights"),
        ("/api/v1/routes/a/weights/undo/weights", "a/weights/undo"),
        ("/api/v1/routes/a+b/weights", "a+b"),
    ])
    func names(path: String, route: String) {
        #expect(AdminCall(path: path) == .weights(route))
        #expect(AdminCall(path: path + "/undo") == .undoWeights(route))
    }

    @Test(arguments: ["%", "%4", "%4x", "%zz", "%ff", "%C0%AF", "%00", "a%0d%0ab", "%7f", ""])
    func unreadable(name: String) {
        #expect(AdminCall(path: "/api/v1/routes/\(name)/weights") == .unreadableRoute)
    }

    @Test(arguments: [
        "", "/", "/api/v1", "/api/v1/statu", "/api/v1/status/", "//healthz", "/healthz/", "/api/v1/routes/a",
        "/api/v1/routes/a/weightsx", "/api/v1/routes/a/weights/undo/", "/api/v1/routes/weights", "/api/v1/%73tatus",
        "http://127.0.0.1/healthz",
    ])
    func unknown(path: String) { #expect(AdminCall(path: path) == nil) }

    @Test func methods() {
        #expect(AdminCall(path: "/api/v1/drain")?.methods == [.post, .delete])
        #expect(AdminCall.allow(AdminCall.weights("a").methods) == "GET, HEAD, PUT")
        #expect(AdminCall.allow(AdminCall.drain.methods) == "POST, DELETE")
    }
}
