import Configuration

extension RuleOrder {
    /// Which pieces are worth a comparison with one: those that share the first element of its path, or one of its hosts. A
    /// thousand services below one host, or on hosts of their own, are then not compared with each other.
    struct Neighbours {
        private var all: [Int]
        private var byElement: [Substring: [Int]] = [:]
        /// Without a path, or with one that may begin in any way.
        private var anyElement: [Int] = []
        private var byHost: [String: [Int]] = [:]
        /// With a wildcard, or for every host.
        private var anyHost: [Int] = []
        private let keys: [(hosts: [String], path: Match.PathMatch?)]

        /// - Parameter keys: of each piece, in order. The hosts of a piece are all of one kind.
        init(_ keys: [(hosts: [String], path: Match.PathMatch?)]) {
            self.keys = keys
            all = Array(keys.indices)
            for (index, key) in keys.enumerated() {
                if let element = Self.firstElement(key.path) {
                    byElement[element, default: []].append(index)
                } else {
                    anyElement.append(index)
                }
                if Self.isExact(key.hosts) {
                    for host in key.hosts { byHost[host, default: []].append(index) }
                } else {
                    anyHost.append(index)
                }
            }
        }

        /// Ascending lists that hold, together, every piece that could take a request of this one; the shorter of two ways.
        func lists(of index: Int) -> [[Int]] {
            let key = keys[index]
            var ways = [[all]]
            if let element = Self.firstElement(key.path) { ways.append([byElement[element] ?? [], anyElement]) }
            if Self.isExact(key.hosts) { ways.append(key.hosts.map { byHost[$0] ?? [] } + [anyHost]) }
            return ways.min { Self.size($0) < Self.size($1) } ?? [all]
        }

        private static func size(_ lists: [[Int]]) -> Int { lists.reduce(0) { $0 + $1.count } }

        private static func isExact(_ hosts: [String]) -> Bool { hosts.first.map { !$0.hasPrefix("*.") } ?? false }

        /// `nil` where the path may begin with any.
        private static func firstElement(_ path: Match.PathMatch?) -> Substring? {
            switch path {
            case .exact(let text), .prefix(let text):
                text == "/"
                    ? nil : text.dropFirst().split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).first
            case .startsWith, .regex, nil: nil
            }
        }
    }
}
