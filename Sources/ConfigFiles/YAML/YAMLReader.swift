import Yams

/// Reads the documents of one YAML file into nodes with positions.
enum YAMLReader {
    /// The parser works through the file once more for every key that is written twice in a mapping: this often at most, and
    /// over this many characters in all.
    static let maximumRenamedKeys = 64
    static let maximumReread = 16 << 20

    /// The documents that are not empty, in order; `nil` after a problem that leaves the rest of the file unread.
    static func documents(of bytes: [UInt8], file: Int, report: Report) -> [YAMLNode]? {
        var documents: [YAMLNode]?
        DeepStack.run { documents = read(bytes, file: file, report: report) }
        return documents
    }

    private static func read(_ bytes: [UInt8], file: Int, report: Report) -> [YAMLNode]? {
        var text: YAMLText
        do {
            text = try YAMLText(bytes)
        } catch {
            report.error(Position(file: file, line: error.place.line, column: error.place.column), error.message)
            return nil
        }
        while true {
            do {
                return try parse(text, file: file, report: report)
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                let place = YAMLText.Place(line: context.mark.line, column: context.mark.column)
                let key = keys.first ?? ""
                let rounds = min(maximumRenamedKeys, maximumReread / max(1, text.scalars.count))
                if text.renamed.count < rounds, text.rename(key, at: place) { continue }
                reportRenamed(text, file: file, report: report)
                report.error(
                    Position(file: file, line: place.line, column: place.column),
                    "\(Wording.quoted(YAMLText.restored(key))) is written twice in this mapping, keep one of them")
            } catch {
                reportRenamed(text, file: file, report: report)
                let (place, message) = explain(error, in: text)
                report.error(Position(file: file, line: place.line, column: place.column), message)
            }
            return nil
        }
    }

    private static func parse(_ text: YAMLText, file: Int, report: Report) throws -> [YAMLNode] {
        let parser = try Parser(yaml: text.string, resolver: .basic, encoding: .utf8)
        // The nodes refer to their anchors weakly; the parser owns them.
        return try withExtendedLifetime(parser) {
            var roots: [Node] = []
            while let root = try parser.nextRoot() { roots.append(root) }
            var tree = YAMLTree(renamed: text.renamed, file: file, report: report)
            return roots.map { tree.document($0) }.filter { !$0.isNull }
        }
    }

    /// The tree would have named both places, but there is no tree.
    private static func reportRenamed(_ text: YAMLText, file: Int, report: Report) {
        for (place, key) in text.renamed {
            report.error(
                Position(file: file, line: place.line, column: place.column),
                "\(Wording.quoted(key)) is written twice in this mapping, keep one of them")
        }
    }

    private static func explain(_ error: any Error, in text: YAMLText) -> (YAMLText.Place, String) {
        switch error {
        case YamlError.scanner(let context, let problem, let mark, _),
            YamlError.parser(let context, let problem, let mark, _),
            YamlError.composer(let context, let problem, let mark, _):
            let place = YAMLText.Place(line: mark.line, column: mark.column)
            switch text.character(at: place) {
            case "\t": return (place, "not YAML: a tab cannot indent, use spaces")
            case .some(let character) where ["@", "`", "%"].contains(character) && problem.contains("start any token"):
                return (place, "not YAML: text that begins with '\(character)' must be in quotes")
            default: break
            }
            if problem.contains("nesting level") { return (place, "nested too deeply") }
            var message = "not YAML: \(problem)"
            if let context {
                message += " \(context.text)"
                if context.mark.line != mark.line { message += " that begins in line \(context.mark.line)" }
            }
            return (place, message)
        default:
            return (YAMLText.Place(line: 1, column: 1), "not YAML: the parser failed")
        }
    }
}
