import Base
import Dispatch
import EventLoop
import Foundation
import Glibc
import Logging
import Synchronization
import Traffic

/// The process of a backend that is started by `activate.exec`: its start, its log, and its end.
///
/// Unchecked: its state belongs to the control queue; what it writes is read on a queue of its own.
final class SupervisedProcess: @unchecked Sendable {
    /// What is not to be seen by what is started: how the service manager talks to the gateway, and the operator's password.
    private static let ownVariables: Set<String> = [
        "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "MAINPID",
        "SLUICE_ADMIN_USER", "SLUICE_ADMIN_PASSWORD",
    ]

    /// The groups of all that run, for an end that waits for nothing.
    private static let groups = Mutex(Set<Int32>())

    private let backend: String
    private let queue: DispatchQueue
    private let logger: Logger
    private let ended: (_ reason: String) -> Void
    private let lines = Mutex(OutputLines())
    private var process: ChildProcess?
    private var reader: PipeReader?

    /// - Parameter ended: called on `queue` when what was started has ended, with how and why.
    init(backend: String, queue: DispatchQueue, logger: Logger, ended: @escaping (_ reason: String) -> Void) {
        self.backend = backend
        self.queue = queue
        self.logger = logger
        self.ended = ended
    }

    /// `nil` while none runs.
    var id: Int32? { process?.id }
    /// One runs, and no other gateway has it.
    var isOwn: Bool { process.map { !$0.isReleased } ?? false }

    // MARK: Start and end

    /// - Returns: why it cannot be started.
    func start(_ words: [String], in directory: String) -> String? {
        let environment = ProcessInfo.processInfo.environment
            .filter { !Self.ownVariables.contains($0.key) }
            .map { "\($0.key)=\($0.value)" }
        lines.withLock { $0 = OutputLines() }
        let result = ChildProcess.start(words, environment: environment, directory: directory, queue: queue) {
            [weak self] in self?.finish($0)
        }
        switch result {
        case .failure(let failure): return "\(words.first ?? "") cannot be started: \(failure.reason)"
        case .success(let process):
            watch(process)
            read()
            return nil
        }
    }

    private func watch(_ process: ChildProcess) {
        self.process = process
        Self.groups.withLock { _ = $0.insert(process.id) }
    }

    private func read() {
        guard let process, reader == nil else { return }
        reader = PipeReader(process.output) { [weak self] bytes in
            guard let self else { return }
            for line in lines.withLock({ $0.feed(bytes, now: .now()) }) { log(line) }
        }
    }

    private func log(_ line: String) { logger.info("\(backend): \(line)") }

    func askToEnd() { process?.askToEnd() }

    func kill() { process?.killAll() }

    /// For one that nobody waits for.
    func end(after grace: Nanoseconds) {
        askToEnd()
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: grace.count))) { [self] in kill() }
    }

    private func finish(_ ending: ChildProcess.Ending) {
        guard let process else { return }
        Self.groups.withLock { _ = $0.remove(process.id) }
        if let reader { reader.finish() } else { close(process.output) }
        reader = nil
        for line in lines.withLock({ $0.finish(now: .now()) }) { log(line) }
        self.process = nil
        let text =
            switch ending {
            case .exited(let status): "it exited with status \(status)"
            case .signalled(let number): "it was ended by signal \(number)"
            case .unknown: "it has ended"
            }
        ended(StartFailure.reason(ending: text, lines: lines.withLock { $0.last }))
    }

    /// Ends all that was started here, without waiting.
    static func killAll() {
        for group in groups.withLock({ $0 }) { Glibc.kill(-group, SIGKILL) }
    }

    // MARK: Takeover

    /// What another process needs to go on with it; the descriptors stay this one's.
    var handle: (process: Int32, watch: Int32, output: Int32)? {
        process.map { ($0.id, $0.watch, $0.output) }
    }

    /// Another process goes on with it.
    func release() {
        guard let process else { return }
        Self.groups.withLock { _ = $0.remove(process.id) }
        process.release()
        reader?.stop()
    }

    /// One that another gateway has started. Its log is that one's until `resume`.
    func adopt(_ id: Int32, watch descriptor: Int32, output: Int32) {
        watch(
            ChildProcess.adopt(id, watch: descriptor, output: output, queue: queue) { [weak self] in self?.finish($0) })
    }

    func resume() { read() }
}
