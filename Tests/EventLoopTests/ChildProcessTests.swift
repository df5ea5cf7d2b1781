import Base
import Dispatch
import EventLoop
import Synchronization
import Testing

/// With real processes, which end by themselves: what is waited for is their end.
struct ChildProcessTests {
    private final class Witness: Sendable {
        let text = Mutex("")
        let ending = Mutex(ChildProcess.Ending?.none)
        let said = DispatchSemaphore(value: 0)
        let over = DispatchSemaphore(value: 0)
    }

    private let queue = DispatchQueue(label: "test")

    private func run(_ words: [String], environment: [String] = [], once said: (ChildProcess) -> Void = { _ in })
        -> (ChildProcess.Ending?, String)
    {
        let witness = Witness()
        let result = ChildProcess.start(
            words, environment: environment + ["PATH=/usr/bin:/bin"], directory: "/", queue: queue
        ) { ending in
            witness.ending.withLock { $0 = ending }
            witness.over.signal()
        }
        guard case .success(let process) = result else { return (nil, "\(result)") }
        let reader = PipeReader(process.output) { bytes in
            witness.text.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
            witness.said.signal()
        }
        _ = witness.said.wait(timeout: .now() + 60)
        said(process)
        guard witness.over.wait(timeout: .now() + 60) == .success else { return (nil, "it does not end") }
        reader.finish()
        return (witness.ending.withLock { $0 }, witness.text.withLock { $0 })
    }

    @Test func tellsStatusAndOutput() {
        let (ending, text) = run(["sh", "-c", "echo out; echo err >&2; exit 3"])
        #expect(ending == .exited(status: 3))
        #expect(text == "out\nerr\n")
    }

    /// The gateway ignores SIGPIPE and has a thousand descriptors open: neither is a program's business.
    @Test func startsWithNothingOfThisProcess() {
        let (_, text) = run(
            ["sh", "-c", "pwd; echo $NAME; cat; ls /proc/self/fd | wc -l; grep -E 'SigIgn|SigBlk' /proc/self/status"],
            environment: ["NAME=value"])
        let lines = text.split(separator: "\n")
        #expect(lines.prefix(3) == ["/", "value", "4"])
        // Signals 32 and 33 are the C library's own.
        let signals = lines.dropFirst(3).map { UInt64($0.drop { $0 != "\t" }.dropFirst(), radix: 16) ?? 1 }
        #expect(signals.map { $0 & ~0x1_8000_0000 } == [0, 0])
    }

    /// A server ends its own children in good order, which it cannot once they are gone.
    @Test func asksOnlyTheProcessItselfToEnd() {
        let script = "sh -c 'sleep 0.3; echo over' & trap 'wait $!; exit 7' TERM; echo ready; wait"
        let (ending, text) = run(["sh", "-c", script]) { $0.askToEnd() }
        #expect(ending == .exited(status: 7))
        #expect(text == "ready\nover\n")
    }

    @Test func killsTheWholeGroup() {
        let (ending, _) = run(["sh", "-c", "trap '' TERM; sleep 600 & echo ready; sleep 600"]) { $0.killAll() }
        #expect(ending == .signalled(9))
    }

    /// Who is left of the group is killed; its end of the pipe would be open otherwise.
    @Test func takesWhatIsLeftAlong() {
        let (ending, text) = run(["sh", "-c", "(trap '' TERM; sleep 600; echo late) & echo $!"])
        #expect(ending == .exited(status: 0))
        #expect(!text.contains("late"))
    }

    @Test(
        arguments: [(["/nowhere/to/be/found"], 2), (["/"], 13), (["no-such-program-anywhere"], 2)]
            as [([String], Int32)])
    func tellsWhatCannotBeStarted(_ words: [String], _ code: Int32) {
        let result = ChildProcess.start(words, environment: [], directory: "/", queue: queue) { _ in }
        guard case .failure(let failure) = result else {
            Issue.record("it was started")
            return
        }
        #expect(failure.code == code)
    }
}
