/// What one load has read, as far as it takes to tell that another one would read the same.
package struct SourceFingerprint: Sendable, Equatable {
    /// By path as it was used.
    private let hashes: [String: String]
    private let listings: [String: [String]]

    init(contents: [String: [UInt8]], listings: [String: [String]]) {
        hashes = contents.mapValues { Self.hash($0) }
        self.listings = listings
    }

    /// Whether every file and directory is as it was. Blocks on the file system, and is far cheaper than loading.
    package func isCurrent() -> Bool {
        listings.allSatisfy { (try? FileContents.configurationFiles(in: $0.key)) == $0.value }
            && hashes.allSatisfy { path, hash in
                (try? FileContents.read(path, onlyRegular: true)).map { Self.hash($0) } == hash
            }
    }

    private static func hash(_ bytes: [UInt8]) -> String {
        var hash = ContentHash()
        hash.add(bytes)
        return hash.text
    }
}
