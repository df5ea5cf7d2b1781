import Configuration
import Credentials

/// Passwords, which an Ingress keeps in a Secret.
extension IngressPolicies {
    /// - Parameter secret: the Secret of a name and namespace, if the files hold it.
    func basicAuth(
        namespace: String, secret: (_ name: String, _ namespace: String) -> Manifest?
    ) -> Route.BasicAuth? {
        guard let type = annotations.text("auth-type") else {
            for name in ["auth-secret", "auth-secret-type", "auth-realm"] where annotations.has(name) {
                annotations.error(name, "'\(name)' asks for no password by itself, add 'auth-type: basic'")
                break
            }
            return nil
        }
        guard type.lowercased() == "basic" else {
            annotations.error(
                "auth-type",
                type.lowercased() == "digest"
                    ? "digest authentication is not done here, write \"basic\" and passwords hashed by 'sluice passwd'"
                    : "'auth-type' must be basic, not \(Wording.quoted(type))")
            return nil
        }
        var auth = Route.BasicAuth()
        if let realm = annotations.text("auth-realm") {
            if HeaderText.isValue(realm), realm.utf8.allSatisfy({ $0 < 0x80 }) {
                auth.realm = realm
            } else {
                annotations.error("auth-realm", "'auth-realm' must be ASCII text")
            }
        }
        let isMap = annotations.choice("auth-secret-type", [("auth-file", false), ("auth-map", true)]) ?? false
        guard let text = annotations.text("auth-secret") else {
            annotations.error("auth-type", "'auth-type' needs users, add 'auth-secret' and the Secret that it names")
            return nil
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let name = parts.last, parts.count <= 2, parts.allSatisfy({ HostName.isValid($0) }) else {
            annotations.error("auth-secret", "'auth-secret' must be the name of a Secret, or namespace/name")
            return nil
        }
        let space = parts.count == 2 ? parts[0] : namespace
        guard let manifest = secret(name, space) else {
            annotations.error(
                "auth-secret",
                "there is no Secret \(Wording.quoted("\(space)/\(name)")) in the files, add its manifest to them")
            return nil
        }
        let reader = SecretReader(manifest, annotations.report)
        auth.users = isMap ? reader.userMap() : reader.userFile()
        if auth.users.isEmpty, !annotations.report.hasErrors {
            annotations.warning("auth-secret", "the \(manifest.title) has no users, so nobody gets through")
        }
        return auth
    }
}

/// Users and their password hashes out of a Secret. No message shows what it holds.
struct SecretReader {
    private let manifest: Manifest
    private let report: Report
    private var values: [(key: String, text: String, position: Position)] = []

    init(_ manifest: Manifest, _ report: Report) {
        self.manifest = manifest
        self.report = report
        for entry in manifest.body {
            switch entry.key {
            case "data": add(entry, isEncoded: true)
            // It wins over `data`, as in Kubernetes.
            case "stringData": add(entry, isEncoded: false)
            case "type", "immutable": break
            default:
                report.error(entry.position, "unknown field \(Wording.quoted(entry.key)) of a Secret, leave it out")
            }
        }
    }

    private mutating func add(_ entry: YAMLNode.Entry, isEncoded: Bool) {
        guard !entry.value.isNull else { return }
        for pair in Section.pairs(entry, "{ auth: … }", report) {
            guard let text = pair.value.text, !pair.value.isNull else {
                report.error(
                    pair.position, "\(Wording.quoted(pair.key)) of a Secret must be text, not \(pair.value.kind)")
                continue
            }
            guard let value = isEncoded ? Self.decoded(text) : text else {
                report.error(
                    pair.position,
                    "\(Wording.quoted(pair.key)) is no text in base64, encode it or write it under 'stringData'")
                continue
            }
            values.removeAll { $0.key == pair.key && !isEncoded }
            guard !values.contains(where: { $0.key == pair.key }) else { continue }
            values.append((pair.key, value, pair.position))
        }
    }

    /// `auth-file`: an htpasswd file under the key `auth`.
    func userFile() -> [String: String] {
        guard let value = values.first(where: { $0.key == "auth" }) else {
            if !report.hasErrors {
                report.error(
                    manifest.position,
                    "the \(manifest.title) has no key 'auth', put lines of 'sluice passwd' there, or write "
                        + "'auth-secret-type: auth-map' in the Ingress")
            }
            return [:]
        }
        let (users, problems) = HtpasswdFile.parse(value.text)
        for problem in problems {
            report.error(value.position, "line \(problem.line) of 'auth': \(problem.message)")
        }
        return users
    }

    /// `auth-map`: users are keys, and hashes their values.
    func userMap() -> [String: String] {
        var users: [String: String] = [:]
        for value in values {
            if let problem = HtpasswdFile.problem(withUser: value.key) {
                report.error(value.position, "the Secret has \(problem)")
                continue
            }
            let hash = AnnotationText.trimmed(value.text[...])
            if let problem = PasswordHash.problem(with: hash) {
                report.error(value.position, "the user \(Wording.quoted(value.key)): \(problem)")
                continue
            }
            users[value.key] = hash
        }
        return users
    }

    /// Line breaks in base64 count for nothing, as in Go, which reads them in Kubernetes.
    private static func decoded(_ text: String) -> String? {
        let digits = text.filter { !$0.isNewline && $0 != " " }
        return Base64.decode(digits[...]).flatMap { String(validating: $0, as: UTF8.self) }
    }
}
