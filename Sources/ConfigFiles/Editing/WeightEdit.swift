import Configuration

/// A change of weights that is ready to be written.
package struct WeightEdit {
    /// What the edited files load as.
    package let outcome: ConfigurationLoader.Outcome
    /// In file order: the route that was asked for, and those that follow it.
    package let changes: [WeightEditor.Change]
    /// The one that is different, as it was read.
    package let file: String
    let before: SourceFiles
    let after: [UInt8]

    /// Replaces the file, unless any file of the configuration has changed since it was read. Blocks on the file system.
    package func write() throws(WeightEditor.Failure) {
        try replace(before.contents[file], with: after) { before.firstChange(last: file) }
    }

    /// Puts the old text back where the new one still stands, because it could not be put in force.
    package func revert() throws(WeightEditor.Failure) {
        guard let old = before.contents[file] else { return }
        try replace(after, with: old) { [file, after] in
            (try? FileContents.read(file, onlyRegular: true)) == after ? nil : file
        }
    }

    /// - Parameter change: names a file that is not what it should be.
    private func replace(
        _ present: [UInt8]?, with bytes: [UInt8], unless change: () -> String?
    ) throws(WeightEditor.Failure) {
        do throws(FileReplacement.Failure) {
            try FileReplacement.write(bytes, to: file, replacing: { $0 == present }) {
                change().map { "\($0) has been changed by somebody else meanwhile: reload it and try again" }
            }
        } catch {
            throw WeightEditor.Failure(kind: .conflict, message: error.message)
        }
    }
}

extension SourceFiles {
    /// A file or directory that is not any more what was read; `nil` if all are.
    ///
    /// - Parameter file: looked at after all others, because it is the one whose change would be lost.
    func firstChange(last file: String) -> String? {
        for (path, names) in listings where (try? FileContents.configurationFiles(in: path)) != names { return path }
        let others = contents.keys.filter { $0 != file }
        return (others + [file]).first { (try? FileContents.read($0, onlyRegular: true)) != contents[$0] }
    }

    /// Whether the same was read, one file left out.
    func isSame(as other: SourceFiles, but file: String) -> Bool {
        var (mine, others) = (contents, other.contents)
        mine[file] = nil
        others[file] = nil
        return mine == others && listings == other.listings
    }
}
