import CLinux
import Glibc

/// Name lookup through the system's resolver. Blocks, so it is called on a Dispatch queue and never on a loop.
package enum Resolver {
    package enum Outcome: Sendable, Equatable {
        /// Without duplicates, in the resolver's order.
        case addresses([SocketAddress])
        /// The name does not exist or has no address.
        case none
        /// The name server did not answer; asking again may help. With the resolver's words.
        case unavailable(String)
    }

    package static func resolve(host: String, port: UInt16) -> Outcome {
        if let literal = SocketAddress(literal: host, port: port) { return .addresses([literal]) }
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            // EAI_NONAME and EAI_NODATA; the latter is a GNU extension that Swift does not import.
            if code == EAI_NONAME || code == -5 { return .none }
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
}
