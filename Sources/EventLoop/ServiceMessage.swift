import CLinux
import Glibc

/// What a service tells its manager (sd_notify(3)).
package enum ServiceMessage: Sendable, Equatable {
    case ready
    /// - Parameter monotonic: CLOCK_MONOTONIC, in microseconds, as systemd 253 and later want it.
    case reloading(monotonic: UInt64)
    case stopping
    /// For people, in one line.
    case status(String)
    /// Another process is the service from here on.
    case mainProcess(Int32)
    /// The service is alive.
    case watchdog

    /// A line each, as one datagram.
    package static func text(_ messages: [ServiceMessage]) -> String {
        messages.map(\.lines).joined(separator: "\n")
    }

    /// How often the manager wants to hear `watchdog`, in microseconds; 0 for never (sd_watchdog_enabled(3)).
    ///
    /// - Parameters:
    ///   - period: `WATCHDOG_USEC`.
    ///   - process: `WATCHDOG_PID`: whom it is for, anybody where it is not set.
    ///   - own: this process.
    package static func watchdogPeriod(_ period: String?, _ process: String?, own: Int32) -> UInt64 {
        guard let period = period.flatMap(UInt64.init), process == nil || process.flatMap(Int32.init) == own else {
            return 0
        }
        return period
    }

    private var lines: String {
        switch self {
        case .ready: "READY=1"
        case .reloading(let monotonic): "RELOADING=1\nMONOTONIC_USEC=\(monotonic)"
        case .stopping: "STOPPING=1"
        case .status(let text):
            // A line break would begin another assignment.
            "STATUS=\(String(text.map { $0.isNewline || $0 == "\0" ? " " : $0 }))"
        case .mainProcess(let process): "MAINPID=\(process)"
        case .watchdog: "WATCHDOG=1"
        }
    }
}

/// The way to the service manager: a datagram for each notification, which is dropped where nobody takes it.
package final class ServiceSocket: Sendable {
    private let descriptor: Int32
    private let target: Target

    private struct Target: Sendable {
        var storage: sockaddr_storage
        var length: UInt32
    }

    /// - Parameter address: `NOTIFY_SOCKET`: an absolute path, or `@` and an abstract name.
    /// - Returns: `nil` for another kind of address, or where the kernel gives no descriptor.
    package init?(address: String) {
        guard let target = Self.target(address) else { return nil }
        let result = sluice_datagram_socket()
        guard result >= 0 else { return nil }
        descriptor = Int32(result)
        self.target = target
    }

    deinit { close(descriptor) }

    package func send(_ messages: [ServiceMessage]) {
        let bytes = Array(ServiceMessage.text(messages).utf8)
        var storage = target.storage
        _ = sluice_send_to(descriptor, bytes, bytes.count, &storage, target.length)
    }

    private static func target(_ text: String) -> Target? {
        guard text.hasPrefix("@") else {
            guard text.hasPrefix("/"), let address = SocketAddress(path: text) else { return nil }
            return address.withKernelForm { Target(storage: $0.pointee, length: $1) }
        }
        // An abstract name begins with a zero byte, and ends where the address ends.
        let name = [0] + Array(text.utf8.dropFirst())
        guard (2...SocketAddress.longestPath).contains(name.count) else { return nil }
        var local = sockaddr_un()
        local.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &local.sun_path) { $0.copyBytes(from: name) }
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: local, as: sockaddr_un.self) }
        return Target(storage: storage, length: UInt32(MemoryLayout<sa_family_t>.size + name.count))
    }
}
