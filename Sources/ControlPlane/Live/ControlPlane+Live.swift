package import API
import Base
import Configuration
import DataPlane
import Dispatch
import EventLoop
import Explanation
package import Observation
import Synchronization

extension ControlPlane {
    /// Calls `deliver` on the control queue with each event from now on, the first of which holds everything and comes within
    /// a second. Safe from any thread.
    package func subscribe(_ deliver: @escaping @Sendable (FeedMessage) -> Void) -> FeedSubscription {
        let number = Box<UInt64>(0)
        queue.async { [self] in
            let reader = live.add(deliver)
            number.value.withLock { $0 = reader }
        }
        return FeedSubscription { [self] in
            queue.async { [self] in live.remove(number.value.withLock { $0 }) }
        }
    }

    /// The last 15 minutes of one place; `nil` where there is no such place. `completion` runs on the control queue.
    package func history(_ subject: HistorySubject, completion: @escaping @Sendable (History?) -> Void) {
        queue.async { [self] in completion(live.history(of: subject)) }
    }

    /// The models that the Tritons say they have, and where clients find them. The answer is up to five seconds old, unless a
    /// fresh one is asked for. `completion` runs on the control queue.
    package func models(refresh: Bool, completion: @escaping @Sendable (ModelList) -> Void) {
        queue.async { [self] in
            guard let snapshot else {
                completion(ModelList(time: TimeText.milliseconds(wallClockNanoseconds()), models: [], unreachable: []))
                return
            }
            let place = ModelCatalog.Place(snapshot: snapshot, entrances: entrances, readings: modelMonitor.view)
            models.list(place, refresh: refresh) { [self] list in
                queue.async { [self] in completion(expectedTimes.added(to: list)) }
            }
        }
    }

    /// Where clients can come in, as far as they can be told by a URL.
    private var entrances: [ModelLocator.Entrance] {
        let configured = Dictionary(
            (snapshot?.gateway.listeners ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return listeners.current.sorted { $0.listener.name < $1.listener.name }.compactMap { listener, address in
            guard !address.isUnix else { return nil }
            let isAny = IPAddress(high: address.mapped.high, low: address.mapped.low).isUnspecified
            // Somebody on this machine reads it first.
            let host = !isAny ? address.host : address.isIPv6 ? "localhost" : "127.0.0.1"
            return ModelLocator.Entrance(
                scheme: listener.speaksTLS ? .https : .http,
                authority: HostPort(host: host, port: address.port).description,
                port: configured[listener.name]?.address.hostPort?.port ?? 0)
        }
    }

    /// What went wrong lately, and what took longest. `completion` runs on the control queue.
    package func requests(completion: @escaping @Sendable (RequestList) -> Void) {
        queue.async { [self] in completion(live.list) }
    }
}
