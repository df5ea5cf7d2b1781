/// Puts the documents of all files together as if they were one: lists append, mappings merge by one level, and what is set
/// twice is an error, because nothing says which of the two was meant. Kubernetes manifests are kept apart.
struct TopLevel {
    private let report: Report
    private var entries: [YAMLNode.Entry] = []
    private var indices: [String: Int] = [:]
    private var position: Position?
    private(set) var manifests: ManifestSet

    init(report: Report) {
        self.report = report
        manifests = ManifestSet(report: report)
    }

    /// `nil` if there was no document but manifests.
    var merged: YAMLNode? {
        position.map { YAMLNode(position: $0, content: .mapping(entries)) }
    }

    /// Adds a document; `false` after a report if it is none of ours.
    mutating func add(_ document: YAMLNode) -> Bool {
        guard case .mapping(let added) = document.content else {
            report.error(document.position, "a configuration must be a mapping of keys to values, not \(document.kind)")
            return false
        }
        if document.names("apiVersion") || document.names("kind") {
            manifests.add(document)
            return true
        }
        if position == nil { position = document.position }
        for entry in added { merge(entry) }
        return true
    }

    private mutating func merge(_ entry: YAMLNode.Entry) {
        guard let index = indices[entry.key] else {
            indices[entry.key] = entries.count
            entries.append(entry)
            return
        }
        let earlier = entries[index]
        switch (earlier.value.content, entry.value.content) {
        case (.sequence(let items), .sequence(let more)):
            entries[index].value.content = .sequence(items + more)
        case (.mapping(let pairs), .mapping(let more)):
            entries[index].value.content = .mapping(merge(pairs, more, in: entry.key))
        default:
            refuse(entry, earlier: earlier.position)
        }
    }

    private func merge(_ pairs: [YAMLNode.Entry], _ more: [YAMLNode.Entry], in section: String) -> [YAMLNode.Entry] {
        var known = Dictionary(pairs.map { ($0.key, $0.position) }, uniquingKeysWith: { first, _ in first })
        var merged = pairs
        for entry in more {
            if let earlier = known[entry.key] {
                refuse(entry, earlier: earlier)
            } else {
                known[entry.key] = entry.position
                merged.append(entry)
            }
        }
        return merged
    }

    private func refuse(_ entry: YAMLNode.Entry, earlier: Position) {
        report.error(
            entry.position,
            "\(Wording.quoted(entry.key)) is already in \(report.place(earlier, from: entry.position)), keep one of them"
        )
    }
}
