import Base
import Configuration
import HTTP
import Testing
import Traffic

@testable import Explanation

/// What is explained is what the routing does.
struct AgreementTests {
    @Test(arguments: 0..<40) func explainsTheRouteThatIsTaken(_ seed: UInt64) throws {
        var sample = RandomRoutes(seed: seed)
        let gateway = sample.gateway()
        let table = RouteTable(gateway.routes)
        for _ in 0..<40 {
            let (question, isSecure) = try sample.question(of: gateway)
            let explanation = try Explainer.explain(question, gateway)
            let reading = try Reading(question, gateway)
            try #require(reading.early == nil, "\(question)")
            #expect((reading.scheme == .https) == isSecure)
            let view = reading.view(of: table)
            let found = table.match(view)
            let shown = "\(question) \(gateway.routes)"
            switch explanation.outcome {
            case .route(let decision):
                #expect(decision.route == found.map { gateway.routes[$0].name }, "\(shown)")
                #expect(!table.dependsOnModel(view))
                let index = try #require(found)
                #expect(explanation.trials.count == index + 1)
                #expect(explanation.trials.dropLast().allSatisfy { $0.verdict == .refused }, "\(shown)")
                let route = gateway.routes[index]
                #expect(decision.alternative == RouteAlternatives(route).first(matching: view), "\(shown)")
                #expect(explanation.shadowed == later(than: index, gateway, view))
            case .noRoute:
                #expect(found == nil, "\(shown)")
                #expect(explanation.trials.allSatisfy { $0.verdict == .refused }, "\(shown)")
                #expect(explanation.trials.count == gateway.routes.count)
            case .depends(let candidates):
                #expect(table.dependsOnModel(view) && question.messageModel == nil)
                #expect(candidates.first == found.map { gateway.routes[$0].name })
            default: Issue.record("\(explanation.outcome)")
            }
        }
    }

    private func later(than index: Int, _ gateway: Gateway, _ view: RequestView) -> [String] {
        gateway.routes[(index + 1)...].filter { RouteTable([$0]).match(view) != nil }.map(\.name)
    }

    /// A condition that is said to fail with a value would hold if it wanted exactly that.
    @Test(arguments: 0..<20) func showsTheValueThatIsCompared(_ seed: UInt64) throws {
        var sample = RandomRoutes(seed: seed)
        let gateway = sample.gateway()
        for _ in 0..<60 {
            let (question, _) = try sample.question(of: gateway)
            let reading = try Reading(question, gateway)
            let view = reading.view(of: RouteTable(gateway.routes))
            for trial in try Explainer.explain(question, gateway).trials {
                for check in trial.alternatives.joined() {
                    guard let match = exact(check) else { continue }
                    var route = Route(name: "", action: .respond(Route.FixedResponse(status: 200)))
                    route.match = [match]
                    #expect(RouteTable([route]).match(view) == 0, "\(check) of \(question)")
                }
            }
        }
    }

    /// What asks for the value seen; `nil` where it is hidden, or unknown.
    private func exact(_ check: Check) -> Match? {
        guard check.outcome != .unknown, check.seen?.contains("…") != true else { return nil }
        var match = Match()
        let text = check.seen
        let value = text.map { Match.ValueMatch.exact($0) } ?? .present(false)
        switch check.subject {
        case .path: match.path = text.map { .exact($0) }
        case .host: match.host = value
        case .method: match.method = text
        case .header(let name), .withoutHeader(let name): match.headers = [Match.NamedMatch(name: name, value: value)]
        case .query(let name): match.query = [Match.NamedMatch(name: name, value: value)]
        case .model: match.model = text
        case .scheme: match.scheme = text.flatMap { Match.Scheme(rawValue: $0) }
        case .port: match.port = text.flatMap { UInt16($0) }
        case .hosts, .version: return nil
        }
        return match
    }
}
