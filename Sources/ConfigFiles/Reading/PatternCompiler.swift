import Base

/// Compiles the regular expressions of one load, each once however often it is written.
///
/// One alone may take a tenth of a second, and a file has room for thousands: together they get a few of those. What comes
/// after is matched on sets of positions, which is slower for each request and made at once, and past a bound for that as
/// well it is refused.
final class PatternCompiler {
    /// Elementary steps for all tables of a load: less than half a second of one core.
    static let workLimit = 4 * Pattern.workLimit
    /// For one pattern after that: two milliseconds at the most, and far more than ordinary ones take.
    private static let workWithoutTable = 500_000

    private var left: Int
    /// For all of those: room for some ten thousand ordinary ones.
    private var leftWithoutTables: Int
    private var known: [String: Pattern] = [:]

    init(workLimit: Int = PatternCompiler.workLimit) {
        left = workLimit
        leftWithoutTables = workLimit / 2
    }

    func pattern(_ source: String) throws(Pattern.Failure) -> Pattern {
        if let pattern = known[source] { return pattern }
        let pattern: Pattern
        if left > Self.workWithoutTable {
            let granted = min(left, Pattern.workLimit)
            var work = granted
            defer { left -= granted - work }
            pattern = try Pattern(source, work: &work)
        } else {
            let granted = min(leftWithoutTables, Self.workWithoutTable)
            var work = granted
            defer { leftWithoutTables -= granted - work }
            pattern = try Pattern(source, tableLimit: 0, work: &work)
        }
        known[source] = pattern
        return pattern
    }
}

extension Report {
    /// The expression of the configuration, or `nil` after a report.
    func pattern(_ source: String, _ position: Position) -> Pattern? {
        do throws(Pattern.Failure) {
            return try patterns.pattern(source)
        } catch {
            self.error(position, "bad regular expression: \(error.message)")
            return nil
        }
    }
}
