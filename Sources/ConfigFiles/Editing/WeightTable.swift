/// Where the weights of routes are written: filled while a configuration is read.
///
/// A route's entries are in the order of what is remembered here, because a configuration in which one of them could not be
/// read is refused as a whole.
///
/// Used by one load at a time.
final class WeightTable {
    struct Source {
        /// Routes of one number come from the same rule of a manifest, and follow each other.
        var owner: Int
        var writing: Writing
    }

    enum Writing {
        /// Mappings, one for each entry, that say `weight` or not.
        case entries([YAMLNode])
        /// An annotation with the second entry's weight; the first one's is what is left of the total.
        case canary(YAMLNode, total: Int)
        /// Nobody can say otherwise, and why.
        case fixed(Position, reason: String)
    }

    /// By the names of routes.
    private(set) var sources: [String: Source] = [:]
    private var owners = 0
    private var named: [String: Int] = [:]

    /// A number that no other rule has.
    func newOwner() -> Int {
        owners += 1
        return owners
    }

    /// The same number for the same name.
    func owner(named name: String) -> Int {
        if let owner = named[name] { return owner }
        let owner = newOwner()
        named[name] = owner
        return owner
    }

    func add(_ route: String, _ source: Source) { sources[route] = source }

    func add(_ route: String, _ writing: Writing) { add(route, Source(owner: newOwner(), writing: writing)) }

    /// For each route, where its first weight is written and what is in the way of changing it.
    func places(_ report: Report) -> [String: WeightPlace] {
        var users: [Position: Set<User>] = [:]
        for source in sources.values {
            for (index, position) in source.positions.enumerated() {
                users[position, default: []].insert(source.user(of: index))
            }
        }
        return sources.compactMapValues { source in
            guard let first = source.positions.first else { return nil }
            let shared = source.positions.first { users[$0, default: []].count > 1 }
            let obstacle = shared.map { position in
                "the weight in \(report.name(of: position.file)):\(position.line) stands for more than one entry, because "
                    + "an alias repeats it: write it out for each of them"
            }
            return WeightPlace(
                file: report.name(of: first.file), line: first.line, column: first.column,
                obstacle: source.reason ?? obstacle)
        }
    }

    /// Who reads what stands at a place.
    fileprivate struct User: Hashable {
        var owner: Int
        var entry: Int
    }
}

extension WeightTable.Source {
    /// Of the weights; of the entry where there is none.
    fileprivate var positions: [Position] {
        switch writing {
        case .entries(let nodes): nodes.map { ($0.entry(Self.key)?.value ?? $0).position }
        case .canary(let node, _): [node.position]
        case .fixed(let position, _): [position]
        }
    }

    fileprivate var reason: String? {
        if case .fixed(_, let reason) = writing { reason } else { nil }
    }

    fileprivate func user(of index: Int) -> WeightTable.User { WeightTable.User(owner: owner, entry: index) }

    static let key = "weight"
}

/// Where the weights of a route are written.
package struct WeightPlace: Sendable, Equatable {
    /// As the user named it, or as the configuration names it relative to that.
    package var file: String
    /// From 1; the column counts Unicode scalars.
    package var line: Int
    package var column: Int
    /// Why they cannot be changed there, and what to do instead; `nil` where they can.
    package var obstacle: String?

    /// `file:line:column`
    package var description: String { "\(file):\(line):\(column)" }
}
