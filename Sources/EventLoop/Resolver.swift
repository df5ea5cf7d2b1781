import CLinux
import Dispatch
import Glibc

/// Name look-up through the system's resolver (getaddrinfo(3)).
package enum Resolver {
    package enum Outcome: Sendable, Equatable {
        /// Without duplicates, in the resolver's order.
        case addresses([SocketAddress])
        /// The name does not exist or has no address.
        case none
        /// The name server did not answer; asking again may help. With the resolver's words.
        case unavailable(String)
    }

    /// Looks up the addresses of a host on a thread of its own, since the resolver may block for as long as resolv.conf(5)
    /// lets it. `completion` is called there, with port 0.
    package static func lookUp(_ host: String, completion: @escaping @Sendable (Outcome) -> Void) {
        // A serial queue has a thread of its own while it is busy; a concurrent one would share the cores' few.
        DispatchQueue(label: "sluice.name").async { completion(resolve(host: host, port: 0)) }
    }

    /// Blocks, so it is never called on a loop.
    package static func resolve(host: String, port: UInt16) -> Outcome {
        if let literal = SocketAddress(literal: host, port: port) { return .addresses([literal]) }
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            // EAI_NONAME and EAI_NODATA; the latter is a GNU extension that Swift does not import.
            if code == EAI_NONAME || code == -5 {
                return hasDescriptor ? .none : .unavailable("no descriptor left to ask with")
            }
            return .unavailable(String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ai_next
            var storage = sockaddr_storage()
            let size = min(Int(entry.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
            withUnsafeMutableBytes(of: &storage) { target in
                target.copyMemory(from: UnsafeRawBufferPointer(start: entry.pointee.ai_addr, count: size))
            }
            if let address = SocketAddress(storage)?.with(port: port), !found.contains(address) {
                found.append(address)
            }
        }
        return found.isEmpty ? .none : .addresses(found)
    }

    /// Without descriptors the C library can open neither /etc/hosts nor a socket, and says that there is no such name.
    private static var hasDescriptor: Bool {
        let probe = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard probe >= 0 else { return false }
        close(probe)
        return true
    }
}
