import Observation
import Testing

@testable import Admin

/// Bodies and queries of calls.
@Suite struct BodyTests {
    private func object(_ text: String) throws(FlatJSON.Failure) -> [String: FlatJSON.Value] {
        try FlatJSON.object(Array(text.utf8))
    }

    @Test func objects() throws {
        #expect(try object("{}") == [:])
        #expect(
            try object(" {\t\"a\" :\r\n1 , \"b\":-20,\"c\":\"x\" } ") == [
                "a": .integer(1), "b": .integer(-20), "c": .text("x"),
            ])
        #expect(try object(#"{"\u0061\n\"\\\/é\ud83d\ude00":0}"#) == ["a\n\"\\/é😀": .integer(0)])
        #expect(try object(#"{"a":999999999999999}"#) == ["a": .integer(999_999_999_999_999)])
    }

    @Test(arguments: [
        "", " ", "{", "}", "[]", "1", "null", "{\"a\":1}x", "{\"a\":1}{}", "{\"a\":1,}", "{,}", "{a:1}", "{'a':1}",
        "{\"a\" 1}", "{\"a\":01}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":1.5}", "{\"a\":1.0}", "{\"a\":1e3}",
        "{\"a\":1E3}",
        "{\"a\":-}", "{\"a\":--1}", "{\"a\":1000000000000000}", "{\"a\":true}", "{\"a\":null}", "{\"a\":[1]}",
        "{\"a\":{}}",
        "{\"a\":1,\"a\":2}", #"{"a":1,"\u0061":2}"#, #"{"\x":1}"#, #"{"\u12":1}"#, #"{"\ud800":1}"#, #"{"\udc00":1}"#,
        #"{"\ud800\u0041":1}"#, "{\"a\n\":1}", "{\"a", "{\"a\":\"", "\u{FEFF}{}", "{\"a\":1 \"b\":2}",
    ])
    func notObjects(text: String) { #expect(throws: FlatJSON.Failure.self) { try object(text) } }

    @Test func bytesThatAreNoText() {
        for bytes: [UInt8] in [
            [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D], [0x7B, 0x22, 0xC0, 0xAF, 0x22, 0x3A, 0x31, 0x7D],
        ] {
            #expect(throws: FlatJSON.Failure.self) { try FlatJSON.object(bytes) }
        }
    }

    /// Nothing is nested, so depth costs nothing.
    @Test func depth() {
        #expect(throws: FlatJSON.Failure.self) { try object(String(repeating: "[", count: 60_000)) }
        #expect(throws: FlatJSON.Failure.self) { try object(String(repeating: "{\"a\":", count: 10_000)) }
    }

    @Test func weights() throws {
        func weights(_ text: String) throws(FlatJSON.Failure) -> [String: Int] {
            try WeightsCall.weights(Array(text.utf8))
        }
        #expect(try weights(#"{"stable": 90, "canary": 10}"#) == ["stable": 90, "canary": 10])
        #expect(throws: FlatJSON.Failure.self) { try weights("{}") }
        #expect(throws: FlatJSON.Failure.self) { try weights("") }
        #expect(throws: FlatJSON.Failure.self) { try weights(#"{"stable": "90"}"#) }
    }

    @Test func histories() {
        #expect(HistoryCall.subject("route=a%2Fb") == .route("a/b"))
        #expect(HistoryCall.subject("route=") == .route(""))
        #expect(HistoryCall.subject("as=x&route=a+b") == .entry(route: "a b", as: "x"))
        #expect(HistoryCall.subject("backend=b") == .backend("b"))
        #expect(HistoryCall.subject("backend=b&endpoint=%5B::1%5D:80") == .endpoint(backend: "b", address: "[::1]:80"))
        for query in [
            "", "as=x", "endpoint=a", "route=a&backend=b", "route=a&endpoint=b", "backend=b&as=x", "route=a&route=a",
            "route=%zz", "route", "route=a&x=y", "backend=b&endpoint=a&as=x",
        ] { #expect(HistoryCall.subject(query) == nil, "\(query)") }
    }

    @Test func drains() {
        func call(_ query: String, _ body: String = "") -> DrainCall? {
            DrainCall(query: query, body: Array(body.utf8))
        }
        let one = DrainCall.endpoint("127.0.0.1:80", backend: "a b")
        #expect(call("") == .gateway)
        #expect(call("", "{}") == .gateway)
        #expect(call("backend=a%20b&endpoint=127.0.0.1%3A80") == one)
        #expect(call("endpoint=127.0.0.1:80&backend=a+b") == one)
        #expect(call("", #"{"backend": "a b", "endpoint": "127.0.0.1:80"}"#) == one)
        #expect(call("backend=a") == nil)
        #expect(call("backend=a&backend=b&endpoint=c") == nil)
        #expect(call("backend=%zz&endpoint=c") == nil)
        #expect(call("backend=a&endpoint=b", #"{"backend": "a", "endpoint": "b"}"#) == nil)
        #expect(call("", #"{"backend": "a", "endpoint": 1}"#) == nil)
        #expect(call("", #"{"backend": "a", "endpoint": "b", "x": "y"}"#) == nil)
        #expect(call("", "{") == nil)
    }

    @Test func tags() {
        let tag = EntityTag.of(UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(tag == "\"cbf29ce484222325\"")
        for field in [tag, "W/\(tag)", "*", " \"x\" , \(tag)\t", "\"x\",W/\(tag)"] {
            #expect(EntityTag.matches(field, tag))
        }
        for field in ["", "\"x\"", "cbf29ce484222325", "w/\(tag)", "\(tag)x", ",,"] {
            #expect(!EntityTag.matches(field, tag))
        }
    }
}
