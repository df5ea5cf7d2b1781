/// One thing wrong, or dubious, at one place of the configuration.
package struct Diagnostic: Sendable, Equatable, CustomStringConvertible {
    package enum Severity: String, Sendable {
        /// The configuration is refused.
        case error
        /// The configuration is taken, but somebody should look.
        case warning
        /// Something written has no meaning here and needs none.
        case note
    }

    /// As the user named it, or as the configuration names it relative to that.
    package var file: String
    /// From 1.
    package var line: Int
    /// From 1, in Unicode scalars.
    package var column: Int
    package var severity: Severity
    /// What is wrong, and what to write instead. Never holds a password or its hash.
    package var message: String

    package init(file: String, line: Int, column: Int, severity: Severity, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.severity = severity
        self.message = message
    }

    /// `file:line:column: error: message`, the form editors and CI systems know.
    package var description: String { "\(file):\(line):\(column): \(severity.rawValue): \(message)" }
}
