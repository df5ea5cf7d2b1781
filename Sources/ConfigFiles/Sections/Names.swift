import Configuration

/// Names of things: they become metric labels, header values, parts of URLs and arguments.
extension Section {
    /// The name under a key, or `nil` after a report.
    func name(_ key: String, _ report: Report) -> String? {
        guard let text = text(key, report) else { return nil }
        return Self.checkName(text, "'\(key)'", position: entry(key, report)?.value.position ?? position, report)
    }

    /// The name if it can be one, `nil` after a report.
    static func checkName(_ text: String, _ title: String, position: Position, _ report: Report) -> String? {
        guard text.utf8.count <= Bounds.nameBytes else {
            report.error(position, "\(title) must be at most \(Bounds.nameBytes) bytes long")
            return nil
        }
        guard !text.isEmpty, HeaderText.isValue(text), !text.unicodeScalars.contains("\t") else {
            report.error(position, "\(title) must be text without blanks around it and without control characters")
            return nil
        }
        return text
    }
}

/// The backends that exist, for those who mention them.
final class BackendReferences {
    /// Every name that is written, whether or not its backend is sound.
    private let positions: [String: Position]
    /// Whether all files could be read; if not, a missing backend may just be in the one that could not.
    private let isComplete: Bool
    private let report: Report
    private var used: Set<String> = []

    init(positions: [String: Position], isComplete: Bool, report: Report) {
        self.positions = positions
        self.isComplete = isComplete
        self.report = report
    }

    /// Notes a use, and reports a name that no backend has.
    func use(_ name: String, at position: Position) {
        used.insert(name)
        guard isComplete, positions[name] == nil else { return }
        let hint = report.suggestion(for: name, among: positions.keys)
        report.error(
            position,
            "there is no backend \(Wording.quoted(name))\(hint.isEmpty ? ", add it to 'backends'" : hint)")
    }

    /// Says nothing while there are errors: the route that should use it may be what is wrong.
    func warnAboutUnused() {
        guard !report.hasErrors else { return }
        for (name, position) in positions where !used.contains(name) {
            report.warning(position, "no route uses the backend \(Wording.quoted(name)), remove it or send it requests")
        }
    }
}
