import EventLoop
import Testing

struct ServiceMessageTests {
    @Test(
        arguments: [
            ([.ready], "READY=1"), ([.stopping], "STOPPING=1"), ([.watchdog], "WATCHDOG=1"),
            ([.mainProcess(4711)], "MAINPID=4711"),
            ([.reloading(monotonic: 123_456)], "RELOADING=1\nMONOTONIC_USEC=123456"),
            ([.ready, .status("serves on 0.0.0.0:80")], "READY=1\nSTATUS=serves on 0.0.0.0:80"),
            // Whatever stands in a message for people is no assignment of its own.
            ([.status("a\nMAINPID=1\r\nb\u{2028}c\0d")], "STATUS=a MAINPID=1 b c d"),
        ] as [([ServiceMessage], String)])
    func isOneLineForEachAssignment(messages: [ServiceMessage], text: String) {
        #expect(ServiceMessage.text(messages) == text)
    }

    @Test(
        arguments: [
            (nil, nil, 0), ("30000000", nil, 30_000_000), ("30000000", "42", 30_000_000), ("30000000", "43", 0),
            ("30000000", "", 0), ("", nil, 0), ("-1", nil, 0), ("x", "42", 0), ("0", "42", 0), (nil, "42", 0),
        ] as [(String?, String?, UInt64)])
    func readsThePeriodOfTheWatchdog(period: String?, process: String?, expected: UInt64) {
        #expect(ServiceMessage.watchdogPeriod(period, process, own: 42) == expected)
    }

    @Test(arguments: ["", "relative", "@", "/" + String(repeating: "a", count: 107), "vsock:2:1"])
    func needsAnAddress(text: String) {
        #expect(ServiceSocket(address: text) == nil)
    }
}
