package import Telemetry

/// What the last attempt to load the configuration came to.
package struct ReloadReport: Sendable {
    package var outcome: ReloadOutcome
    /// Seconds since the Unix epoch.
    package var time: Double
    /// What happened, in one sentence.
    package var message: String
    /// Every problem found, as `file:line:column: severity: message`.
    package var diagnostics: [String]
}
