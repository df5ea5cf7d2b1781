import Configuration
import Credentials

/// Who may ask for scaling metrics, as a server of an aggregated API decides it
/// (kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer).
///
/// The API server has looked at its users' rights before it hands a request on, so what it hands on is answered.
struct ScaleGate: Sendable {
    private let hasAuthorities: Bool
    private let names: Set<String>
    private let token: [UInt8]?

    init(_ settings: CustomMetrics) {
        hasAuthorities = settings.requestHeaderCA != nil
        names = Set(settings.requestHeaderNames)
        token = settings.token
    }

    /// The user that a request comes from; `nil` where nobody has been shown.
    func user(of request: AdminRequest) -> String? {
        // What the client says of a user counts only from one who has shown the API server's certificate.
        if hasAuthorities, let name = request.certificateName, names.isEmpty || names.contains(name),
            let user = request.fields.remoteUser, !user.isEmpty
        {
            return user
        }
        guard let token, let field = request.fields.authorization else { return nil }
        let shown = Array(field.utf8)
        // The scheme's name has no case (RFC 9110 section 11.1).
        guard shown.count > Self.scheme.count, field.prefix(Self.scheme.count).lowercased() == Self.scheme,
            isEqualInConstantTime(Array(shown.dropFirst(Self.scheme.count)), token)
        else { return nil }
        return "token"
    }

    private static let scheme = "bearer "

    static let challenge = "Bearer realm=\"sluice\""
}
