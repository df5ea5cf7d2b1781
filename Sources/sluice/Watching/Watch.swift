import API
import Base
import ControlClient
import Dispatch
import EventLoop
import Glibc
import Synchronization
import Terminal

/// `sluice status --watch`: follows the stream of events until somebody ends it. Everything happens on one queue.
///
/// Unchecked: `queue` alone touches what varies.
final class Watch: @unchecked Sendable {
    private let client: AdminClient
    private let isJSON: Bool
    private let output = Output()
    private let queue: DispatchQueue
    /// `nil` where lines follow lines.
    private let screen: Screen?
    private var state: LiveState
    private var reader = EventStreamReader()
    private var call: ControlClient.Call?
    /// Why there is no connection, and since when; `nil` while there is one.
    private var loss: (reason: String, since: Instant)?
    /// What is said for a while after there is one again.
    private var news: (text: String, until: Instant)?
    private var hasBegun = false

    private static let pause = DispatchTimeInterval.seconds(1)
    /// Long enough to be read by somebody who looks up.
    private static let newsTime = Nanoseconds.seconds(10)

    init(_ client: AdminClient, _ state: LiveState, isJSON: Bool) {
        self.client = client
        // Where the stream arrives: while a terminal takes nothing, what comes is counted as not taken.
        queue = client.answers
        self.isJSON = isJSON
        self.state = state
        screen = isJSON || !output.canRedraw ? nil : Screen(output)
    }

    func run() -> Never {
        var handlers: [Int32: @Sendable () -> Void] = [:]
        for (signal, status) in [(SIGINT, 0), (SIGTERM, 128 + SIGTERM), (SIGHUP, 128 + SIGHUP)] {
            handlers[signal] = { [self] in end(status) }
        }
        if screen != nil {
            handlers[SIGWINCH] = { [self] in queue.async { self.draw() } }
            handlers[SIGTSTP] = { [self] in
                queue.async {
                    self.screen?.suspend()
                    self.draw()
                }
            }
        }
        guard let signals = Signals(queue: DispatchQueue(label: "sluice.signals"), handlers) else {
            Console.complain("sluice: the kernel gives no descriptor for signals; raise the limit (ulimit -n)")
            exit(1)
        }
        let timer = DispatchSource.makeTimerSource(queue: queue)
        timer.schedule(deadline: .now() + Self.pause, repeating: Self.pause)
        timer.setEventHandler { [self] in tick() }
        timer.activate()
        queue.async { [self] in
            screen?.open(queue: queue) { [self] in finish(0) }
            draw()
            connect()
        }
        withExtendedLifetime((signals, timer)) { dispatchMain() }
    }

    // MARK: The stream

    private func connect() {
        reader = EventStreamReader()
        call = client.events(
            receive: { [self] bytes in take(bytes) }, ended: { [self] result in lose(result) })
    }

    private func take(_ bytes: [UInt8]) {
        for message in reader.take(bytes) {
            guard let event = AdminClient.decode(Event.self, message.data) else {
                call?.cancel()
                return
            }
            if loss != nil || !hasBegun { resume(event) }
            state.apply(event, isWhole: message.event == "state")
            show(message)
        }
        if reader.hasOverflowed { call?.cancel() }
    }

    private func resume(_ event: Event) {
        defer {
            loss = nil
            hasBegun = true
        }
        guard hasBegun else { return }
        let (old, new) = (state.status.processID, event.status?.processID)
        let isOther = new != nil && (new != old || event.status?.startedAt != state.status.startedAt)
        let text = isOther ? "connected again: the gateway was restarted" : "connected again"
        news = (text, Instant.now() + Self.newsTime)
        if screen == nil { Console.complain("sluice: \(text)") }
    }

    private func lose(_ result: Result<ControlClient.Response, ControlClient.Failure>) {
        call = nil
        let reason: String
        switch result {
        case .failure(let failure) where failure.kind == .cancelled: reason = "\(client.address) sent what is no event"
        case .failure(let failure) where failure.kind == .request || failure.kind == .tls:
            fail(client.explain(failure).message)
        case .failure(let failure): reason = failure.description
        case .success(let response) where 200..<300 ~= response.status:
            reason = "\(client.address) ended the stream"
        // It may be starting, or have too many who watch.
        case .success(let response) where response.status >= 500 && hasBegun:
            reason = client.explain(response, "/api/v1/events").message
        case .success(let response):
            fail(client.explain(response, "/api/v1/events").message)
        }
        if loss == nil {
            loss = (reason, Instant.now())
            hasBegun = true
            if screen == nil {
                Console.complain("sluice: connection lost, trying again each second: \(Shown.text(reason))")
            }
        } else {
            loss?.reason = reason
        }
        draw()
        queue.asyncAfter(deadline: .now() + Self.pause) { [self] in connect() }
    }

    // MARK: What is shown

    private func tick() {
        if loss != nil { state.markGap() }
        if loss != nil || news != nil { draw() }
    }

    private func show(_ message: EventStreamReader.Message) {
        if screen != nil { return draw() }
        if isJSON {
            // One line, whatever the gateway made of it.
            write(Shown.json(message.data.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }) + [0x0A])
        } else {
            let lines = [StyledLine(state.time ?? "")] + view(nil).lines(state) + [StyledLine()]
            write(Array(output.text(lines).utf8))
        }
    }

    private func draw() {
        guard let screen else { return }
        if let number = screen.draw(view(output.size ?? (80, 24)).lines(state)) { lost(number) }
    }

    private func view(_ size: (width: Int, height: Int)?) -> StatusScreen {
        let now = state.time.flatMap(UTC.seconds) ?? wallClockSeconds()
        var view = StatusScreen(source: "\(client.address)", now: now, width: size?.width, height: size?.height)
        if let news, news.until < Instant.now() { self.news = nil }
        if let loss {
            let seconds = Instant.now().since(loss.since).count / 1_000_000_000
            view.notice = StyledLine("connection lost \(Numbers.age(Double(seconds))) ago: \(loss.reason)", .bad)
        } else if let news {
            view.notice = StyledLine(news.text, .warning)
        }
        return view
    }

    private func write(_ bytes: [UInt8]) {
        if let number = Output.write(bytes) { lost(number) }
    }

    // MARK: Ends

    /// A signal says so. Whoever has stopped the terminal with Ctrl-S holds up the queue; the second signal does not wait.
    private func end(_ status: Int32) {
        if isEnding.exchange(true, ordering: .relaxed) { _exit(status) }
        tcflow(STDOUT_FILENO, Int32(TCOON))
        queue.async { [self] in finish(status) }
    }

    private let isEnding = Atomic(false)

    private func finish(_ status: Int32) -> Never {
        screen?.giveBack()
        exit(status)
    }

    private func fail(_ message: String) -> Never {
        screen?.giveBack()
        Console.complain("sluice: \(Shown.text(message))")
        exit(1)
    }

    /// Nobody reads any more.
    private func lost(_ number: Int32) -> Never {
        screen?.giveBack()
        if number == EPIPE { Output.endByPipe() }
        exit(1)
    }
}
