import Base

/// The models that the endpoints of a backend list, by name and by name and version: what a request can ask for is an entry.
///
/// Made when the names change, and then only read: an open-addressing table over bytes, so that a request finds its entry
/// without a string and without an allocation. Clients choose what is looked up, and the endpoints alone what is in it.
final class ModelIndex: Sendable {
    /// Where the models of an endpoint's list are, in the order of the list.
    struct Place: Sendable {
        /// Of the name without a version.
        var named: Int
        /// Of the version; the same where the list gives none.
        var exact: Int
    }

    private struct Key: Sendable {
        var hash: UInt64
        var start: Int
        var nameLength: Int
        var versionLength: Int
    }

    /// By endpoint.
    let places: [[Place]]
    var count: Int { keys.count }

    private let keys: ContiguousArray<Key>
    private let bytes: ContiguousArray<UInt8>
    /// Indexes into `keys`, -1 for none. A power of two, at most half of it taken.
    private let slots: ContiguousArray<Int32>

    /// - Parameter lists: by endpoint.
    init(_ lists: [[EndpointModels.Model]]) {
        var keys: ContiguousArray<Key> = []
        var bytes: ContiguousArray<UInt8> = []
        var found: [[UInt8]: Int] = [:]
        /// Version last, behind a byte that UTF-8 never has.
        func add(_ name: String, _ version: String) -> Int {
            let key = Array(name.utf8) + [0xFF] + Array(version.utf8)
            if let known = found[key] { return known }
            let hash = Array(name.utf8).withUnsafeBytes { name in
                Array(version.utf8).withUnsafeBytes { Self.hash(name, $0) }
            }
            keys.append(
                Key(hash: hash, start: bytes.count, nameLength: name.utf8.count, versionLength: version.utf8.count))
            bytes.append(contentsOf: name.utf8)
            bytes.append(contentsOf: version.utf8)
            found[key] = keys.count - 1
            return keys.count - 1
        }
        places = lists.map { list in
            list.map { Place(named: add($0.name, ""), exact: add($0.name, $0.version)) }
        }
        var size = 4
        while size < keys.count * 2 { size *= 2 }
        var slots = ContiguousArray<Int32>(repeating: -1, count: size)
        for (index, key) in keys.enumerated() {
            var slot = Int(truncatingIfNeeded: key.hash) & (size - 1)
            while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = Int32(index)
        }
        self.keys = keys
        self.bytes = bytes
        self.slots = slots
    }

    /// - Parameter version: empty if the request names none.
    func entry(_ name: UnsafeRawBufferPointer, _ version: UnsafeRawBufferPointer) -> Int? {
        let hash = Self.hash(name, version)
        return slots.withUnsafeBufferPointer { slots in
            keys.withUnsafeBufferPointer { keys in
                var slot = Int(truncatingIfNeeded: hash) & (slots.count &- 1)
                while slots[slot] >= 0 {
                    let index = Int(slots[slot])
                    if keys[index].hash == hash, isSame(keys[index], name, version) { return index }
                    slot = (slot &+ 1) & (slots.count &- 1)
                }
                return nil
            }
        }
    }

    private func isSame(_ key: Key, _ name: UnsafeRawBufferPointer, _ version: UnsafeRawBufferPointer) -> Bool {
        guard key.nameLength == name.count, key.versionLength == version.count else { return false }
        return bytes.withUnsafeBytes { bytes in
            let middle = key.start &+ key.nameLength
            return equals(UnsafeRawBufferPointer(rebasing: bytes[key.start..<middle]), name)
                && equals(UnsafeRawBufferPointer(rebasing: bytes[middle..<(middle &+ key.versionLength)]), version)
        }
    }

    private static func hash(_ name: UnsafeRawBufferPointer, _ version: UnsafeRawBufferPointer) -> UInt64 {
        let hash = KeyHash.hash(name)
        return version.isEmpty ? hash : KeyHash.hash(version, seed: hash)
    }
}
