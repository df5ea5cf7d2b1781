import Base
import DataPlane
import Dispatch
package import EventLoop
import Glibc
import Synchronization

/// The service manager that started this process, if it wants to be told how it does (sd_notify(3)).
package final class ServiceManager: Sendable {
    /// `WATCHDOG_USEC` means: to be heard of at least this often. Two of three messages may then be late.
    private static let messagesPerPeriod: UInt64 = 3
    /// Shorter periods would keep the loops busy with answering; systemd's own unit is a second.
    private static let shortestPeriod: UInt64 = 100_000

    private let socket: ServiceSocket
    /// Microseconds between the messages of a watchdog, 0 for none.
    private let watchdog: Atomic<UInt64>
    private let watchdogQueue = DispatchQueue(label: "sluice.watchdog")
    /// The loops have not all answered yet.
    private let isAsking = Atomic<Bool>(false)
    /// Another process is the service: what this one says would be about that.
    private let isSilent = Atomic<Bool>(false)

    private init(socket: ServiceSocket, watchdog: UInt64) {
        self.socket = socket
        self.watchdog = Atomic(watchdog)
    }

    /// Reads the environment, and takes the variables out of it. To be called before there are threads.
    ///
    /// - Returns: `nil` where nobody wants to be told anything.
    package static func fromEnvironment() -> ServiceManager? {
        func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        defer { for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { unsetenv(name) } }
        guard let socket = value("NOTIFY_SOCKET").flatMap({ ServiceSocket(address: $0) }) else { return nil }
        let watchdog = ServiceMessage.watchdogPeriod(value("WATCHDOG_USEC"), value("WATCHDOG_PID"), own: getpid())
        return ServiceManager(socket: socket, watchdog: watchdog)
    }

    package func tell(_ messages: ServiceMessage...) {
        if !isSilent.load(ordering: .acquiring) { socket.send(messages) }
    }

    /// What the watchdog of a successor in the same service is to keep to; `nil` for none.
    var period: UInt64? {
        let period = watchdog.load(ordering: .relaxed)
        return period > 0 ? period : nil
    }

    /// The last words: another process of the same service goes on.
    func leave(to process: Int32) {
        tell(.mainProcess(process))
        isSilent.store(true, ordering: .releasing)
    }

    /// Tells from time to time that the process is alive, as long as every loop answers.
    ///
    /// - Parameter period: a predecessor's, where this process was not told one.
    func startWatchdog(_ workers: [Worker], period: UInt64? = nil) {
        let period = period ?? watchdog.load(ordering: .relaxed)
        guard period > 0 else { return }
        watchdog.store(period, ordering: .relaxed)
        beat(workers, every: max(period, Self.shortestPeriod) / Self.messagesPerPeriod)
    }

    private func beat(_ workers: [Worker], every interval: UInt64) {
        guard !isSilent.load(ordering: .acquiring) else { return }
        if !isAsking.exchange(true, ordering: .acquiringAndReleasing) {
            let left = Countdown(workers.count) { [self] in
                tell(.watchdog)
                isAsking.store(false, ordering: .releasing)
            }
            for worker in workers { worker.loop.post { left.countDown() } }
        }
        let time = DispatchTime.now() + .microseconds(Int(clamping: interval))
        watchdogQueue.asyncAfter(deadline: time) { [self] in beat(workers, every: interval) }
    }

    /// CLOCK_MONOTONIC in microseconds.
    static var monotonic: UInt64 { Instant.now().nanoseconds / 1000 }
}
