/// Names of headers and parameters whose values are credentials, and are shown to nobody.
package enum SecretNames {
    private static let marks = [
        "authorization", "cookie", "token", "secret", "password", "api-key", "apikey", "api_key", "signature",
    ]

    /// - Parameter name: in any case.
    package static func contains(_ name: String) -> Bool {
        let name = name.lowercased()
        return marks.contains { name.contains($0) }
    }
}
