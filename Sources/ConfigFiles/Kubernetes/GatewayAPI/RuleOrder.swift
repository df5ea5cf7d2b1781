import Base
import Configuration

/// Puts the rules of all HTTPRoutes and GRPCRoutes into the one order in which the first match wins.
///
/// The API ranks each match of each rule for itself, and each kind of host: a rule falls apart into pieces, which are sorted.
/// What belongs to one rule is then put together again wherever no piece of another rule, which could take the same request,
/// stands between.
struct RuleOrder {
    /// One route: some of the hosts and matches of one rule.
    struct Part: Equatable {
        var rule: Int
        var hosts: [String]
        /// Indices, ascending.
        var matches: [Int]
        /// Another part of the same rule comes before.
        var isContinued = false
    }

    private struct Piece {
        var rule: Int
        var hosts: [String]
        var hostRank: Int
        var match: Int
    }

    /// Comparisons of pieces that may go into putting rules together. Where they are used up the rest stays in pieces: that is
    /// as right, and only longer.
    private static let mostComparisons = 1_000_000

    private let rules: [GatewayAPIRule]
    /// In the order of the API.
    private let pieces: [Piece]
    /// Where the part begins that each piece belongs to.
    private var places: [Int] = []
    private let neighbours: Neighbours
    private var comparisons = RuleOrder.mostComparisons

    init(_ rules: [GatewayAPIRule]) {
        self.rules = rules
        let pieces = rules.indices.flatMap { rule in
            Self.hostGroups(rules[rule].hosts).flatMap { group in
                rules[rule].matches.indices.map {
                    Piece(rule: rule, hosts: group.hosts, hostRank: group.rank, match: $0)
                }
            }
        }
        let keys = pieces.map { Self.key($0, rules) }
        self.pieces = pieces.indices.sorted { keys[$0] < keys[$1] }.map { pieces[$0] }
        neighbours = Neighbours(self.pieces.map { ($0.hosts, rules[$0.rule].matches[$0.match].match.path) })
    }

    /// The names of a rule by how specific they are. No request has two names, so those without a wildcard need no order
    /// among themselves.
    private static func hostGroups(_ hosts: [String]) -> [(rank: Int, hosts: [String])] {
        guard !hosts.isEmpty else { return [(.max, [])] }
        let groups = Dictionary(grouping: hosts) { $0.hasPrefix("*.") ? Int.max - $0.utf8.count : 0 }
        return groups.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private struct Key: Comparable {
        var numbers: [Int]
        var created: String
        var object: String
        var place: [Int]

        static func < (left: Key, right: Key) -> Bool {
            if left.numbers != right.numbers { return left.numbers.lexicographicallyPrecedes(right.numbers) }
            if left.created != right.created { return left.created < right.created }
            if left.object != right.object { return left.object < right.object }
            return left.place.lexicographicallyPrecedes(right.place)
        }
    }

    private static func key(_ piece: Piece, _ rules: [GatewayAPIRule]) -> Key {
        let rule = rules[piece.rule]
        return Key(
            numbers: [rule.isFirst ? 0 : 1, piece.hostRank] + rule.matches[piece.match].rank,
            // What has no time has not been created yet, and will be younger than what has.
            created: rule.manifest.created.isEmpty ? "~" : rule.manifest.created,
            object: "\(rule.manifest.namespace)/\(rule.manifest.name)", place: [piece.rule, piece.match])
    }

    /// In the order of matching.
    mutating func parts() -> [Part] {
        places = Array(pieces.indices)
        var parts: [(place: Int, members: [Int], part: Part)] = []
        /// The first part of a rule for hosts of one rank.
        var open: [[Int]: Int] = [:]
        for (place, piece) in pieces.enumerated() {
            let key = [piece.rule, piece.hostRank]
            if let index = open[key], canMove(place, to: parts[index].place) {
                places[place] = parts[index].place
                parts[index].part.matches.append(piece.match)
                parts[index].members.append(place)
            } else {
                open[key] = parts.count
                let part = Part(rule: piece.rule, hosts: piece.hosts, matches: [piece.match])
                parts.append((place, [place], part))
            }
        }
        for index in parts.indices { parts[index].part.matches.sort() }
        // The same matches for hosts of another rank.
        var first: [Part: Int] = [:]
        var joined: [(place: Int, members: [Int], part: Part)] = []
        for item in parts {
            let key = Part(rule: item.part.rule, hosts: [], matches: item.part.matches)
            if let index = first[key], canMove(item.members, to: joined[index].place) {
                for member in item.members { places[member] = joined[index].place }
                joined[index].part.hosts += item.part.hosts
            } else {
                first[key] = joined.count
                joined.append(item)
            }
        }
        var seen: Set<Int> = []
        return joined.map { item in
            var part = item.part
            part.isContinued = !seen.insert(part.rule).inserted
            part.hosts = rules[part.rule].hosts.filter(part.hosts.contains)
            return part
        }
    }

    private mutating func canMove(_ members: [Int], to place: Int) -> Bool {
        for member in members where !canMove(member, to: place) { return false }
        return true
    }

    /// Whether a piece may go up to a place without overtaking one of another rule that could take the same request. What has
    /// gone up further than that itself is not overtaken.
    private mutating func canMove(_ from: Int, to place: Int) -> Bool {
        for list in neighbours.lists(of: from) {
            for other in list[Self.firstIndex(in: list, above: place)...] {
                guard other < from else { break }
                guard pieces[other].rule != pieces[from].rule, places[other] > place else { continue }
                comparisons -= 1
                guard comparisons > 0, !mayMeet(pieces[from], pieces[other]) else { return false }
            }
        }
        return true
    }

    /// The first index of an ascending list with a value above a number.
    private static func firstIndex(in list: [Int], above number: Int) -> Int {
        partitionPoint(in: list.indices) { list[$0] <= number }
    }

    /// Whether some request could match both, as far as can be told quickly.
    private func mayMeet(_ left: Piece, _ right: Piece) -> Bool {
        guard left.hosts.isEmpty || right.hosts.isEmpty || Self.mayMeet(left.hosts, right.hosts) else { return false }
        return Self.mayMeet(rules[left.rule].matches[left.match].match, rules[right.rule].matches[right.match].match)
    }

    private static func mayMeet(_ left: [String], _ right: [String]) -> Bool {
        left.contains { name in
            right.contains { other in
                name == other || (name.hasPrefix("*.") && other.hasSuffix(name.dropFirst()))
                    || (other.hasPrefix("*.") && name.hasSuffix(other.dropFirst()))
            }
        }
    }

    private static func mayMeet(_ left: Match, _ right: Match) -> Bool {
        if let one = left.method, let other = right.method, one != other { return false }
        if let one = left.scheme, let other = right.scheme, one != other { return false }
        for header in left.headers {
            guard case .exact(let value) = header.value,
                let other = right.headers.first(where: { $0.name == header.name }),
                case .exact(let otherValue) = other.value
            else { continue }
            if value != otherValue { return false }
        }
        switch (left.path, right.path) {
        case (.exact(let one), .exact(let other)): return one == other
        case (.exact(let path), .prefix(let prefix)), (.prefix(let prefix), .exact(let path)):
            return isBelow(path, prefix)
        case (.prefix(let one), .prefix(let other)): return isBelow(one, other) || isBelow(other, one)
        default: return true
        }
    }

    private static func isBelow(_ path: String, _ prefix: String) -> Bool {
        path == prefix || path.hasPrefix(prefix + "/")
    }
}

extension RuleOrder.Part: Hashable {}
