import Base
import Configuration

/// One rule of an HTTPRoute or GRPCRoute, converted as far as that does not depend on other rules.
struct GatewayAPIRule {
    var manifest: Manifest
    var position: Position
    /// Its own, or its index.
    var name: String
    /// Lower-case; empty for every host.
    var hosts: [String]
    /// Never empty.
    var matches: [RankedMatch]
    /// Comes before everything else: a redirect away from one certain listener, to which nothing else may be bound.
    var isFirst = false
    /// Without name, hosts and matches.
    var route: Route
    var weights: WeightTable.Source?
}

/// An alternative and how it ranks among those of all rules: the least goes first.
struct RankedMatch {
    var match: Match
    /// Compared element by element; of one length for all.
    var rank: [Int]
}

extension RankedMatch {
    /// The API leaves open where regular expressions rank; here, as in Envoy Gateway, it is between the two others.
    private enum PathRank: Int { case exact, regex, prefix }

    /// "Exact" path, longest prefix, method, most headers, most query parameters (HTTPRouteRule.matches).
    static func http(_ match: Match) -> RankedMatch {
        let (kind, length): (PathRank, Int) =
            switch match.path {
            case .exact: (.exact, 0)
            case .regex(let pattern): (.regex, pattern.source.count)
            case .prefix(let text), .startsWith(let text): (.prefix, text.count)
            case nil: (.prefix, 1)
            }
        return RankedMatch(
            match: match,
            rank: [
                1, kind.rawValue, -length, match.method == nil ? 1 : 0, -match.headers.count, -match.query.count,
            ])
    }

    /// Characters of the service, of the method, most headers (GRPCRouteRule.matches). Before what HTTPRoutes say, which takes
    /// requests of every kind.
    static func grpc(_ match: Match, service: Int, method: Int, headers: Int) -> RankedMatch {
        RankedMatch(match: match, rank: [0, -service, -method, -headers, 0, 0])
    }
}
