import Configuration

/// Session affinity by a cookie: the gateway gives each client one, the split and the balancing go by it.
extension IngressPolicies {
    private static let defaultCookie = "INGRESSCOOKIE"
    /// In seconds: ten years, longer than any browser keeps one.
    private static let ages = 0...315_360_000

    /// `nil` without affinity.
    func affinityCookie() -> (name: String, lifetime: Duration?)? {
        let mode = annotations.choice("affinity-mode", [("balanced", false), ("persistent", true)])
        checkCookie()
        let age = annotations.number("session-cookie-max-age", in: Self.ages)
        let expiry = annotations.number("session-cookie-expires", in: Self.ages)
        let name = annotations.text("session-cookie-name") ?? Self.defaultCookie
        if !HeaderText.isToken(name) {
            annotations.error(
                "session-cookie-name", "\(Wording.quoted(name)) is no name of a cookie, write one such as route")
        }
        guard let affinity = annotations.text("affinity") else { return nil }
        guard affinity.lowercased() == "cookie" else {
            annotations.error("affinity", "'affinity' must be cookie, not \(Wording.quoted(affinity))")
            return nil
        }
        if mode == true {
            annotations.note(
                "affinity-mode",
                "'persistent': clients stay where they are but for those of an endpoint that goes, and a share that moves "
                    + "to one that comes")
        }
        return (name, (age ?? expiry).flatMap { $0 == 0 ? nil : .seconds($0) })
    }

    /// A client that has the cookie keeps its side of a split.
    func checkCanaryBehavior() {
        let name = "affinity-canary-behavior"
        guard annotations.choice(name, [("sticky", true), ("legacy", false)]) == false else { return }
        annotations.error(
            name,
            "'\(name)' cannot be \"legacy\": leave it out, the cookie keeps clients with the canary or away from it")
    }

    /// What the cookie is besides its name and its age.
    private func checkCookie() {
        if let path = annotations.text("session-cookie-path"), path != "/" {
            annotations.note(
                "session-cookie-path", "the cookie is for all paths of its host, not for \(Wording.quoted(path)) alone")
        }
        if annotations.has("session-cookie-domain") {
            annotations.error(
                "session-cookie-domain",
                "'session-cookie-domain' cannot be set: leave it out, the cookie is for the host that the client named")
        }
        let sameSite = annotations.choice(
            "session-cookie-samesite", [("Lax", "lax"), ("Strict", "strict"), ("None", "none")])
        if sameSite == "none" {
            annotations.error(
                "session-cookie-samesite",
                "'session-cookie-samesite' cannot be \"None\": leave it out, or hash by a header that clients send "
                    + "('upstream-hash-by')")
        } else if sameSite == "strict" {
            annotations.note("session-cookie-samesite", "the cookie is SameSite=Lax, not Strict")
        }
        if annotations.flag("session-cookie-secure") == true {
            annotations.note("session-cookie-secure", "the cookie is Secure where the client speaks https")
        }
    }
}
