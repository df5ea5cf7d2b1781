import Testing

@testable import EventLoop

struct HandoverMessageTests {
    @Test(
        arguments: [
            (.hello(protocol: 1, process: 42, program: "0.1.0"), "hello 1 42 0.1.0"),
            (.hello(protocol: 7, process: 1, program: "a b"), "hello 7 1 a b"),
            (.refused("not now, later"), "refused not now, later"),
            (.socket("127.0.0.1:8080"), "socket 127.0.0.1:8080"), (.socket("unix:/a b"), "socket unix:/a b"),
            (.socket("unix:/\u{E9}"), "socket unix:/\u{E9}"), (.control("/run/t.sock"), "control /run/t.sock"),
            (.process(42, isReady: true, backend: "a b"), "process 42 ready a b"),
            (.process(7, isReady: false, backend: "main"), "process 7 starting main"), (.output(42), "output 42"),
            (.end(0), "end 0"), (.end(HandoverMessage.mostSockets), "end 1024"), (.accepting, "accepting"),
            (.released(isService: false, watchdog: nil), "released"),
            (.released(isService: true, watchdog: nil), "released service"),
            (.released(isService: true, watchdog: 30_000_000), "released service 30000000"),
        ] as [(HandoverMessage, String)])
    func isWrittenAndRead(message: HandoverMessage, text: String) {
        #expect(message.text == text)
        #expect(HandoverMessage(text.utf8) == message)
    }

    /// Only the version of another version is understood.
    @Test(arguments: ["hello 2", "hello 2 x", "hello 2 x y z"])
    func anotherVersionIsTold(text: String) {
        guard case .hello(2, 0, _)? = HandoverMessage(text.utf8) else {
            Issue.record("\(text) is no hello")
            return
        }
    }

    @Test(arguments: [
        "", " ", "hello", "hello ", "hello x", "hello 0", "hello -1", "hello 99999999999999999999", "Hello 1",
        "refused",
        "refused ", "socket", "control", "control ", "end", "end x", "end -1", "end 1025", "end 1 2", "accepting now",
        "released  ", "released x", "released service x", "released service 1 2", "nonsense", "accepting\n",
        "process", "process 42", "process 42 ready", "process 42 ready ", "process 1 ready main",
        "process x ready main",
        "process 42 running main", "output", "output x", "output 0", "socket a\nend 1", "socket a\u{0}",
        "socket a\u{7F}",
    ])
    func refusesWhatIsNoMessage(text: String) {
        #expect(HandoverMessage(text.utf8) == nil)
    }

    @Test func refusesWhatIsNoText() {
        #expect(HandoverMessage(Array("socket ".utf8) + [0xFF, 0xFE]) == nil)
        #expect(HandoverMessage(Array("socket ".utf8) + [0xC3]) == nil)
    }

    @Test func refusesWhatIsTooLong() {
        let longest = Array("socket ".utf8) + [UInt8](repeating: 0x61, count: HandoverMessage.longest - 7)
        #expect(HandoverMessage(longest) != nil)
        #expect(HandoverMessage(longest + [0x61]) == nil)
    }
}
