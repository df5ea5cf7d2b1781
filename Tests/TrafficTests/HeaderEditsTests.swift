import Base
import Configuration
import HTTP
import Testing
import Traffic

struct HeaderEditsTests {
    private static func operations(
        set: [(String, String)] = [], add: [(String, String)] = [], remove: [String] = []
    ) throws -> HeaderOperations {
        var operations = HeaderOperations()
        operations.set = try set.map { HeaderOperations.Field(name: $0, value: try HeaderTemplate($1)) }
        operations.add = try add.map { HeaderOperations.Field(name: $0, value: try HeaderTemplate($1)) }
        operations.remove = remove
        return operations
    }

    private func fields(_ head: MessageHead) -> [String] {
        (0..<head.fieldCount).map { "\(shown(head.name($0))): \(shown(head.value($0)))" }
    }

    private func edited(_ headers: String, _ operations: HeaderOperations...) throws -> [String] {
        let head = MessageHead()
        let text = raw("GET / HTTP/1.1\r\nHost: h\r\n\(headers)\r\n")
        guard case .complete = text.withUnsafeBytes({ head.parseRequest($0, limit: 1 << 20) }) else {
            Issue.record("not parsed")
            return []
        }
        let copy = MessageHead()
        copy.copy(head)
        var scratch = ByteBuffer()
        let (client, user, empty) = (raw("192.0.2.1"), raw("an\nn"), raw(""))
        client.withUnsafeBytes { client in
            user.withUnsafeBytes { user in
                empty.withUnsafeBytes { empty in
                    var values = HeaderVariables()
                    values.clientAddress = client
                    values.user = user
                    values.backend = empty
                    values.route = staticBytes("r")
                    values.requestID = staticBytes("id")
                    HeaderEdits(operations)?.apply(to: copy, values, scratch: &scratch)
                }
            }
        }
        // The original is as it was.
        let before = ["Host: h"] + headers.split(separator: "\r\n").map(String.init)
        #expect(fields(head) == before)
        return fields(copy)
    }

    @Test func order() throws {
        let route = try Self.operations(
            set: [("x-a", "2")], add: [("x-b", "3"), ("x-b", "4")], remove: ["x-c", "x-b"])
        let found = try edited("X-A: 1\r\nx-b: 1\r\nx-a: 3\r\nX-C: 5\r\nx-d: 6\r\n", route)
        #expect(found == ["Host: h", "x-d: 6", "x-a: 2", "x-b: 3", "x-b: 4"])
    }

    @Test func entriesComeAfterRoutes() throws {
        let route = try Self.operations(set: [("x-a", "route"), ("x-b", "route")])
        let entry = try Self.operations(add: [("x-b", "entry")], remove: ["x-a"])
        #expect(try edited("", route, entry) == ["Host: h", "x-b: route", "x-b: entry"])
    }

    @Test(arguments: [
        ("plain", "plain"), ("%{client.address}", "192.0.2.1"), ("a %{route}-%{request.id} b", "a r-id b"),
        ("%{backend}", ""), ("%%{user}", "%{user}"), ("100%", "100%"), ("%{user}", "ann"), ("%{backend} x ", "x"),
    ])
    func variables(_ template: String, _ expected: String) throws {
        let found = try edited("", try Self.operations(set: [("x", template)]))
        #expect(found == ["Host: h", "x: \(expected)"])
        #expect(try HeaderTemplate(template).text == template)
    }

    @Test(arguments: ["%{", "a %{user", "%{users}", "%{}", "%{client}"])
    func unknownVariables(_ template: String) {
        #expect(throws: InvalidValue.self) { try HeaderTemplate(template) }
    }

    @Test func nothingToDo() {
        #expect(HeaderEdits([]).map { _ in true } == nil)
        #expect(HeaderEdits([HeaderOperations(), HeaderOperations()]).map { _ in true } == nil)
    }

    /// However many fields a client sends, those of the operator fit behind them.
    @Test func roomForOwnFields() throws {
        let sent = (0..<127).map { "x-\($0): 1\r\n" }.joined()
        let own = try (0..<96).map { try Self.operations(add: [("own-\($0)", "2")]) }
        let head = try edited(sent, own.reduce(into: HeaderOperations()) { $0.add += $1.add })
        #expect(head.count == 128 + 96)
        #expect(head.last == "own-95: 2")
    }

    @Test func hostStaysKnown() {
        let head = MessageHead()
        let text = raw("GET / HTTP/1.1\r\nx-a: 1\r\nHost: h\r\nx-b: 1\r\n\r\n")
        guard case .complete = text.withUnsafeBytes({ head.parseRequest($0, limit: 1 << 20) }) else {
            Issue.record("not parsed")
            return
        }
        head.remove(named: raw("x-a"))
        #expect(head.hostIndex == 0)
        #expect(shown(head.value(head.hostIndex)) == "h")
        head.remove(named: raw("host"))
        #expect(head.hostIndex == -1)
    }
}
