/// One version of one model; what has no versions has an empty one.
package struct ModelVersion: Hashable, Comparable, Sendable {
    package var name: String
    package var version: String

    package init(name: String, version: String) {
        self.name = name
        self.version = version
    }

    /// By name, then by version as a number.
    package static func < (left: Self, right: Self) -> Bool {
        if left.name != right.name { return left.name < right.name }
        let (first, second) = (UInt64(left.version) ?? 0, UInt64(right.version) ?? 0)
        return first == second ? left.version < right.version : first < second
    }
}

extension CounterPage.Model {
    var id: ModelVersion { ModelVersion(name: name, version: version) }
}

extension ModelReading {
    package var id: ModelVersion { ModelVersion(name: name, version: version) }
}

extension RepositoryIndex.Model {
    package var id: ModelVersion { ModelVersion(name: name, version: version) }
}
