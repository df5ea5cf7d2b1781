/// One page of a list (kubernetes.io/docs/reference/using-api/api-concepts: retrieving large result sets in chunks).
package struct ListPage<Object: WatchedObject>: Decodable, Sendable {
    /// What a watch goes on from.
    package var resourceVersion: String
    /// Asks for the next page; `nil` on the last.
    package var next: String?
    package var items: [Object]

    private enum Keys: String, CodingKey { case metadata, items }
    private struct Metadata: Decodable {
        var resourceVersion: String?
        var `continue`: String?
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        let metadata = try container.decode(Metadata.self, forKey: .metadata)
        resourceVersion = metadata.resourceVersion ?? ""
        next = metadata.continue.flatMap { $0.isEmpty ? nil : $0 }
        items = try container.decodeIfPresent([Lenient<Object>].self, forKey: .items)?.compactMap(\.value) ?? []
    }
}

/// One line of a watch.
package enum WatchEvent<Object: WatchedObject>: Decodable, Sendable {
    /// Added or modified: which of the two makes no difference to who keeps them by name.
    case present(Object)
    case deleted(ObjectMeta)
    /// Nothing has changed up to this version.
    case bookmark(resourceVersion: String)
    case error(StatusAnswer)
    /// Of a type that a later version may bring.
    case other

    private enum Keys: String, CodingKey { case type, object }
    private struct Bare: Decodable { var metadata: ObjectMeta }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        switch try container.decode(String.self, forKey: .type) {
        case "ADDED", "MODIFIED": self = .present(try container.decode(Object.self, forKey: .object))
        case "DELETED": self = .deleted(try container.decode(Bare.self, forKey: .object).metadata)
        case "BOOKMARK":
            self = .bookmark(resourceVersion: try container.decode(Bare.self, forKey: .object).metadata.resourceVersion)
        case "ERROR": self = .error(try container.decode(StatusAnswer.self, forKey: .object))
        default: self = .other
        }
    }
}

/// Cuts the body of a watch into its lines, each of which is an event.
package struct WatchLines: Sendable {
    private var pending: [UInt8] = []

    /// etcd keeps no object of more than 1.5 MiB, and JSON takes more room than what it keeps.
    package static let longestLine = 4 << 20

    package init() {}

    /// - Returns: the lines that are complete, without empty ones; `nil` for one that is too long.
    package mutating func take(_ bytes: [UInt8]) -> [[UInt8]]? {
        var lines: [[UInt8]] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0A) {
            guard pending.count + (end - rest.startIndex) <= Self.longestLine else { return nil }
            pending += rest[..<end]
            if pending.last == 0x0D { pending.removeLast() }
            if !pending.isEmpty { lines.append(pending) }
            pending = []
            rest = rest[(end + 1)...]
        }
        guard pending.count + rest.count <= Self.longestLine else { return nil }
        pending += rest
        return lines
    }
}
