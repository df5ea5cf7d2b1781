import Base
import Glibc

/// Paths that routes name, compiled into a radix tree: one walk along a request's path meets every path that equals it or is
/// a beginning of it, however many there are.
///
/// Everything is plain numbers in memory of its own, so that a lookup counts no references: all loops would count the same
/// ones, each waiting for the others' caches. Its owner calls `deallocate` in the end.
struct PathIndex {
    /// How much of a request's path a configured path has to cover.
    enum Extent: UInt8, Sendable {
        /// All of it.
        case whole
        /// Whole elements of it: up to its end or a slash.
        case elements
        /// Any beginning.
        case start

        /// Whether a configured path that covers the first `depth` bytes covers enough.
        func covers(_ path: UnsafeRawBufferPointer, to depth: Int) -> Bool {
            switch self {
            case .whole: depth == path.count
            case .elements: depth == path.count || path[depth] == UInt8(ascii: "/")
            case .start: true
            }
        }
    }

    /// What a path leads to.
    struct Rule: Sendable {
        /// The place of the route: the lowest one that matches is taken.
        var rank: Int
        /// What else has to hold: an index into the table's conditions, -1 for nothing.
        var conditions: Int
        var extent: Extent
    }

    /// One stretch of path that all below share. Children are neighbours, in the order of their first bytes.
    private struct Node {
        var label: Range<Int>
        var children: Range<Int>
        /// In the order of their ranks.
        var rules: Range<Int>
        var firstByte: UInt8
    }

    private let nodes: UnsafeBufferPointer<Node>
    private let labels: UnsafeRawBufferPointer
    private let rules: UnsafeBufferPointer<Rule>

    init(_ paths: [(path: [UInt8], rule: Rule)]) {
        let tree = Tree(paths)
        nodes = UnsafeBufferPointer(copyOf: tree.nodes)
        labels = UnsafeRawBufferPointer(UnsafeBufferPointer(copyOf: tree.labels))
        rules = UnsafeBufferPointer(copyOf: tree.rules)
    }

    func deallocate() {
        nodes.deallocate()
        labels.deallocate()
        rules.deallocate()
    }

    /// Lowers `best` to the lowest rank below it whose path and conditions hold.
    func match(_ path: UnsafeRawBufferPointer, below best: inout Int, holds: (Int) -> Bool) {
        var node = nodes[0]
        var depth = 0
        while Self.hasLabel(path, depth, labels, node.label) {
            depth &+= node.label.count
            Self.take(rules, node.rules, path, depth, &best, holds)
            guard depth < path.count, let child = Self.child(nodes, node.children, path[depth]) else { return }
            node = nodes[child]
        }
    }

    private static func hasLabel(
        _ path: UnsafeRawBufferPointer, _ depth: Int, _ labels: UnsafeRawBufferPointer, _ label: Range<Int>
    ) -> Bool {
        guard path.count &- depth >= label.count else { return false }
        guard label.count > 0, let text = path.baseAddress, let expected = labels.baseAddress else { return true }
        return memcmp(text + depth, expected + label.lowerBound, label.count) == 0
    }

    private static func take(
        _ rules: UnsafeBufferPointer<Rule>, _ range: Range<Int>, _ path: UnsafeRawBufferPointer, _ depth: Int,
        _ best: inout Int, _ holds: (Int) -> Bool
    ) {
        for index in range {
            let rule = rules[index]
            guard rule.rank < best else { return }
            if rule.extent.covers(path, to: depth) && (rule.conditions < 0 || holds(rule.conditions)) {
                best = rule.rank
                return
            }
        }
    }

    private static func child(_ nodes: UnsafeBufferPointer<Node>, _ children: Range<Int>, _ byte: UInt8) -> Int? {
        let child = partitionPoint(in: children) { nodes[$0].firstByte < byte }
        return child < children.upperBound && nodes[child].firstByte == byte ? child : nil
    }
}

extension PathIndex {
    /// The same while it is made.
    private struct Tree {
        var nodes: [Node] = []
        var labels: [UInt8] = []
        var rules: [Rule] = []

        init(_ paths: [(path: [UInt8], rule: Rule)]) {
            // Equal paths keep the order of their ranks.
            let sorted = paths.sorted { left, right in
                left.path == right.path
                    ? left.rule.rank < right.rule.rank : left.path.lexicographicallyPrecedes(right.path)
            }
            var unfinished = [(node: 0, entries: 0..<sorted.count, depth: 0)]
            nodes = [Node(label: 0..<0, children: 0..<0, rules: 0..<0, firstByte: 0)]
            while let (node, entries, depth) = unfinished.popLast() {
                guard let first = entries.first, let last = entries.last else { continue }
                let shared = Self.sharedCount(sorted[first].path, sorted[last].path)
                let labelStart = labels.count
                labels += sorted[first].path[depth..<shared]
                nodes[node].label = labelStart..<labels.count
                // What ends here sorts before what goes on.
                let rest = entries.first { sorted[$0].path.count > shared } ?? entries.upperBound
                let ruleStart = rules.count
                rules += sorted[first..<rest].map(\.rule)
                nodes[node].rules = ruleStart..<rules.count
                let childStart = nodes.count
                var start = rest
                while start < entries.upperBound {
                    let byte = sorted[start].path[shared]
                    let end =
                        (start..<entries.upperBound).first { sorted[$0].path[shared] != byte } ?? entries.upperBound
                    unfinished.append((nodes.count, start..<end, shared))
                    nodes.append(Node(label: 0..<0, children: 0..<0, rules: 0..<0, firstByte: byte))
                    start = end
                }
                nodes[node].children = childStart..<nodes.count
            }
        }

        private static func sharedCount(_ left: [UInt8], _ right: [UInt8]) -> Int {
            var count = 0
            while count < left.count && count < right.count && left[count] == right[count] { count += 1 }
            return count
        }
    }
}
