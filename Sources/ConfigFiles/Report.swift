/// Collects what is wrong while everything is read, so that one pass finds all of it.
///
/// Used by one load at a time.
final class Report {
    /// Nobody reads more; a file that is no configuration at all would otherwise make one for every word.
    static let maximumErrors = 500
    /// Counted by themselves, so that they cannot crowd out the error that explains a refusal.
    static let maximumWarnings = 100
    static let maximumNotes = 100
    /// Comparing a word with thousands of names takes a while, and the first few hints give the idea.
    static let maximumSuggestions = 100

    private struct Entry: Hashable {
        var position: Position
        var message: String
    }

    private var files: [String] = []
    /// A content that YAML aliases repeat is complained of once: hence sets.
    private var errors: Set<Entry> = []
    private var warnings: Set<Entry> = []
    private var notes: Set<Entry> = []
    private var isCut = false
    /// Of the same load.
    let patterns = PatternCompiler()
    private var suggestions = 0
    private var unreadable: Set<Position> = []

    var hasErrors: Bool { !errors.isEmpty }

    /// Registers a file name as it will be printed; diagnostics are sorted in the order of registration.
    func add(file: String) -> Int {
        files.append(file)
        return files.count - 1
    }

    func name(of file: Int) -> String { files[file] }

    /// The message is made only while the list takes it: of a hundred thousand wrong keys most are not told.
    func error(_ position: Position, _ message: @autoclosure () -> String) {
        guard !isCut, !isUnreadable(position) else { return }
        let entry = Entry(position: position, message: message())
        if errors.count < Self.maximumErrors { errors.insert(entry) } else if !errors.contains(entry) { isCut = true }
    }

    func warning(_ position: Position, _ message: @autoclosure () -> String) {
        if warnings.count < Self.maximumWarnings { warnings.insert(Entry(position: position, message: message())) }
    }

    func note(_ position: Position, _ message: @autoclosure () -> String) {
        if notes.count < Self.maximumNotes { notes.insert(Entry(position: position, message: message())) }
    }

    /// Reports that no value could be made of what stands at a place; nothing more is said of that place.
    func unreadable(_ position: Position, _ message: String) {
        error(position, message)
        unreadable.insert(position)
    }

    func isUnreadable(_ position: Position) -> Bool { unreadable.contains(position) }

    /// `line 7`, with the column if seen from the same line, or `other.yaml:7` seen from another file.
    func place(_ position: Position, from other: Position) -> String {
        guard position.file == other.file else { return "\(files[position.file]):\(position.line)" }
        return position.line == other.line
            ? "line \(position.line) (column \(position.column))" : "line \(position.line)"
    }

    /// The word that was probably meant, if one is near.
    func nearest(to text: String, among words: some Collection<String>) -> String? {
        guard suggestions < Self.maximumSuggestions else { return nil }
        suggestions += 1
        return EditDistance.nearest(to: text, among: words)
    }

    /// `, did you mean 'weight'?`, or a short list of what there is, or nothing.
    func suggestion(for text: String, among words: some Collection<String>) -> String {
        if let nearest = nearest(to: text, among: words) { return ", did you mean \(Wording.quoted(nearest))?" }
        guard (1...8).contains(words.count) else { return "" }
        return ", write \(Wording.list(words.sorted().map { Wording.quoted($0) }))"
    }

    /// Everything reported, by position; errors before warnings before notes of the same place.
    func sorted() -> [Diagnostic] {
        let all = errors.map { ($0, 0) } + warnings.map { ($0, 1) } + notes.map { ($0, 2) }
        let severities: [Diagnostic.Severity] = [.error, .warning, .note]
        let order = all.sorted { ($0.0.position, $0.1, $0.0.message) < ($1.0.position, $1.1, $1.0.message) }
        var diagnostics = order.map { entry, rank in
            Diagnostic(
                file: files[entry.position.file], line: entry.position.line, column: entry.position.column,
                severity: severities[rank], message: entry.message)
        }
        if isCut, var last = diagnostics.last {
            last.severity = .error
            last.message = "there are more than \(Self.maximumErrors) errors, mend these first"
            diagnostics.append(last)
        }
        return diagnostics
    }
}

/// A place in one of the files being read.
struct Position: Hashable, Comparable {
    /// As `Report.add(file:)` numbered it.
    var file: Int
    /// From 1; the column counts Unicode scalars.
    var line: Int
    var column: Int

    static func < (left: Position, right: Position) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }
}
