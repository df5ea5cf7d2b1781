package import Configuration

/// The routes of one configuration, compiled: built once for each reload, and as fast with ten thousand routes as with ten
/// where they differ in host or plain path. Regular expressions, and paths
/// in whatever case, are tried one after the other.
///
/// Routes are grouped by host: those of one name, those of one `*.` ending, those of any host. A request looks into the
/// groups its host belongs to and takes the route that stands first in the configuration.
///
/// Unchecked: all of it is made in `init` and changed by nobody.
package final class RouteTable: @unchecked Sendable {
    private let exactHosts: HostIndex
    /// By `.example.com` for `*.example.com`.
    private let hostSuffixes: HostIndex
    /// The first is for any host.
    private let groups: [Group]
    /// Asked without counting references; kept by `keptConditions`.
    private let conditions: [Unmanaged<RouteConditions>]
    private let keptConditions: [RouteConditions]
    /// Some route is for certain models only.
    package let asksForModel: Bool
    /// Some route asks how the client has come.
    package let asksForConnection: Bool

    /// The table frees its memory.
    private struct Group {
        var paths: PathIndex
        /// What names no plain path, in the order of the ranks.
        var patterns: UnsafeBufferPointer<PathIndex.Rule>
    }

    package init(_ routes: [Route]) {
        var builder = Builder()
        for (rank, route) in routes.enumerated() { builder.add(route, rank) }
        exactHosts = HostIndex(builder.exactHosts.map { (Array($0.key.utf8), $0.value) })
        hostSuffixes = HostIndex(builder.hostSuffixes.map { (Array($0.key.utf8), $0.value) })
        groups = builder.groups.map {
            Group(paths: PathIndex($0.paths), patterns: UnsafeBufferPointer(copyOf: $0.patterns))
        }
        keptConditions = builder.conditions
        conditions = keptConditions.map { .passUnretained($0) }
        asksForModel = keptConditions.contains { $0.asksForModel }
        asksForConnection = keptConditions.contains { $0.asksForConnection }
    }

    deinit {
        exactHosts.deallocate()
        hostSuffixes.deallocate()
        for group in groups {
            group.paths.deallocate()
            group.patterns.deallocate()
        }
    }

    /// The index of the first route that takes the request.
    package func match(_ request: RequestView) -> Int? {
        var search = Search()
        find(request, &search)
        return search.best == .max ? nil : search.best
    }

    /// Whether it depends on a model that is still unknown which route takes the request.
    package func dependsOnModel(_ request: RequestView) -> Bool {
        var search = Search()
        find(request, &search)
        return search.best != .max && search.assumed == search.best
    }

    private struct Search {
        /// The lowest rank found.
        var best = Int.max
        /// The last rank that was found by taking an unknown model for the right one.
        var assumed = -1
    }

    private func find(_ request: RequestView, _ search: inout Search) {
        // Its memory must not go before the walk ends.
        withExtendedLifetime(self) {
            find(in: 0, request, &search)
            if let group = exactHosts.value(of: request.host) { find(in: group, request, &search) }
            if !hostSuffixes.isEmpty {
                hostSuffixes.forEachSuffix(of: request.host) { find(in: $0, request, &search) }
            }
        }
    }

    private func find(in group: Int, _ request: RequestView, _ search: inout Search) {
        var best = search.best
        groups[group].paths.match(request.path, below: &best) { holds($0, request, &search) }
        for rule in groups[group].patterns {
            guard rule.rank < best else { break }
            if holds(rule.conditions, request, &search) {
                best = rule.rank
                break
            }
        }
        search.best = best
    }

    private func holds(_ index: Int, _ request: RequestView, _ search: inout Search) -> Bool {
        conditions[index]._withUnsafeGuaranteedRef { conditions in
            guard conditions.hold(request) else { return false }
            if case .unknown = request.model, conditions.asksForModel { search.assumed = conditions.rank }
            return true
        }
    }
}

extension RouteTable {
    /// Sorts routes into groups.
    private struct Builder {
        var exactHosts: [String: Int] = [:]
        var hostSuffixes: [String: Int] = [:]
        var groups: [(paths: [(path: [UInt8], rule: PathIndex.Rule)], patterns: [PathIndex.Rule])] = [([], [])]
        var conditions: [RouteConditions] = []

        mutating func add(_ route: Route, _ rank: Int) {
            let places = Set(route.hosts.isEmpty ? [0] : route.hosts.map { group(of: $0.lowercased()) })
            for match in route.match.isEmpty ? [Match()] : route.match {
                var rule = PathIndex.Rule(rank: rank, conditions: -1, extent: .start)
                if let more = RouteConditions(match, rank: rank) {
                    rule.conditions = conditions.count
                    conditions.append(more)
                }
                for place in places { add(match, rule, to: place) }
            }
        }

        private mutating func add(_ match: Match, _ rule: PathIndex.Rule, to place: Int) {
            var rule = rule
            if match.ignoresPathCase, match.path != nil {
                groups[place].patterns.append(rule)
                return
            }
            switch match.path {
            case .regex:
                groups[place].patterns.append(rule)
                return
            case .exact(let path):
                rule.extent = .whole
                groups[place].paths.append((Array(path.utf8), rule))
            case .prefix(let path):
                rule.extent = .elements
                // "/v2/" and "/v2" name the same elements.
                groups[place].paths.append((Array((path.hasSuffix("/") ? path.dropLast() : path[...]).utf8), rule))
            case .startsWith(let path): groups[place].paths.append((Array(path.utf8), rule))
            case nil: groups[place].paths.append(([], rule))
            }
        }

        private mutating func group(of host: String) -> Int {
            if host == "*" { return 0 }
            let isSuffix = host.hasPrefix("*.")
            let name = isSuffix ? String(host.dropFirst()) : host
            if let known = isSuffix ? hostSuffixes[name] : exactHosts[name] { return known }
            groups.append(([], []))
            if isSuffix { hostSuffixes[name] = groups.count - 1 } else { exactHosts[name] = groups.count - 1 }
            return groups.count - 1
        }
    }
}
