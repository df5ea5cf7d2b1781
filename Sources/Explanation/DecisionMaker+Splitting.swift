import Base
import Configuration
import HTTP
import Traffic

/// Which entry of a split a request belongs to, if it says so itself.
extension DecisionMaker {
    /// The entry that takes the request while all can; `nil` where it is split like any other.
    func chosenEntry(_ forward: Route.Forward) -> Int? {
        guard let key = stickyKey(forward), !key.isEmpty else { return nil }
        let split = StickySplit(forward.backends.map { ($0.label, $0.weight) })
        return split.choose(keyHash: key.withUnsafeBytes { KeyHash.hash($0) }) { _ in true }
    }

    private func stickyKey(_ forward: Route.Forward) -> [UInt8]? {
        let head = reading.head
        switch forward.sticky {
        case .header(let name): return head.first(named: Array(name.utf8)).map { Array(head.value($0)) }
        case .cookie(let name, _): return head.cookie(Array(name.utf8)).map { Array($0) }
        case .clientAddress: return reading.client.map { Array($0.description.utf8) }
        case nil: return nil
        }
    }

    var sticky: Decision.Policy? {
        guard case .forward(let forward) = route.action, let sticky = forward.sticky else { return nil }
        let isKnown = stickyKey(forward)?.isEmpty == false
        switch sticky {
        case .header(let name):
            return Decision.Policy(
                "sticky", isKnown ? "by header \(name)" : "header \(name) is missing, so it is split like any request")
        case .cookie(let name, _):
            return Decision.Policy(
                "sticky",
                isKnown
                    ? "by cookie \(Shown.word(name))" : "gets a cookie \(Shown.word(name)) and stays where it goes")
        case .clientAddress:
            let advice = "; --client ADDRESS says who asks"
            return Decision.Policy("sticky", "by the client's address" + (isKnown ? "" : advice))
        }
    }

    /// Only where it is not what one expects.
    var whenDown: Decision.Policy? {
        guard case .forward(let forward) = route.action, forward.whenDown == .fail, forward.backends.count > 1 else {
            return nil
        }
        return Decision.Policy("whenDown", "fail: the share of an entry that is down is answered 503")
    }
}
