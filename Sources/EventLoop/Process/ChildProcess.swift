import CLinux
package import Dispatch
import Glibc

/// A program that this process has started, or that another gateway has started and handed over: with whatever it starts
/// itself it is a process group, none of which is left when it has ended.
///
/// Unchecked: its state belongs to `queue`.
package final class ChildProcess: @unchecked Sendable {
    package enum Ending: Sendable, Equatable {
        case exited(status: Int32)
        case signalled(Int32)
        /// It was another process's child.
        case unknown
    }

    package let id: Int32
    /// From which all it writes is read.
    package let output: Int32
    /// Becomes readable when it has ended.
    package let watch: Int32
    private let source: any DispatchSourceRead
    private let ended: @Sendable (Ending) -> Void
    /// Another process has it now: only what the kernel keeps of it for its parent is this one's to take.
    package private(set) var isReleased = false

    /// - Parameter ended: called on `queue` once, when it has ended and what is left of its group has been killed.
    private init(
        id: Int32, watch: Int32, output: Int32, queue: DispatchQueue, ended: @escaping @Sendable (Ending) -> Void
    ) {
        self.id = id
        self.watch = watch
        self.output = output
        self.ended = ended
        // The readiness of a pidfd: libdispatch has no process sources on Linux.
        source = DispatchSource.makeReadSource(fileDescriptor: watch, queue: queue)
        source.setCancelHandler { close(watch) }
        source.setEventHandler { [self] in finish() }
        source.activate()
    }

    package struct Failure: Error, Sendable {
        /// An errno value.
        package var code: Int32

        package var reason: String { String(cString: strerror(code)) }
    }

    /// - Parameters:
    ///   - words: the program and its arguments. A program without a slash is looked for in the directories of `PATH`; one with
    ///     a relative path, from `directory` on.
    ///   - environment: `NAME=value`.
    package static func start(
        _ words: [String], environment: [String], directory: String, queue: DispatchQueue,
        ended: @escaping @Sendable (Ending) -> Void
    ) -> Result<ChildProcess, Failure> {
        guard let program = words.first else { return .failure(Failure(code: EINVAL)) }
        var id: Int32 = 0
        var output: Int32 = -1
        let result = withPointers(words) { arguments in
            withPointers(environment) { sluice_spawn(program, arguments, $0, directory, &id, &output) }
        }
        guard result >= 0 else { return .failure(Failure(code: Int32(-result))) }
        let watch = sluice_watch_process(id)
        guard watch >= 0 else {
            // Nobody would know when it ends.
            _ = sluice_signal_group(id, SIGKILL)
            var status: Int32 = 0
            while waitpid(id, &status, 0) < 0, errno == EINTR {}
            close(output)
            return .failure(Failure(code: Int32(-watch)))
        }
        return .success(ChildProcess(id: id, watch: Int32(watch), output: output, queue: queue, ended: ended))
    }

    /// One that another gateway has started.
    ///
    /// - Parameters:
    ///   - watch: a pidfd, this object's from here on.
    ///   - output: what it writes, not this object's.
    package static func adopt(
        _ id: Int32, watch: Int32, output: Int32, queue: DispatchQueue, ended: @escaping @Sendable (Ending) -> Void
    ) -> ChildProcess {
        ChildProcess(id: id, watch: watch, output: output, queue: queue, ended: ended)
    }

    private static func withPointers<Result>(
        _ words: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = words.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeBufferPointer { list in
            // It has at least the end.
            body(list.baseAddress.unsafelyUnwrapped)
        }
    }

    /// SIGTERM to it alone: what it has started is its own to end, and a server whose helpers are gone before it may not be
    /// able to end in good order.
    package func askToEnd() {
        if !isReleased && !source.isCancelled { _ = sluice_signal_process(watch, SIGTERM) }
    }

    /// It and all that it has started, as far as that has not left its group.
    package func killAll() {
        if !isReleased && !source.isCancelled { _ = sluice_signal_group(id, SIGKILL) }
    }

    /// Another process goes on with it.
    package func release() { isReleased = true }

    private func finish() {
        guard !source.isCancelled else { return }
        // Before it is reaped: until then nobody else can have its number.
        if !isReleased { _ = sluice_signal_group(id, SIGKILL) }
        var number: Int32 = 0
        let ending: Ending =
            switch sluice_reap(id, &number) {
            case 0: .exited(status: number)
            case 1: .signalled(number)
            default: .unknown
            }
        source.cancel()
        ended(ending)
    }
}
