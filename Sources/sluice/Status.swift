import API
import ArgumentParser
import Base
import ControlClient
import Dispatch
import Glibc
import Synchronization
import Terminal

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "How a running gateway stands: routes, splits, backends, endpoints, rates, queues.",
        discussion: """
            Credentials come from SLUICE_ADMIN_USER and SLUICE_ADMIN_PASSWORD, or
            from ~/.netrc (NETRC names another file). Exits with 0 when it has shown
            the status, with 1 when the gateway cannot be asked or refuses, and with
            64 for wrong usage. --watch ends with q or Ctrl-C.

            Example:
              sluice status --watch --admin https://gateway.example.com:9901
            """)

    @OptionGroup var options: AdminOptions

    @Flag(help: "Redraw each second; without a terminal, one block each second.")
    var watch = false

    @Flag(help: "The status as JSON; with --watch, each event of /api/v1/events as one line.")
    var json = false

    /// How long rates are waited for: the first event comes within a second of a gateway that is not busy otherwise.
    private static let patience = DispatchTimeInterval.milliseconds(2500)

    func run() throws {
        let client = try options.client()
        do {
            let (status, response) = try client.read(API.Status.self, "/api/v1/status")
            if watch { Watch(client, LiveState(status), isJSON: json).run() }
            let output = Output()
            if json { return try output.printJSON(response.body) }
            let state = Self.state(client, status)
            let now = state.time.flatMap(UTC.seconds) ?? wallClockSeconds()
            let screen = StatusScreen(source: "\(client.address)", now: now, width: output.size?.width)
            try output.print(screen.lines(state))
        } catch {
            throw Console.failure(error)
        }
    }

    /// The status with what the stream of events adds to it: rates and durations of the last seconds. A gateway whose
    /// stream cannot be had is shown without them.
    private static func state(_ client: AdminClient, _ status: API.Status) -> LiveState {
        let gathering = Gathering(LiveState(status))
        let call = client.events(receive: { gathering.take($0) }, ended: { _ in gathering.isEnough.signal() })
        _ = gathering.isEnough.wait(timeout: .now() + patience)
        call.cancel()
        return gathering.state
    }
}

/// The first events of a stream.
private final class Gathering: Sendable {
    private let content: Mutex<(state: LiveState, reader: EventStreamReader)>
    let isEnough = DispatchSemaphore(value: 0)

    init(_ state: LiveState) { content = Mutex((state, EventStreamReader())) }

    var state: LiveState { content.withLock { $0.state } }

    func take(_ bytes: [UInt8]) {
        let isComplete = content.withLock { content in
            var isComplete = false
            for message in content.reader.take(bytes) {
                guard let event = AdminClient.decode(Event.self, message.data) else { continue }
                content.state.apply(event, isWhole: message.event == "state")
                if event.traffic != nil { isComplete = true }
            }
            return isComplete
        }
        if isComplete { isEnough.signal() }
    }
}
