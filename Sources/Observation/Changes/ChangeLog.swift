package import API

/// The last changes from the operator's side, those that were refused among them.
package struct ChangeLog: Sendable {
    /// As many as a page shows; older ones are in the process's log.
    package static let capacity = 50
    /// Names of routes that exist are no longer; others come from whoever calls.
    package static let longestSubject = 512
    /// Of a refusal, which may quote diagnostics.
    package static let longestRefusal = 2048

    /// Newest first.
    package private(set) var records: [ChangeRecord] = []
    /// Goes up with each record.
    package private(set) var count: UInt64 = 0

    package init() {}

    package mutating func add(_ record: ChangeRecord) {
        var record = record
        record.subject = Self.cut(record.subject, Self.longestSubject)
        record.refusal = record.refusal.map { Self.cut($0, Self.longestRefusal) }
        if records.count == Self.capacity { records.removeLast() }
        records.insert(record, at: 0)
        count += 1
    }

    private static func cut(_ text: String, _ limit: Int) -> String {
        text.unicodeScalars.count > limit
            ? String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit))) + "…" : text
    }
}

extension ChangeLog {
    /// One line for the log of the process: who, from where, what, before and after. Nothing in it can end the line.
    package static func line(_ record: ChangeRecord) -> String {
        let who = record.user.map { "\(printable($0)) from " } ?? ""
        let subject = record.subject.isEmpty ? "the gateway" : "'\(printable(cut(record.subject, longestSubject)))'"
        var line = "\(record.kind.rawValue) of \(subject) by \(who)\(printable(record.client))"
        if let after = record.after, !after.isEmpty {
            let before = record.before ?? [:]
            let parts = after.keys.sorted().map { name in
                let old = before[name].map { "\($0) -> " } ?? ""
                return "\(printable(name)) \(old)\(after[name] ?? 0)"
            }
            line += ": " + parts.joined(separator: ", ")
        }
        if let refusal = record.refusal { line += ", refused: \(printable(cut(refusal, longestRefusal)))" }
        return line
    }

    private static func printable(_ text: String) -> String {
        var view = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = [.control, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
            view.append(isControl ? "\u{FFFD}" : scalar)
        }
        return String(view)
    }
}
