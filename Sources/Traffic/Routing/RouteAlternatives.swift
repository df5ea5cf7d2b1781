package import Configuration

/// The alternatives of one route's `match`, for what depends on which of them a request was taken by.
package struct RouteAlternatives: Sendable {
    private struct Alternative: Sendable {
        var match: Match
        var path: PlainPath?
        var conditions: RouteConditions?
    }

    private let alternatives: [Alternative]

    package init(_ route: Route) {
        alternatives = route.match.map { match in
            Alternative(
                match: match, path: PlainPath(match.path, ignoresCase: match.ignoresPathCase),
                conditions: RouteConditions(match, rank: 0))
        }
    }

    /// The index in the route's `match` of the first alternative that holds; the route's hosts are not looked at. `nil` where
    /// none does, or there is none.
    package func first(matching request: RequestView) -> Int? {
        alternatives.firstIndex { alternative in
            (alternative.path?.accepts(request.path) ?? true) && (alternative.conditions?.hold(request) ?? true)
        }
    }

    /// The path of that alternative; `nil` where it names none, which is every path.
    package func path(matching request: RequestView) -> Match.PathMatch? {
        first(matching: request).flatMap { alternatives[$0].match.path }
    }
}
