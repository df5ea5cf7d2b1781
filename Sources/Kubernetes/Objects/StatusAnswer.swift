/// What Kubernetes answers where something is wrong: an object of kind `Status`
/// (kubernetes.io/docs/reference/kubernetes-api/common-definitions/status).
package struct StatusAnswer: Codable, Sendable, Equatable, Error {
    package var kind = "Status"
    package var apiVersion = "v1"
    package var metadata = Metadata()
    package var status = "Failure"
    package var message: String
    /// A word for programs, such as `NotFound`.
    package var reason: String
    package var details: Details?
    /// The status of the answer that carries it.
    package var code: Int

    package struct Metadata: Codable, Sendable, Equatable {}

    package struct Details: Codable, Sendable, Equatable {
        package var name: String?
        package var group: String?
        package var kind: String?

        package init(name: String? = nil, group: String? = nil, kind: String? = nil) {
            self.name = name
            self.group = group
            self.kind = kind
        }
    }

    private init(_ code: Int, _ reason: String, _ message: String, _ details: Details? = nil) {
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
    }

    private enum CodingKeys: String, CodingKey {
        case kind, apiVersion, metadata, status, message, reason, details, code
    }

    /// Reads what another server says, which may leave out everything.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        kind = try container.decode(String.self, forKey: .kind)
        guard kind == "Status" else {
            throw DecodingError.dataCorruptedError(forKey: .kind, in: container, debugDescription: "no Status")
        }
        message = try container.decodeIfPresent(String.self, forKey: .message) ?? ""
        reason = try container.decodeIfPresent(String.self, forKey: .reason) ?? ""
        code = try container.decodeIfPresent(Int.self, forKey: .code) ?? 0
        details = try? container.decodeIfPresent(Details.self, forKey: .details)
    }

    /// What was to be gone on from is known no more (410 Gone).
    package var isExpired: Bool { code == 410 || reason == "Expired" || reason == "Gone" }

    package static func badRequest(_ message: String) -> Self { Self(400, "BadRequest", message) }
    package static let unauthorized = Self(401, "Unauthorized", "Unauthorized")
    /// A path that nothing is at.
    package static let noSuchPath = Self(404, "NotFound", "the server could not find the requested resource")
    package static func notFound(_ message: String, name: String, kind: String, group: String) -> Self {
        Self(404, "NotFound", message, Details(name: name, group: group, kind: kind))
    }
    package static let methodNotAllowed = Self(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    package static let notAcceptable = Self(
        406, "NotAcceptable", "only the following media types are accepted: application/json")
    /// What is wrong with a message as such, before anybody looks at what it is about.
    package static func malformed(_ code: Int, _ message: String) -> Self {
        Self(code, code == 413 ? "RequestEntityTooLarge" : "BadRequest", message)
    }
}
