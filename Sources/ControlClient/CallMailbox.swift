import CCurl
import Dispatch
import Synchronization

/// A call as it was asked for.
struct Order: Sendable {
    let number: UInt64
    let request: ControlClient.Request
    let completion: @Sendable (Result<ControlClient.Response, ControlClient.Failure>) -> Void
}

/// Bytes of a stream that wait on the queue of the answers.
final class Backlog: Sendable {
    private let bytes = Atomic(0)

    /// - Returns: false where that would be more than `limit`.
    func add(_ count: Int, limit: Int) -> Bool {
        bytes.wrappingAdd(count, ordering: .relaxed).newValue <= limit
    }

    func remove(_ count: Int) { bytes.wrappingSubtract(count, ordering: .relaxed) }
}

/// How other threads reach the client's thread.
final class CallMailbox: Sendable {
    /// What has come in since the last look.
    struct Contents: Sendable {
        var orders: [Order] = []
        var cancelled: [UInt64] = []
        var isClosing = false
    }

    private struct State {
        var contents = Contents()
        var lastNumber: UInt64 = 0
        var closed: [@Sendable () -> Void] = []
        /// `nil` once the thread has ended.
        var multi: Multi?

        func wake() { if let multi { curl_multi_wakeup(multi.handle) } }
    }

    /// Unchecked: of all that libcurl has for it, other threads call `curl_multi_wakeup` only, which is meant for them.
    struct Multi: @unchecked Sendable { let handle: UnsafeMutableRawPointer }

    private let state: Mutex<State>
    private let answers: DispatchQueue

    init(_ multi: Multi, answers: DispatchQueue) {
        state = Mutex(State(multi: multi))
        self.answers = answers
    }

    func start(
        _ request: ControlClient.Request,
        _ completion: @escaping @Sendable (Result<ControlClient.Response, ControlClient.Failure>) -> Void
    ) -> UInt64 {
        let (order, isLate) = state.withLock { state in
            state.lastNumber += 1
            let order = Order(number: state.lastNumber, request: request, completion: completion)
            guard state.multi != nil else { return (order, true) }
            state.contents.orders.append(order)
            state.wake()
            return (order, false)
        }
        if isLate { answer(order, .failure(.cancelled(request))) }
        return order.number
    }

    func cancel(_ number: UInt64) {
        state.withLock { state in
            guard state.multi != nil else { return }
            state.contents.cancelled.append(number)
            state.wake()
        }
    }

    func close(_ done: (@Sendable () -> Void)?) {
        let isLate = state.withLock { state in
            guard state.multi != nil else { return true }
            if let done { state.closed.append(done) }
            state.contents.isClosing = true
            state.wake()
            return false
        }
        if isLate, let done { answers.async { done() } }
    }

    func answer(_ order: Order, _ result: Result<ControlClient.Response, ControlClient.Failure>) {
        answers.async { order.completion(result) }
    }

    /// Hands over a piece of a stream.
    func deliver(_ order: Order, _ piece: [UInt8], _ backlog: Backlog) {
        answers.async {
            order.request.stream?.receive(piece)
            backlog.remove(piece.count)
        }
    }

    // MARK: For the client's thread

    func take() -> Contents {
        state.withLock { state in
            let contents = state.contents
            state.contents = Contents(isClosing: contents.isClosing)
            return contents
        }
    }

    /// Nobody wakes the thread any more; what has come in meanwhile is answered.
    func end() {
        // Completions are let go of outside the lock: one of them may hold the client, which then closes this.
        let (orders, closed) = state.withLock { state in
            let rest = (state.contents.orders, state.closed)
            state.multi = nil
            state.contents = Contents()
            state.closed = []
            return rest
        }
        for order in orders { answer(order, .failure(.cancelled(order.request))) }
        for done in closed { answers.async { done() } }
    }
}

extension ControlClient.Failure {
    static func cancelled(_ request: ControlClient.Request) -> Self {
        Self(.cancelled, "the call to \(request.address) was given up")
    }
}
