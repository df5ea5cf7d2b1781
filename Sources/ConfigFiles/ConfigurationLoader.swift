package import Configuration

/// Reads YAML files into the one configuration model, and finds everything wrong with them in one pass.
package enum ConfigurationLoader {
    /// What came of it.
    package struct Outcome: Sendable {
        /// `nil` if any diagnostic is an error.
        package var gateway: Gateway?
        /// Sorted by file in the order of reading, then by line and column; at most 500 errors and 100 warnings.
        package var diagnostics: [Diagnostic]
        /// 16 hexadecimal digits over all bytes that were read, users files included.
        package var hash: String
        /// Absolute paths of every file and directory whose change matters: the configuration file, or the directory and its
        /// files, and all users and certificate files, those that are missing too.
        package var watched: [String]
    }

    /// Loads a file, or the `.yaml` and `.yml` files of a directory in file-name order. Blocks on the file system; never traps on
    /// what the files hold.
    package static func load(path: String) -> Outcome {
        let report = Report()
        let sources = SourceFiles(report: report)
        var top = TopLevel(report: report)
        for (file, bytes) in sources.configuration(at: path) {
            guard let documents = YAMLReader.documents(of: bytes, file: file, report: report) else {
                sources.isIncomplete = true
                continue
            }
            for document in documents where !top.add(document) { sources.isIncomplete = true }
        }
        var gateway: Gateway?
        if let root = top.merged {
            gateway = GatewayReader(report: report, sources: sources).gateway(root)
        } else if !report.hasErrors {
            let file = report.add(file: path)
            report.error(
                Position(file: file, line: 1, column: 1),
                "the configuration is empty, write at least 'listeners', 'backends' and 'routes'")
        }
        return Outcome(
            gateway: report.hasErrors ? nil : gateway, diagnostics: report.sorted(), hash: sources.contentHash,
            watched: sources.watched)
    }
}
