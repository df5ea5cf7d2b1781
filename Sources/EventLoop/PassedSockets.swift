import CLinux
import Glibc

/// Listening sockets that the service manager has opened for this process (sd_listen_fds(3)).
package final class PassedSockets: Sendable {
    /// One socket, under the `FileDescriptorName` of its unit.
    package struct Entry: Sendable, Equatable {
        package var name: String
        package var descriptor: Int32

        package init(name: String, descriptor: Int32) {
            self.name = name
            self.descriptor = descriptor
        }
    }

    /// SD_LISTEN_FDS_START
    static let first: Int32 = 3
    /// More than the descriptor limit that systemd gives a service by default; a number above it is a mistake.
    static let most = 1024
    /// What systemd calls a socket without a name.
    static let unnamed = "unknown"

    package let entries: [Entry]

    package init(_ entries: [Entry]) { self.entries = entries }

    /// Takes what was passed, and hides it from programs that this one might start. To be called before there are threads.
    package static func fromEnvironment() throws(SocketFailure) -> PassedSockets {
        func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        defer { for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) } }
        let entries = try parse(
            process: value("LISTEN_PID"), count: value("LISTEN_FDS"), names: value("LISTEN_FDNAMES"), own: getpid())
        for entry in entries {
            guard sluice_close_on_exec(entry.descriptor) >= 0 else {
                throw SocketFailure("LISTEN_FDS names descriptor \(entry.descriptor), which is not open")
            }
        }
        return PassedSockets(entries)
    }

    /// - Parameters:
    ///   - process: `LISTEN_PID`: whom the sockets are for.
    ///   - count: `LISTEN_FDS`.
    ///   - names: `LISTEN_FDNAMES`, separated by colons.
    ///   - own: this process.
    package static func parse(
        process: String?, count: String?, names: String?, own: Int32
    ) throws(SocketFailure) -> [Entry] {
        // Meant for a parent, which did not take them out of the environment.
        guard let process, let count, Int32(process) == own else { return [] }
        guard let number = Int(count), (0...most).contains(number) else {
            throw SocketFailure("LISTEN_FDS is '\(count)', not a number from 0 to \(most)")
        }
        let descriptors = (0..<number).map { first + Int32($0) }
        guard let names else { return descriptors.map { Entry(name: unnamed, descriptor: $0) } }
        let list = names.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard list.count == number else {
            throw SocketFailure("LISTEN_FDNAMES names \(list.count) sockets, and LISTEN_FDS says \(number)")
        }
        return zip(list, descriptors).map { Entry(name: $0, descriptor: $1) }
    }

    /// A socket by its name. The original stays open for whoever asks next.
    package func socket(named name: String) throws(SocketFailure) -> ListeningSocket {
        let found = entries.filter { $0.name == name }
        guard let entry = found.first else {
            let names = entries.map(\.name).joined(separator: ", ")
            throw SocketFailure(
                entries.isEmpty
                    ? "no socket was passed to this process: start it by its socket unit"
                    : "no socket of this name was passed, only: \(names)")
        }
        guard found.count == 1 else {
            throw SocketFailure(
                "\(found.count) sockets were passed under this name: give each a socket unit and FileDescriptorName= "
                    + "of its own")
        }
        let descriptor = try check(sluice_duplicate(entry.descriptor), "dup")
        guard let socket = ListeningSocket(adopting: descriptor, origin: .passed) else {
            close(descriptor)
            throw SocketFailure("what was passed is no listening stream socket: write ListenStream= and Accept=no")
        }
        return socket
    }
}
