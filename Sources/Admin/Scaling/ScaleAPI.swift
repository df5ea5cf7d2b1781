import API
import ControlPlane
import HTTP
import Kubernetes
import Telemetry

/// What the listener `customMetrics` answers: `custom.metrics.k8s.io` as a server of an aggregated API has it, and
/// `/api/v1/scale`. Whatever is wrong is told as Kubernetes tells it.
final class ScaleAPI: Sendable {
    typealias Completion = @Sendable (AdminResponse) -> Void

    private let plane: ControlPlane
    private let gate: ScaleGate

    init(plane: ControlPlane, gate: ScaleGate) {
        self.plane = plane
        self.gate = gate
    }

    /// - Parameter completion: called once, on any thread.
    func handle(_ request: AdminRequest, completion: @escaping Completion) {
        let elements = Self.elements(of: request.path)
        let call = elements.flatMap(CustomMetricsCall.init)
        if call == .alive || call == .ready {
            guard request.isRead else { return completion(.status(.methodNotAllowed)) }
            let isWell = call == .alive || plane.isReady
            return completion(isWell ? .text(200, "ok") : .text(503, "not ready"))
        }
        guard gate.user(of: request) != nil else {
            plane.countScaleRequest(.unauthorized)
            return completion(.status(.unauthorized).with("WWW-Authenticate", ScaleGate.challenge))
        }
        guard request.isRead else { return fail(.methodNotAllowed, completion) }
        if elements == ["api", "v1", "scale"] { return ScaleReport.answer(request, plane, completion) }
        guard let call else { return fail(.noSuchPath, completion) }
        guard Self.acceptsJSON(request.fields.accept) else { return fail(.notAcceptable, completion) }
        switch call {
        case .alive, .ready: break
        case .version: completion(.line(Discovery.version))
        case .openAPI2: completion(.line(Discovery.openAPI2))
        case .openAPI3: completion(.line(Discovery.openAPI3))
        case .groups: completion(.line(Discovery.groups))
        case .group: completion(.line(Discovery.group))
        case .resources(let version): completion(.line(Discovery.resources(version)))
        case .values(let path): values(path, request, completion)
        }
    }

    private func values(_ path: MetricPath, _ request: AdminRequest, _ completion: @escaping Completion) {
        guard let query = PercentCoding.parameters(request.query) else {
            return fail(.badRequest("the query cannot be read"), completion)
        }
        let question: MetricQuestion
        do throws(StatusAnswer) {
            question = try MetricQuestion(path, query: query)
        } catch {
            return fail(error, completion)
        }
        plane.scalePicture { [self] picture in
            do throws(StatusAnswer) {
                let list = try question.answer(picture, time: ControlPlane.wallClockText)
                plane.countScaleRequest(list.items.isEmpty ? .empty : .ok)
                completion(.line(list))
            } catch {
                fail(error, completion)
            }
        }
    }

    private func fail(_ status: StatusAnswer, _ completion: @escaping Completion) {
        plane.countScaleRequest(status.code == 404 ? .notFound : .refused)
        completion(.status(status))
    }

    /// What is between the slashes, decoded; `nil` for what cannot be read.
    private static func elements(of path: String) -> [String]? {
        guard path.hasPrefix("/") else { return nil }
        var elements: [String] = []
        for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let element = PercentCoding.decode(part) else { return nil }
            elements.append(element)
        }
        // `/apis/` is `/apis`.
        if elements.last?.isEmpty == true { elements.removeLast() }
        return elements
    }

    /// Clients of Kubernetes name other forms before it, and take it as well.
    private static func acceptsJSON(_ field: String?) -> Bool {
        guard let field else { return true }
        return field.split(separator: ",").contains { range in
            let type = range.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased()
            return ["*/*", "application/*", "application/json"].contains(type)
        }
    }
}

extension AdminResponse {
    /// JSON on one line.
    static func line(_ value: some Encodable & Sendable, status: Int = 200) -> AdminResponse {
        var response = AdminResponse(status, [Field(name: "Content-Type", value: "application/json")])
        response.body = .made { AdminJSON.line(value) + [0x0A] }
        return response
    }

    /// An error as Kubernetes writes it.
    static func status(_ status: StatusAnswer) -> AdminResponse {
        let answer = line(status, status: status.code)
        // RFC 9110 section 15.5.6.
        return status.code == 405 ? answer.with("Allow", "GET, HEAD") : answer
    }
}
