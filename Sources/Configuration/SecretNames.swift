/// Names of headers and parameters whose values are credentials, and are shown to nobody. Rather one too many: a
/// partition key that is shown as … harms nobody.
package enum SecretNames {
    private static let marks = [
        "auth", "bearer", "cookie", "credential", "jwt", "key", "pass", "pwd", "secret", "session", "signature",
        "token",
    ]

    /// - Parameter name: in any case.
    package static func contains(_ name: String) -> Bool {
        let name = name.lowercased()
        return marks.contains { name.contains($0) }
    }
}
