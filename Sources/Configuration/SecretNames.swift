/// Names of headers and parameters whose values are credentials, and are shown to nobody. Rather one too many: a
/// partition key that is shown as … harms nobody.
package enum SecretNames {
    private static let marks = [
        "auth", "bearer", "cookie", "credential", "jwt", "key", "pass", "pwd", "secret", "session", "signature",
        "token",
    ]

    /// What CORS says of credentials is none (Fetch standard, "CORS protocol").
    private static let harmless = "access-control-"

    /// - Parameter name: in any case.
    package static func contains(_ name: String) -> Bool {
        let name = name.lowercased()
        return !name.hasPrefix(harmless) && marks.contains { name.contains($0) }
    }
}
