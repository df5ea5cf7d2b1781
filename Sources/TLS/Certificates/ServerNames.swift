/// Which certificates answer for which server names: decided once, when the configuration is read.
///
/// A name has one certificate for each type of key, of which the client's algorithms choose. The exact name goes before
/// a wildcard, and an earlier certificate before a later one.
struct ServerNames: Sendable {
    struct Entry {
        /// In lower case; `*.` in front stands for one label (RFC 9525 section 6.3).
        var names: [String]
        var keyType: Int32
    }

    /// The different sets of certificates, as places in the list; the first is for clients that name no server, or an
    /// unknown one.
    private(set) var sets: [[Int]] = []
    /// Places in `sets`.
    private var exact: [String: Int] = [:]
    /// By what follows the first label.
    private var wildcards: [String: Int] = [:]

    /// - Parameter entries: at least one.
    init(_ entries: [Entry]) {
        var places: [[Int]: Int] = [:]
        func place(_ set: [Int]) -> Int {
            if let known = places[set] { return known }
            sets.append(set)
            places[set] = sets.count - 1
            return sets.count - 1
        }
        func choose(_ candidates: [Int]) -> [Int] {
            var types: Set<Int32> = []
            return candidates.filter { types.insert(entries[$0].keyType).inserted }
        }
        // The first certificate, and others for the same names and more with other types of key.
        let first = entries.first.map { Set($0.names) } ?? []
        _ = place(
            choose(entries.indices.filter { $0 == 0 || (!first.isEmpty && first.isSubset(of: entries[$0].names)) }))

        var owners: [String: [Int]] = [:]
        for (index, entry) in entries.enumerated() {
            for name in Set(entry.names) { owners[name, default: []].append(index) }
        }
        for (name, indices) in owners {
            guard let suffix = Self.suffix(of: name) else { continue }
            if name.hasPrefix("*.") {
                if !suffix.contains("*") { wildcards[suffix] = place(choose(indices)) }
            } else if !name.contains("*") {
                exact[name] = place(choose(indices + owners["*." + suffix, default: []]))
            }
        }
        for (name, indices) in owners where Self.suffix(of: name) == nil && !name.contains("*") {
            exact[name] = place(choose(indices))
        }
    }

    /// The place in `sets` for the name that a client asks for, in any case.
    func set(for name: String) -> Int? {
        let name = name.lowercased()
        if let place = exact[name] { return place }
        guard !wildcards.isEmpty, let suffix = Self.suffix(of: name) else { return nil }
        return wildcards[suffix]
    }

    /// What follows the first label; `nil` where there is none, or nothing in front.
    private static func suffix(of name: String) -> String? {
        guard let dot = name.utf8.firstIndex(of: 0x2E), dot > name.startIndex else { return nil }
        let rest = name[name.utf8.index(after: dot)...]
        return rest.isEmpty ? nil : String(rest)
    }
}
