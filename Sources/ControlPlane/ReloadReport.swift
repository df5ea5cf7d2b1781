import ConfigFiles
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

/// A reload that somebody has asked for.
struct PendingReload {
    var trigger: String
    /// What the files held when they changed; `nil` where somebody asked by hand, and they are read when its turn comes.
    var loaded: ConfigurationLoader.Outcome?
    /// A change of weights, which is made when its turn comes; it says what there is to put in force.
    var edit: PendingEdit?
    var completion: @Sendable (ReloadReport) -> Void = { _ in }

    /// Asked for by hand: names are looked up again even if nothing has changed.
    var isExplicit: Bool { loaded == nil && edit == nil }
}
