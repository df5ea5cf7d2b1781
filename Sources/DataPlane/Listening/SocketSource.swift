package import Configuration
package import EventLoop
import Glibc

/// Where listening sockets come from: the process that is taken over from, the service manager, or the kernel.
///
/// Confined to the control queue.
package final class SocketSource {
    /// Permissions of the file where everybody may connect, as to a port of 127.0.0.1. The directory may say otherwise.
    package static let openMode: UInt32 = 0o666
    /// Where the gateway is controlled: this user and root.
    package static let privateMode: UInt32 = 0o600

    private let passed: PassedSockets
    /// What another process has handed over and nothing here uses yet, by address as its configuration writes it.
    private var inherited: [String: ListeningSocket] = [:]

    package init(passed: PassedSockets) { self.passed = passed }

    package func inherit(_ sockets: [String: ListeningSocket]) { inherited = sockets }

    /// - Parameters:
    ///   - own: the sockets there are, any of which may overlap.
    ///   - mode: permissions of the file, where there is one.
    package func socket(
        for address: Address, beside own: [ListeningSocket], mode: UInt32 = SocketSource.openMode
    ) throws(ListenFailure) -> ListeningSocket {
        do throws(SocketFailure) {
            if let socket = inherited.removeValue(forKey: address.description) { return socket }
            switch address {
            case .systemd(let name): return try passed.socket(named: name)
            case .unix(let path):
                // The other process may have got it from its service manager, or have written it another way.
                if let socket = takeInherited(where: { $0.path == path }) { return socket }
                return try ListeningSocket(path: path, mode: mode)
            case .tcp(let place):
                guard case .addresses(let found) = Resolver.resolve(host: place.host, port: place.port),
                    let first = found.first
                else { throw SocketFailure(operation: "resolve", code: EADDRNOTAVAIL) }
                if first.port != 0, let socket = takeInherited(where: { $0 == first }) { return socket }
                return try ListeningSocket(first, beside: own + inherited.values)
            }
        } catch {
            throw ListenFailure(address: address, reason: .socket(error))
        }
    }

    private func takeInherited(where isWanted: (SocketAddress) -> Bool) -> ListeningSocket? {
        guard let key = inherited.first(where: { isWanted($0.value.address) })?.key else { return nil }
        return inherited.removeValue(forKey: key)
    }

    /// Closes what was handed over and is not in the configuration. The other process has let go of it by now.
    package func closeUnused() {
        for socket in inherited.values {
            socket.removeFile()
            close(socket.descriptor)
        }
        inherited.removeAll()
    }

    /// Names under which sockets were passed that the configuration does not mention.
    package func unusedNames(_ gateway: Gateway) -> [String] {
        let used =
            gateway.listeners.map(\.address)
            + [gateway.admin?.address, gateway.metrics, gateway.customMetrics?.address].compactMap { $0 }
        return passed.entries.map(\.name).filter { !used.contains(.systemd(name: $0)) }
    }
}
