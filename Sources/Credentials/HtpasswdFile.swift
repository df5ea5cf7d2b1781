/// The users file of Apache's htpasswd: one `name:hash` on each line.
package enum HtpasswdFile {
    /// Reads a whole file and reports everything that is wrong with it; the lines that are right count.
    ///
    /// Empty lines and lines that start with `#` are passed over, spaces around a line and what follows a second colon
    /// are ignored, as Apache does. Problems name lines, from 1, and users, never a hash or what might be a password.
    package static func parse(_ text: String) -> (users: [String: String], problems: [(line: Int, message: String)]) {
        var users: [String: String] = [:]
        var lines: [String: Int] = [:]
        var problems: [(line: Int, message: String)] = []
        // Editors on other systems put a byte order mark in front.
        let bytes = text.utf8.starts(with: [0xEF, 0xBB, 0xBF]) ? text.utf8.dropFirst(3) : text.utf8[...]
        for (index, raw) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let line = trimmed(raw)
            guard let start = line.first, start != 0x23 else { continue }
            let fields = line.split(separator: 0x3A, maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count > 1 else {
                problems.append((index + 1, "no colon; a line is 'name:hash', as 'sluice passwd' writes it"))
                continue
            }
            let name = String(decoding: fields[0], as: UTF8.self)
            if let message = problem(withUser: name) {
                problems.append((index + 1, message))
            } else if let earlier = lines[name] {
                problems.append((index + 1, "user '\(name)' is on line \(earlier) already; remove one of the two"))
            } else {
                lines[name] = index + 1
                if let message = PasswordHash.problem(with: String(decoding: fields[1], as: UTF8.self)) {
                    problems.append((index + 1, "user '\(name)': \(message)"))
                } else {
                    users[name] = String(decoding: fields[1], as: UTF8.self)
                }
            }
        }
        return (users, problems)
    }

    /// Why `name` cannot be a user's name; `nil` if it can. A name that is refused is not repeated.
    package static func problem(withUser name: String) -> String? {
        if name.isEmpty { return "no user name before the colon" }
        if name.utf8.count > BasicCredentials.userLimit {
            return "a user name of more than \(BasicCredentials.userLimit) bytes"
        }
        if name.utf8.contains(0x3A) { return "a colon in a user name" }
        if name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return "a control character in a user name" }
        return nil
    }

    /// Without spaces, tabs and carriage returns at either end.
    private static func trimmed(_ line: Substring.UTF8View) -> Substring.UTF8View {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
        guard let end = line.lastIndex(where: { !isSpace($0) }) else { return line.prefix(0) }
        return line[...end].drop(while: isSpace)
    }
}
