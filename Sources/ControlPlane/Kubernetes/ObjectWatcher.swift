import Base
import ControlClient
import Dispatch
import EventLoop
import Foundation
import Kubernetes

/// Lists some objects of the Kubernetes API and watches them for changes, for as long as it is told to. When to ask what is
/// `ListWatch`'s to say.
///
/// Unchecked: everything happens on one queue, that of the answers.
final class ObjectWatcher<Object: WatchedObject>: @unchecked Sendable {
    /// What the owner is told.
    enum News {
        /// The objects are others than before, or have been listed for the first time.
        case changed
        /// The API is away, or refuses: told once until it recovers.
        case failing(String)
        case recovered
    }

    private(set) var state: ListWatch<Object>
    private let api: KubernetesAPI
    private let queue: DispatchQueue
    private let path: String
    private let query: String
    private let accept: (list: String, watch: String)
    private let tell: (News) -> Void
    private var random = RandomSource(seed: Machine.seed())
    private var call: ControlClient.Call?
    private var lines = WatchLines()
    /// Tells the answers of the call that counts from those of earlier ones.
    private var turn = 0
    private var isStopped = false
    private var isFailing = false
    /// What ended a watch from inside, to be done when its call has ended.
    private var interrupted: ListWatch<Object>.Step?

    /// How long the server keeps a watch open before it is asked for again: a connection that died without a word is noticed
    /// after that at the latest.
    private static var watchSeconds: Int { 120 }
    /// What it may be late with the end.
    private static var watchGrace: Int { 15 }

    /// - Parameters:
    ///   - path: of the list.
    ///   - query: what is asked of both lists and watches, percent-encoded; may be empty.
    ///   - tell: called on `queue`.
    init(
        _ api: KubernetesAPI, queue: DispatchQueue, path: String, query: String, accept: (list: String, watch: String),
        limit: Int, tell: @escaping (News) -> Void
    ) {
        self.api = api
        self.queue = queue
        self.path = path
        self.query = query
        self.accept = accept
        self.tell = tell
        state = ListWatch(limit: limit)
    }

    func start() { take(.list(next: nil)) }

    func stop() {
        isStopped = true
        turn += 1
        call?.cancel()
        call = nil
    }

    private func take(_ step: ListWatch<Object>.Step) {
        guard !isStopped else { return }
        turn += 1
        switch step {
        case .list(let next): list(next)
        case .watch(let version): watch(version)
        case .wait(let pause):
            let turn = turn
            queue.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: pause.count))) { [weak self] in
                guard let self, self.turn == turn else { return }
                // A list says whether the API is back; a watch of something quiet says nothing.
                take(isFailing ? .list(next: nil) : state.resumed())
            }
        }
    }

    // MARK: Lists

    private func list(_ next: String?) {
        var parameters = ["limit=\(ListWatch<Object>.pageSize)"]
        if !query.isEmpty { parameters.append(query) }
        if let next { parameters.append("continue=\(Self.encoded(next))") }
        let turn = turn
        call = api.send("GET", "\(path)?\(parameters.joined(separator: "&"))", accept: accept.list) {
            [weak self] result in
            guard let self, self.turn == turn else { return }
            switch result {
            case .failure(let failure): fail(failure)
            case .success(let response):
                guard let page = try? JSONDecoder().decode(ListPage<Object>.self, from: Data(response.body)) else {
                    fail(.init(status: nil, description: "the Kubernetes API answered with something that is no list"))
                    return
                }
                var changed = false
                let step = state.listed(page, changed: &changed)
                if case .watch = step { recover() }
                if changed { tell(.changed) }
                take(step)
            }
        }
    }

    // MARK: Watches

    private func watch(_ version: String) {
        var parameters = [
            "watch=1", "allowWatchBookmarks=true", "timeoutSeconds=\(Self.watchSeconds)",
            "resourceVersion=\(Self.encoded(version))",
        ]
        if !query.isEmpty { parameters.append(query) }
        let turn = turn
        lines = WatchLines()
        interrupted = nil
        state.watchBegins(now: .now())
        call = api.watch(
            "\(path)?\(parameters.joined(separator: "&"))", accept: accept.watch,
            silence: .seconds(Self.watchSeconds + Self.watchGrace)
        ) { [weak self] piece in
            guard let self, self.turn == turn, interrupted == nil else { return }
            receive(piece)
        } completion: { [weak self] result in
            guard let self, self.turn == turn else { return }
            if let interrupted { return take(interrupted) }
            switch result {
            case .success: take(state.watchEnded(now: .now(), random: &random))
            case .failure(let failure) where failure.status == nil:
                let step = state.watchEnded(now: .now(), random: &random)
                // A connection that breaks now and then is nothing to tell of.
                if case .wait = step { complain(failure.description) }
                take(step)
            case .failure(let failure): fail(failure)
            }
        }
    }

    private func receive(_ piece: [UInt8]) {
        guard let complete = lines.take(piece) else {
            interrupt(state.failed(isExpired: false, random: &random))
            complain("the Kubernetes API sent an event of more than \(WatchLines.longestLine) bytes")
            return
        }
        var changed = false
        for line in complete {
            guard let event = try? JSONDecoder().decode(WatchEvent<Object>.self, from: Data(line)) else {
                complain("the Kubernetes API sent an event that cannot be read")
                interrupt(state.failed(isExpired: true, random: &random))
                break
            }
            if case .error(let status) = event, !status.isExpired { complain(KubernetesAPI.quoted(status.message)) }
            if let step = state.received(event, changed: &changed, random: &random) {
                interrupt(step)
                break
            }
            recover()
        }
        if changed { tell(.changed) }
    }

    /// What came counts; what comes no more.
    private func interrupt(_ step: ListWatch<Object>.Step) {
        interrupted = step
        call?.cancel()
    }

    // MARK: Failures

    private func fail(_ failure: KubernetesAPI.Failure) {
        if !failure.isExpired { complain(failure.description) }
        take(state.failed(isExpired: failure.isExpired, random: &random))
    }

    private func complain(_ reason: String) {
        guard !isFailing else { return }
        isFailing = true
        tell(.failing(reason))
    }

    private func recover() {
        guard isFailing else { return }
        isFailing = false
        tell(.recovered)
    }

    /// For a value in a query: what is not unreserved is encoded (RFC 3986 section 2.3).
    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += byte < 16 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return result
    }
}
