/// What two processes say to each other while one takes the other's listening sockets over. One message is one line of text
/// in one packet; a descriptor comes with the packet that names it.
///
///     successor                          predecessor
///     hello                          →
///                                    ←   hello, or refused
///                                    ←   socket, for each of them; process and output, likewise; control; end
///     accepting                      →
///                                    ←   released
package enum HandoverMessage: Sendable, Equatable {
    /// The version of this conversation, and for the log who says it.
    case hello(protocol: Int, process: Int32, program: String)
    /// A sentence that says why not.
    case refused(String)
    /// A listening socket, under the text of its address in the configuration.
    case socket(String)
    /// A process that was started for a backend, with its pidfd, and whether it takes requests. `output` follows.
    case process(Int32, isReady: Bool, backend: String)
    /// The pipe that it writes its log to.
    case output(Int32)
    /// The socket of the takeover itself, under its path.
    case control(String)
    /// How many messages came with a descriptor.
    case end(Int)
    case accepting
    /// Nothing is accepted any more. Whether the service manager has been told that the successor is the service now, and
    /// how often it wants to hear from it, in microseconds.
    case released(isService: Bool, watchdog: UInt64?)

    /// Changed with every change of what is said.
    package static let version = 2
    /// Bytes of one message: a backend's name is the longest part.
    package static let longest = 640
    /// Descriptors of one takeover: listeners, admin, metrics, the takeover's own, and two of each process.
    package static let mostSockets = 1024

    package var text: String {
        switch self {
        case .hello(let version, let process, let program): "hello \(version) \(process) \(program)"
        case .refused(let reason): "refused \(reason)"
        case .socket(let address): "socket \(address)"
        case .process(let id, let isReady, let backend): "process \(id) \(isReady ? "ready" : "starting") \(backend)"
        case .output(let id): "output \(id)"
        case .control(let path): "control \(path)"
        case .end(let count): "end \(count)"
        case .accepting: "accepting"
        case .released(false, _): "released"
        case .released(true, nil): "released service"
        case .released(true, let watchdog?): "released service \(watchdog)"
        }
    }

    /// - Returns: `nil` for what is no message.
    package init?(_ bytes: some Collection<UInt8>) {
        guard (1...Self.longest).contains(bytes.count), bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }),
            let text = String(validating: bytes, as: UTF8.self)
        else { return nil }
        let word = text.prefix { $0 != " " }
        let rest = String(text.dropFirst(word.count + 1))
        let parts = rest.split(separator: " ", maxSplits: 2).map(String.init)
        switch word {
        case "hello":
            // Another version may say more, or less.
            guard let version = parts.first.flatMap({ Int($0) }), version > 0 else { return nil }
            let process = parts.count > 1 ? Int32(parts[1]) : nil
            self = .hello(protocol: version, process: process ?? 0, program: parts.count > 2 ? parts[2] : "")
        case "refused" where !rest.isEmpty: self = .refused(rest)
        case "socket" where !rest.isEmpty: self = .socket(rest)
        case "process":
            guard parts.count == 3, let id = Int32(parts[0]), id > 1, parts[1] == "ready" || parts[1] == "starting"
            else { return nil }
            self = .process(id, isReady: parts[1] == "ready", backend: parts[2])
        case "output":
            guard let id = Int32(rest), id > 1 else { return nil }
            self = .output(id)
        case "control" where !rest.isEmpty: self = .control(rest)
        case "end":
            guard let count = Int(rest), (0...Self.mostSockets).contains(count) else { return nil }
            self = .end(count)
        case "accepting" where rest.isEmpty: self = .accepting
        case "released" where rest.isEmpty: self = .released(isService: false, watchdog: nil)
        case "released" where parts.first == "service":
            switch parts.count {
            case 1: self = .released(isService: true, watchdog: nil)
            case 2:
                guard let watchdog = UInt64(parts[1]) else { return nil }
                self = .released(isService: true, watchdog: watchdog)
            default: return nil
            }
        default: return nil
        }
    }
}
