import Base
import DataPlane
import Dispatch
import EventLoop
import Glibc

/// Listens for a newer process that wants to take the sockets over, and talks to one at a time.
///
/// Unchecked: its state belongs to the control queue, where all but the conversation runs.
final class TakeoverServer: @unchecked Sendable {
    /// What a gateway does in a takeover; each is called on the control queue.
    struct Gateway: Sendable {
        /// What to hand over, or a sentence that says why not.
        var begin: @Sendable () -> Result<Offer, Refusal>
        /// The newer process did not come to accept.
        var abandon: @Sendable () -> Void
        /// The newer process accepts. Calls back when nothing is accepted here any more, with the last message.
        var release: @Sendable (_ successor: Int32, _ done: @escaping @Sendable (HandoverMessage) -> Void) -> Void
    }

    struct Refusal: Error { var reason: String }

    struct Offer {
        /// By address.
        var sockets: [(String, ListeningSocket)]
        var processes: [Activations.Inherited]

        /// What is said of each, and the descriptor that goes along.
        fileprivate var messages: [(HandoverMessage, Int32)] {
            sockets.map { (.socket($0.0), $0.1.descriptor) }
                + processes.flatMap { process -> [(HandoverMessage, Int32)] in
                    [
                        (.process(process.process, isReady: process.isReady, backend: process.backend), process.watch),
                        (.output(process.process), process.output),
                    ]
                }
        }
    }

    /// For each message that the other side has ready.
    private static let patience = Nanoseconds.seconds(5)
    /// From the sockets to `accepting`: the newer process looks names up and reads certificates meanwhile.
    private static let startPatience = Nanoseconds.seconds(60)

    /// Conversations at the same time, of which all but one hear that they are too late.
    private static let mostConversations = 8
    /// Pause after the process ran out of descriptors.
    private static let exhaustedPause = DispatchTimeInterval.milliseconds(100)

    private let queue: DispatchQueue
    private let gateway: Gateway
    private var path: String?
    private var socket: ListeningSocket?
    private var source: (any DispatchSourceRead)?
    private var isPaused = false
    private var conversations = 0
    private var isBusy = false

    init(queue: DispatchQueue, gateway: Gateway) {
        self.queue = queue
        self.gateway = gateway
    }

    // MARK: The socket

    /// Binds the path if it is another than now; what it returns takes it into use, or gives it up.
    ///
    /// - Parameter inherited: a predecessor's, which is used if it has the same path.
    func prepare(
        _ wanted: String?, inherited: (path: String, socket: ListeningSocket)?
    ) throws(SocketFailure) -> (_ commit: Bool) -> Void {
        guard wanted != path else { return { _ in } }
        var next: ListeningSocket?
        if let wanted {
            if let inherited, inherited.path == wanted {
                next = inherited.socket
            } else {
                next = try ListeningSocket(messagesAt: wanted, mode: SocketSource.privateMode)
            }
        }
        return { [self, next] commit in
            guard commit else {
                next?.abandon()
                return
            }
            close(keepsFile: false)
            (path, socket) = (wanted, next)
            // Without a predecessor to wait for, at once; else when it has let go.
            if isActive { listen() }
        }
    }

    private var isActive = false

    /// From here on newer processes are heard.
    func activate() {
        isActive = true
        listen()
    }

    private func listen() {
        guard source == nil, let socket else { return }
        let source = DispatchSource.makeReadSource(fileDescriptor: socket.descriptor, queue: queue)
        source.setEventHandler { [unowned self] in accept(socket) }
        // Closed only when no event can be under way any more.
        source.setCancelHandler { Glibc.close(socket.descriptor) }
        source.activate()
        self.source = source
    }

    private func accept(_ socket: ListeningSocket) {
        while true {
            switch HandoverChannel.accept(from: socket) {
            case .channel(let channel): serve(channel)
            case .nobody: return
            case .exhausted:
                // It would be told of again at once, and for as long as descriptors are short.
                source?.suspend()
                isPaused = true
                queue.asyncAfter(deadline: .now() + Self.exhaustedPause) { [self] in goOn() }
                return
            }
        }
    }

    private func goOn() {
        guard isPaused else { return }
        isPaused = false
        source?.resume()
    }

    /// - Parameter keepsFile: another process goes on with the socket.
    func close(keepsFile: Bool) {
        if !keepsFile { socket?.removeFile() }
        // A suspended source would never be told that it is cancelled.
        goOn()
        if let source { source.cancel() } else if let socket { Glibc.close(socket.descriptor) }
        (source, socket, path) = (nil, nil, nil)
    }

    // MARK: The conversation

    private func serve(_ channel: HandoverChannel) {
        guard channel.isTrusted, conversations < Self.mostConversations else { return }
        conversations += 1
        DispatchQueue.global().async { [self] in
            converse(channel)
            queue.async { [self] in conversations -= 1 }
        }
    }

    private func refuse(_ channel: HandoverChannel, _ reason: String) {
        _ = channel.send(.refused(reason), patience: Self.patience)
    }

    /// What is handed over, for one at a time. On the control queue.
    private func begin() -> Result<[(HandoverMessage, Int32)], Refusal> {
        guard !isBusy else { return .failure(Refusal(reason: "another process is taking over just now")) }
        return gateway.begin().map { offer in
            isBusy = true
            var offered = offer.messages
            if let path, let socket { offered.append((.control(path), socket.descriptor)) }
            return offered
        }
    }

    private func converse(_ channel: HandoverChannel) {
        guard case .message(.hello(let version, _, _), nil) = channel.receive(patience: Self.patience) else { return }
        guard version == HandoverMessage.version else {
            refuse(channel, "the running process speaks version \(HandoverMessage.version) of the takeover")
            return
        }
        switch queue.sync(execute: begin) {
        case .failure(let refusal): refuse(channel, refusal.reason)
        case .success(let offered): handOver(offered, over: channel)
        }
    }

    private func handOver(_ offered: [(HandoverMessage, Int32)], over channel: HandoverChannel) {
        guard send(offered, over: channel),
            case .message(.accepting, nil) = channel.receive(patience: Self.startPatience)
        else {
            queue.async { [self] in
                isBusy = false
                gateway.abandon()
            }
            return
        }
        let process = channel.peer?.process ?? 0
        queue.async { [self] in
            close(keepsFile: true)
            gateway.release(process) { _ = channel.send($0, patience: Self.patience) }
        }
    }

    private func send(_ offered: [(HandoverMessage, Int32)], over channel: HandoverChannel) -> Bool {
        guard channel.send(.own, patience: Self.patience) else { return false }
        for (message, descriptor) in offered {
            guard channel.send(message, descriptor, patience: Self.patience) else { return false }
        }
        return channel.send(.end(offered.count), patience: Self.patience)
    }
}

extension HandoverMessage {
    /// This process's.
    static var own: HandoverMessage {
        .hello(protocol: version, process: getpid(), program: sluiceVersion)
    }
}
