package import Configuration

/// The routes of one configuration in a form that only has to be compared with: built once for each reload.
package struct RouteTable: Sendable {
    private var rules: [RouteRule]

    package init(_ routes: [Route]) { rules = routes.map(RouteRule.init) }

    /// The index of the first route that takes the request.
    package func match(_ request: borrowing RequestView) -> Int? {
        var index = 0
        while index < rules.count {
            if rules[index].matches(request) { return index }
            index += 1
        }
        return nil
    }
}
