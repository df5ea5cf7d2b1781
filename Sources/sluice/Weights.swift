import API
import ArgumentParser
import ControlClient
import Foundation
import Terminal

struct Weights: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show or change how a route of a running gateway splits its requests.",
        discussion: """
            A change is written to the configuration file and in force when the
            command ends; somebody else's change in between is not overwritten.
            Backends that are not named keep their weights. Credentials come from
            SLUICE_ADMIN_USER and SLUICE_ADMIN_PASSWORD, or from ~/.netrc (NETRC
            names another file). Exits with 0 when done, with 1 when nothing was
            changed, and with 64 for wrong usage.

            Example:
              sluice weights infer stable=90 canary=10
              sluice weights infer --undo
            """)

    @OptionGroup var options: AdminOptions

    @Argument(help: "The route; without one, the splits of all routes.")
    var route: String?

    @Argument(help: ArgumentHelp("New weights, such as stable=90; with --swap, two names.", valueName: "backend=n"))
    var words: [String] = []

    @Flag(help: "Exchange the weights of two backends: the only two, or the two that are named.")
    var swap = false

    @Flag(help: "Take the last change back; once more, and it is done again.")
    var undo = false

    @Flag(help: "The weights as JSON, after the change if there is one.")
    var json = false

    func validate() throws {
        let plan = try plan()
        if route == nil, plan != .show { throw ValidationError("name the route whose weights are meant") }
        if route == "" { throw ValidationError("the route has no name, leave it out to see all") }
    }

    private func plan() throws -> WeightPlan {
        do throws(Problem) {
            return try WeightPlan(words, swap: swap, undo: undo)
        } catch {
            throw ValidationError(error.error)
        }
    }

    func run() throws {
        let plan = try plan()
        let client = try options.client()
        do {
            guard let route else { return try showAll(client) }
            let path = APIPath.weights(of: route)
            let (before, response) = try find(client, route, path)
            guard plan != .show else { return try show(before, response.body) }
            try change(client, path, plan, before, response)
        } catch {
            throw Console.failure(error)
        }
    }

    private func find(
        _ client: AdminClient, _ route: String, _ path: String
    ) throws(AdminFailure) -> (RouteWeights, ControlClient.Response) {
        do throws(AdminFailure) {
            let found = try client.read(RouteWeights.self, path)
            return (found.value, found.response)
        } catch {
            guard error.status == 404 else { throw error }
            // Which routes there are is worth a second question.
            let status = try client.read(API.Status.self, "/api/v1/status").value
            throw AdminFailure(Self.unknown(route, status))
        }
    }

    /// Names that are listed before they are only counted.
    private static let longestList = 20

    private static func unknown(_ route: String, _ status: API.Status) -> String {
        if status.routes.contains(where: { $0.name == route }) {
            return "this gateway (sluice \(status.version)) cannot show or change weights"
        }
        let names = status.routes.filter { !$0.backends.isEmpty }.map { "'\($0.name)'" }
        let list = names.prefix(longestList).joined(separator: ", ")
        let more = names.count > longestList ? " and \(names.count - longestList) more" : ""
        return "there is no route '\(route)', "
            + (names.isEmpty ? "and none that forwards to backends" : "those with backends are \(list)\(more)")
    }

    private func change(
        _ client: AdminClient, _ path: String, _ plan: WeightPlan, _ before: RouteWeights,
        _ found: ControlClient.Response
    ) throws {
        let after: (value: RouteWeights, response: ControlClient.Response)?
        do throws(AdminFailure) {
            after = try Self.send(client, path, plan, before, etag: found.header("etag"))
        } catch {
            guard error.status == 412 else { throw error }
            try conflict(client, path)
        }
        guard let after else { return try same(before, found.body) }
        let output = Output()
        if json { return try output.printJSON(after.response.body) }
        try output.print(WeightsScreen.change(from: before, to: after.value, width: output.size?.width))
    }

    /// - Returns: `nil` where there was nothing to change, and nothing was sent.
    private static func send(
        _ client: AdminClient, _ path: String, _ plan: WeightPlan, _ before: RouteWeights, etag: String?
    ) throws(AdminFailure) -> (value: RouteWeights, response: ControlClient.Response)? {
        guard plan == .undo else {
            let body = try body(plan, before)
            guard !body.isEmpty else { return nil }
            return try client.read(RouteWeights.self, path, method: "PUT", body: body, ifMatch: etag)
        }
        guard before.undo != nil else {
            throw AdminFailure("there is nothing to undo: the weights of '\(before.route)' were not changed from here")
        }
        return try client.read(RouteWeights.self, "\(path)/undo", method: "POST", ifMatch: etag)
    }

    /// What is sent; empty where there is nothing to change.
    private static func body(_ plan: WeightPlan, _ before: RouteWeights) throws(AdminFailure) -> [UInt8] {
        do {
            let wanted = try plan.changes(of: before)
            return wanted.isEmpty ? [] : Array(try JSONEncoder().encode(wanted))
        } catch let problem as Problem {
            throw AdminFailure(problem.error)
        } catch {
            throw AdminFailure("the weights cannot be written as JSON: \(error)")
        }
    }

    // MARK: What is shown

    private func show(_ weights: RouteWeights, _ body: [UInt8]) throws {
        let output = Output()
        if json { return try output.printJSON(body) }
        try output.print(WeightsScreen.lines(weights, width: output.size?.width))
    }

    private func same(_ weights: RouteWeights, _ body: [UInt8]) throws {
        if !json {
            try Output().print([StyledLine("'\(weights.route)' has these weights already, nothing was changed")])
        }
        try show(weights, body)
    }

    /// Somebody was faster.
    private func conflict(_ client: AdminClient, _ path: String) throws -> Never {
        Console.complain(
            "sluice: somebody changed the configuration meanwhile, and nothing was changed from here; it is now:")
        let (now, response) = try client.read(RouteWeights.self, path)
        try show(now, response.body)
        throw ExitCode(1)
    }

    private func showAll(_ client: AdminClient) throws {
        let status = try client.read(API.Status.self, "/api/v1/status").value
        let output = Output()
        guard json else { return try output.print(WeightsScreen.overview(status, width: output.size?.width)) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try output.printJSON(Array(try encoder.encode(Splits(status))))
    }
}

/// `sluice weights --json`: every route that has a split.
private struct Splits: Encodable {
    struct Route: Encodable {
        var route: String
        var entries: [RouteWeights.Entry]
    }

    var routes: [Route]

    init(_ status: API.Status) {
        routes = status.routes.filter { !$0.backends.isEmpty }.map { route in
            Route(
                route: route.name,
                entries: route.backends.map { RouteWeights.Entry(as: $0.as, backend: $0.backend, weight: $0.weight) })
        }
    }
}
