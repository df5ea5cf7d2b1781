package import API

/// What somebody wants to do with the weights of a route: the words of a command line, held against what the route has, so
/// that a mistake is told before anything is sent.
package enum WeightPlan: Sendable, Equatable {
    /// Nothing but to see them.
    case show
    /// New weights; entries that are not named keep theirs.
    case set([Assignment])
    /// The two named entries, or the only two there are, exchange theirs.
    case swap([String])
    case undo

    package struct Assignment: Sendable, Equatable {
        package var name: String
        package var weight: Int

        package init(name: String, weight: Int) {
            self.name = name
            self.weight = weight
        }
    }

    /// What the configuration takes as a weight.
    package static let weights = 0...1_000_000

    /// - Parameter words: `BACKEND=N` (the last `=` counts), or with `swap` the names of two entries or none.
    /// - Throws: what is wrong with the words, whatever route they are for.
    package init(_ words: [String], swap: Bool, undo: Bool) throws(Problem) {
        guard !(swap && undo) else { throw Problem("--swap and --undo are two things, write one of them") }
        if undo {
            guard words.isEmpty else { throw Problem("--undo restores what was there before, leave '\(words[0])' out") }
            self = .undo
        } else if swap {
            guard words.isEmpty || words.count == 2 else {
                throw Problem("--swap exchanges two weights, name two entries or, where there are only two, none")
            }
            if let word = words.first(where: Self.isAssignment) {
                throw Problem("--swap takes the weights that are there, write the names alone and leave '\(word)' out")
            }
            if words.count == 2, words[0] == words[1] { throw Problem("'\(words[0])' cannot be exchanged with itself") }
            self = .swap(words)
        } else if words.isEmpty {
            self = .show
        } else {
            var assignments: [Assignment] = []
            for word in words { assignments.append(try Self.assignment(word)) }
            for (index, one) in assignments.enumerated()
            where assignments[..<index].contains(where: { $0.name == one.name }) {
                throw Problem("'\(one.name)' has two weights, write one of them")
            }
            self = .set(assignments)
        }
    }

    private static func isAssignment(_ word: String) -> Bool { (try? assignment(word)) != nil }

    private static func assignment(_ word: String) throws(Problem) -> Assignment {
        guard let sign = word.lastIndex(of: "="), sign != word.startIndex else {
            throw Problem("'\(word)' is no weight, write BACKEND=N such as stable=90")
        }
        let (name, number) = (String(word[..<sign]), String(word[word.index(after: sign)...]))
        guard let weight = Int(number), weights.contains(weight), number.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else {
            throw Problem("'\(number)' is no weight for \(name), write an integer from 0 to \(weights.upperBound)")
        }
        return Assignment(name: name, weight: weight)
    }

    /// The weights that differ from those the route has, to be sent as they are.
    ///
    /// - Throws: why that cannot be done to this route. An undo has nothing to work out.
    package func changes(of route: RouteWeights) throws(Problem) -> [String: Int] {
        var wanted: [String: Int] = [:]
        switch self {
        case .show, .undo: break
        case .set(let assignments):
            for one in assignments {
                _ = try Self.entry(one.name, route)
                wanted[one.name] = one.weight
            }
        case .swap(let names):
            guard names.count == 2 || route.entries.count == 2 else {
                throw Problem(
                    "'\(route.route)' has \(Self.list(route)); write the two that exchange their weights behind --swap")
            }
            let first = names.count == 2 ? try Self.entry(names[0], route) : route.entries[0]
            let second = names.count == 2 ? try Self.entry(names[1], route) : route.entries[1]
            wanted = [first.as: second.weight, second.as: first.weight]
        }
        if !wanted.isEmpty, route.entries.allSatisfy({ (wanted[$0.as] ?? $0.weight) == 0 }) {
            throw Problem("all weights of '\(route.route)' would be 0, leave one of them above")
        }
        return wanted.filter { name, weight in route.entries.contains { $0.as == name && $0.weight != weight } }
    }

    private static func entry(_ name: String, _ route: RouteWeights) throws(Problem) -> RouteWeights.Entry {
        guard let entry = route.entries.first(where: { $0.as == name }) else {
            throw Problem("'\(route.route)' has no backend '\(name)', it has \(list(route))")
        }
        return entry
    }

    /// Names that are listed before they are only counted.
    private static let longestList = 20

    private static func list(_ route: RouteWeights) -> String {
        let names = route.entries.prefix(longestList).map { "'\($0.as)'" }
        let more = route.entries.count - names.count
        if names.isEmpty { return "none" }
        return names.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }
}

/// Paths of the API.
package enum APIPath {
    /// `/api/v1/routes/{route}/weights`: names have slashes, which stay; everything else but unreserved characters (RFC
    /// 3986 section 2.3) is escaped, and so are dots where they would be a step up or down.
    package static func weights(of route: String) -> String {
        let steps = route.split(separator: "/", omittingEmptySubsequences: false).map { step in
            step.utf8.allSatisfy { $0 == UInt8(ascii: ".") }
                ? String(repeating: "%2E", count: step.utf8.count) : escape(step)
        }
        return "/api/v1/routes/\(steps.joined(separator: "/"))/weights"
    }

    private static func escape(_ step: Substring) -> String {
        var result = ""
        for byte in step.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return result
    }
}
