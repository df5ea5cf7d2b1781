import Configuration
import Credentials

/// Fixed answers and Basic authentication.
extension GatewayReader {
    func respond(_ entry: YAMLNode.Entry) -> Route.FixedResponse? {
        guard let section = Section(entry.value, .respond, title: "'respond'", report) else { return nil }
        let status = section.integer("status", report)
        if status == nil, !section.has("status") {
            report.error(section.position, "'respond' needs a status, write 'status: 200'")
        }
        var response = Route.FixedResponse(status: status ?? 200)
        response.headers = section.entry("headers", report).map(responseHeaders) ?? []
        if let body = section.entry("body", report) {
            response.body = Section.scalar(body.value, "'body'", "text", report) ?? ""
            if let status, status == 204 || status == 304, !response.body.isEmpty {
                // RFC 9110 sections 15.3.5 and 15.4.5.
                report.error(body.position, "an answer with status \(status) has no body, leave 'body' out")
            }
        }
        return response
    }

    private func responseHeaders(_ entry: YAMLNode.Entry) -> [Route.FixedResponse.Header] {
        var seen: [String: Position] = [:]
        return Section.pairs(entry, "{ content-type: text/plain }", report).compactMap { pair in
            let title = Wording.quoted(pair.key)
            guard HeaderText.isToken(pair.key) else {
                report.error(pair.position, "\(title) is no header name, write one such as content-type")
                return nil
            }
            guard !HeaderRules.framing.contains(pair.key.lowercased()) else {
                report.error(pair.position, "\(title) is set by the gateway, leave it out")
                return nil
            }
            if let earlier = seen.updateValue(pair.position, forKey: pair.key.lowercased()) {
                report.error(
                    pair.position, "\(title) is already in \(report.place(earlier, from: pair.position)), keep one")
            }
            guard let value = Section.scalar(pair.value, title, "text", report) else { return nil }
            guard HeaderText.isValue(value) else {
                report.error(
                    pair.value.position, "the value of \(title) must not hold control characters or blanks around it")
                return nil
            }
            return Route.FixedResponse.Header(name: pair.key, value: value)
        }
    }

    func basicAuth(_ entry: YAMLNode.Entry) -> Route.BasicAuth? {
        guard let section = Section(entry.value, .basicAuth, title: "'basicAuth'", report) else { return nil }
        var auth = Route.BasicAuth()
        realm(section).map { auth.realm = $0 }
        section.flag("forwardAuthorization", report).map { auth.forwardAuthorization = $0 }
        let users = users(section)
        let hasAllUsers = users.isComplete
        auth.users = users.read
        auth.allow = section.entry("allow", report).map { allowed($0, of: auth.users, hasAllUsers: hasAllUsers) }
        auth.forwardUser = userHeader(section)
        return auth
    }

    /// Who may use the operator's side.
    func adminLogin(_ entry: YAMLNode.Entry) -> AdminSurface.Login? {
        guard let section = Section(entry.value, .adminLogin, title: "'basicAuth'", report) else { return nil }
        var login = AdminSurface.Login()
        realm(section).map { login.realm = $0 }
        login.users = users(section).read
        return login
    }

    private func realm(_ section: Section) -> String? {
        guard let realm = section.text("realm", report) else { return nil }
        guard HeaderText.isValue(realm), realm.utf8.allSatisfy({ $0 < 0x80 }) else {
            report.error(section.position(of: "realm"), "'realm' must be ASCII text without blanks around it")
            return nil
        }
        return realm
    }

    /// Those of the file and those beside it; not complete where the file cannot be read.
    private func users(_ section: Section) -> (read: [String: String], isComplete: Bool) {
        var read: [String: String] = [:]
        var isComplete = true
        if let path = section.text("usersFile", report) {
            let users = sources.users(
                at: path, position: section.entry("usersFile", report)?.value.position ?? section.position)
            isComplete = users != nil
            read = users ?? [:]
        }
        if let inline = section.entry("users", report) { addUsers(inline, to: &read) }
        if section.written(["usersFile", "users"]).isEmpty {
            report.error(section.position, "'basicAuth' knows no users, add 'usersFile: users.htpasswd' or 'users'")
        } else if read.isEmpty, isComplete, !report.hasErrors {
            // No error: taking the last user out of a file must take effect.
            report.warning(
                section.position, "'basicAuth' has no users, so nobody gets through; add one with 'sluice passwd'")
        }
        return (read, isComplete)
    }

    /// The names of those who get through, sorted.
    private func allowed(_ entry: YAMLNode.Entry, of users: [String: String], hasAllUsers: Bool) -> [String] {
        var names: Set<String> = []
        for item in Section.items(entry, "[ann]", report) {
            guard let name = Section.text(item, "a user", report) else { continue }
            if let problem = HtpasswdFile.problem(withUser: name) {
                report.error(item.position, "'allow': \(problem)")
            } else if !names.insert(name).inserted {
                report.error(item.position, "\(Wording.quoted(name)) is in this list already, keep one")
            } else if users[name] == nil, hasAllUsers, !report.hasErrors {
                // No error, for the same reason: whoever leaves is taken out of the file first.
                report.warning(
                    item.position,
                    "there is no user \(Wording.quoted(name)), add one with 'sluice passwd' or take the name out")
            }
        }
        return names.sorted()
    }

    /// The header that tells endpoints the user's name.
    private func userHeader(_ section: Section) -> String? {
        guard let name = section.text("forwardUser", report) else { return nil }
        let position = section.valuePosition(of: "forwardUser", report)
        if let problem = HeaderRules.problem(changing: name, of: .request) {
            report.error(position, "'forwardUser': \(Wording.quoted(name)) \(problem)")
            return nil
        }
        guard name.lowercased() != "authorization" else {
            report.error(position, "'forwardUser': \(Wording.quoted(name)) is what the password comes in, write x-user")
            return nil
        }
        return name.lowercased()
    }

    /// A name may be a hash whose place was mistaken, and the hash may be a password: no message quotes the one unguarded or the
    /// other at all.
    private func addUsers(_ entry: YAMLNode.Entry, to users: inout [String: String]) {
        for pair in Section.pairs(entry, "{ ann: a line of 'sluice passwd' behind the colon }", report) {
            let title = "the user \(Wording.quoted(pair.key))"
            if let problem = HtpasswdFile.problem(withUser: pair.key) {
                report.error(pair.position, "'users': \(problem)")
                continue
            }
            guard let hash = Section.scalar(pair.value, title, "a password hash", report) else { continue }
            if let problem = PasswordHash.problem(with: hash) {
                report.error(pair.value.position, "\(title): \(problem)")
                continue
            }
            guard users.updateValue(hash, forKey: pair.key) == nil else {
                report.error(pair.position, "\(title) is in the users file too, keep one")
                continue
            }
        }
    }
}
