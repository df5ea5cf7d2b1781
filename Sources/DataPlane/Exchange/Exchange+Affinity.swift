import Base
import HTTP
import Traffic

/// Which side of a split a request belongs to.
extension Exchange {
    /// The entry that takes the request, or `nil` if none can.
    func chooseEntry(_ route: RouteState) -> Int? {
        guard let sticky = route.policies?.sticky, let key = affinity(sticky) else { return route.nextEntry(suits) }
        return route.entry(of: key, sticky, suits)
    }

    /// What the client is known by; `nil` where it does not say, so that the request is split like any other.
    private func affinity(_ sticky: RouteSticky) -> UInt64? {
        switch sticky.key {
        case .header(let name): return head.first(named: name).flatMap { hash(head.value($0)) }
        case .clientAddress: return hash(clientText)
        case .cookie(let name):
            if let known = head.cookie(name).flatMap({ hash($0) }) { return known }
            newAffinity = worker.random.next()
            return cookie(name).flatMap { hash($0) }
        }
    }

    /// A cookie of the request, or the one that its answer gives the client: the next request brings it, and must find the
    /// same entry and endpoint. Valid until the worker's scratch is used again.
    func cookie(_ name: [UInt8]) -> UnsafeRawBufferPointer? {
        guard let newAffinity, case .cookie(let given) = route?.policies?.sticky?.key, given == name else {
            return head.cookie(name)
        }
        worker.valueScratch.removeAll()
        worker.valueScratch.append(hex: newAffinity)
        return worker.valueScratch.bytes
    }

    private func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64? { bytes.isEmpty ? nil : KeyHash.hash(bytes) }
}
