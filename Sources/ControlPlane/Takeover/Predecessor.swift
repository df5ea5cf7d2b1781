import Base
import EventLoop
import Glibc

/// The running gateway whose sockets this process takes over, seen from here: HandoverMessage tells what is said.
///
/// Unchecked: used by one thread at a time, the starting one.
package final class Predecessor: @unchecked Sendable {
    package enum Outcome {
        /// No gateway runs: this one starts by itself.
        case nobody
        case found(Predecessor)
        /// There is one, and it does not hand over.
        case failed(String)
    }

    /// For each message. It has its answers ready; only a process that is stuck takes longer.
    static let patience = Nanoseconds.seconds(5)

    private let channel: HandoverChannel
    /// Who it is, for the log. The kernel would name the process that bound the socket, perhaps long gone.
    private(set) var process: Int32 = 0
    /// By address as its configuration writes it.
    private(set) var sockets: [String: ListeningSocket] = [:]
    /// What it has started, and goes on under this process.
    private(set) var processes: [Activations.Inherited] = []
    /// The socket of the takeover, under its path.
    private(set) var control: (path: String, socket: ListeningSocket)?

    private init(_ channel: HandoverChannel) { self.channel = channel }

    /// Asks whoever listens at the path for its sockets. Nothing has changed for it by that.
    package static func find(at path: String) -> Outcome {
        let channel: HandoverChannel
        switch HandoverChannel.connect(to: path, patience: patience) {
        case .nobody: return .nobody
        case .failed(let failure): return .failed("cannot take over at \(path): \(failure)")
        case .connected(let connected): channel = connected
        }
        guard channel.isTrusted else { return .failed("the process that listens at \(path) is another user's") }
        let predecessor = Predecessor(channel)
        guard let problem = predecessor.fetch() else { return .found(predecessor) }
        for socket in predecessor.sockets.values { close(socket.descriptor) }
        for process in predecessor.processes {
            close(process.watch)
            if process.output >= 0 { close(process.output) }
        }
        return .failed("cannot take over at \(path): \(problem)")
    }

    /// - Returns: what is in the way.
    private func fetch() -> String? {
        // Where that cannot be sent, what comes says why.
        _ = channel.send(.own, patience: Self.patience)
        var count = 0
        while true {
            switch channel.receive(patience: Self.patience) {
            case .message(.hello(HandoverMessage.version, let process, _), nil): self.process = process
            case .message(.hello(let other, _, let program), nil):
                return "the running process, sluice \(program), speaks version \(other) of the takeover"
            case .message(.refused(let reason), nil): return reason
            case .message(.socket(let address), let descriptor?) where count < HandoverMessage.mostSockets:
                guard keep(descriptor, address) else { return "what came for \(address) is no listening socket" }
                count += 1
            case .message(.control(let path), let descriptor?) where control == nil:
                guard let socket = ListeningSocket(adopting: descriptor, origin: .inherited, messages: true) else {
                    close(descriptor)
                    return "what came for \(path) is no listening socket"
                }
                control = (path, socket)
                count += 1
            case .message(.process(let id, let isReady, let backend), let descriptor?)
            where count < HandoverMessage.mostSockets && processes.last?.output != -1:
                processes.append(
                    .init(backend: backend, isReady: isReady, process: id, watch: descriptor, output: -1))
                count += 1
            case .message(.output(let id), let descriptor?)
            where processes.last?.output == -1 && processes.last?.process == id:
                processes[processes.count - 1].output = descriptor
                count += 1
            case .message(.end(count), nil) where processes.last?.output != -1: return nil
            case .message(_, let descriptor):
                if let descriptor { close(descriptor) }
                return "the running process says something else than expected"
            case .malformed: return "the running process says something that is no message"
            case .ended: return "the running process has hung up"
            case .silence: return "the running process does not answer"
            }
        }
    }

    private func keep(_ descriptor: Int32, _ address: String) -> Bool {
        // What came from the service manager stays the manager's, however many processes have had it.
        let origin: ListeningSocket.Origin = address.hasPrefix("systemd:") ? .passed : .inherited
        guard sockets[address] == nil, let socket = ListeningSocket(adopting: descriptor, origin: origin) else {
            close(descriptor)
            return false
        }
        sockets[address] = socket
        return true
    }

    enum Release: Equatable {
        /// It accepts nothing any more. Whether this process is the service now, and the period of its watchdog.
        case released(isService: Bool, watchdog: UInt64?)
        /// It has ended by itself, or somebody has ended it.
        case gone
        /// It does not say so in time.
        case silent
    }

    /// Says that connections are accepted here, and waits until the other accepts none any more.
    func release() -> Release {
        guard channel.send(.accepting, patience: Self.patience) else { return .gone }
        switch channel.receive(patience: Self.patience) {
        case .message(.released(let isService, let watchdog), nil):
            return .released(isService: isService, watchdog: watchdog)
        case .message(_, let descriptor):
            if let descriptor { close(descriptor) }
            return .gone
        case .ended: return .gone
        case .silence, .malformed: return .silent
        }
    }
}
