import EventLoop
import Testing

struct PassedSocketsTests {
    private func parse(_ process: String?, _ count: String?, _ names: String?) throws(SocketFailure) -> [String] {
        try PassedSockets.parse(process: process, count: count, names: names, own: 42).map {
            "\($0.descriptor) \($0.name)"
        }
    }

    @Test func areNumberedFromThree() throws {
        #expect(try parse("42", "3", "http:admin:http") == ["3 http", "4 admin", "5 http"])
        #expect(try parse("42", "1", "a") == ["3 a"])
        #expect(try parse("42", "2", ":") == ["3 ", "4 "])
    }

    @Test func haveANameWithoutOne() throws {
        #expect(try parse("42", "2", nil) == ["3 unknown", "4 unknown"])
    }

    @Test(
        arguments: [
            (nil, nil, nil), (nil, "1", "a"), ("42", nil, "a"), ("41", "1", "a"), ("", "1", "a"), ("x", "1", "a"),
            ("42", "0", nil), ("41", "rubbish", "a"),
        ] as [(String?, String?, String?)])
    func mayBeNone(process: String?, count: String?, names: String?) throws {
        #expect(try parse(process, count, names) == [])
    }

    @Test(
        arguments: [
            ("-1", "a", "LISTEN_FDS is '-1', not a number from 0 to 1024"),
            ("1025", nil, "LISTEN_FDS is '1025', not a number from 0 to 1024"),
            ("99999999999999999999", nil, "LISTEN_FDS is '99999999999999999999', not a number from 0 to 1024"),
            ("one", "a", "LISTEN_FDS is 'one', not a number from 0 to 1024"),
            ("1", "a:b", "LISTEN_FDNAMES names 2 sockets, and LISTEN_FDS says 1"),
            ("2", "", "LISTEN_FDNAMES names 1 sockets, and LISTEN_FDS says 2"),
        ] as [(String, String?, String)])
    func haveToFit(count: String, names: String?, message: String) {
        let failure = #expect(throws: SocketFailure.self) { try parse("42", count, names) }
        #expect(failure?.description == message)
    }

    @Test func areAskedForByName() {
        let passed = PassedSockets([
            .init(name: "a", descriptor: 900), .init(name: "b", descriptor: 901), .init(name: "b", descriptor: 902),
        ])
        func problem(_ name: String, _ passed: PassedSockets) -> String? {
            #expect(throws: SocketFailure.self) { _ = try passed.socket(named: name) }?.description
        }
        #expect(problem("c", passed) == "no socket of this name was passed, only: a, b, b")
        #expect(problem("b", passed)?.hasPrefix("2 sockets were passed under this name") == true)
        #expect(problem("a", PassedSockets([]))?.hasPrefix("no socket was passed to this process") == true)
    }
}
