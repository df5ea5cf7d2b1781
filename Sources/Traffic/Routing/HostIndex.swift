import Base

/// Finds which of the configured host names a request's host is, or ends in, whatever its case.
///
/// Names are hashed from their last byte to the first, so that one pass over a host gives the hash of each of its endings.
///
/// In memory of its own, like a `PathIndex`; its owner calls `deallocate` in the end.
struct HostIndex {
    private struct Entry {
        var hash: UInt64
        var name: Range<Int>
        /// What the caller knows the name by.
        var value: Int
    }

    /// In the order of their hashes.
    private let entries: UnsafeBufferPointer<Entry>
    private let names: UnsafeRawBufferPointer
    private let longest: Int

    /// - Parameter names: lower-case, each at most once.
    init(_ names: [(name: [UInt8], value: Int)]) {
        var entries: [Entry] = []
        var text: [UInt8] = []
        for (name, value) in names {
            let start = text.count
            text += name
            entries.append(Entry(hash: Self.hash(name), name: start..<text.count, value: value))
        }
        self.entries = UnsafeBufferPointer(copyOf: entries.sorted { $0.hash < $1.hash })
        self.names = UnsafeRawBufferPointer(UnsafeBufferPointer(copyOf: text))
        longest = names.map(\.name.count).max() ?? 0
    }

    func deallocate() {
        entries.deallocate()
        names.deallocate()
    }

    var isEmpty: Bool { entries.isEmpty }

    /// The value of the name that is the whole host.
    func value(of host: UnsafeRawBufferPointer) -> Int? {
        guard !entries.isEmpty, host.count <= longest else { return nil }
        return find(host.reversed().reduce(Self.seed, Self.step), host)
    }

    /// Calls `body` with the value of each name that the host ends in: names that begin with a dot, and something before it.
    func forEachSuffix(of host: UnsafeRawBufferPointer, _ body: (Int) -> Void) {
        guard !entries.isEmpty else { return }
        var hash = Self.seed
        var start = host.count
        // A host may be as long as a header; no name is.
        while start > 1 && host.count &- start < longest {
            start &-= 1
            hash = Self.step(hash, host[start])
            guard host[start] == UInt8(ascii: ".") else { continue }
            if let value = find(hash, UnsafeRawBufferPointer(rebasing: host[start...])) { body(value) }
        }
    }

    /// FNV-1a; the names come from the operator, so nobody can aim for collisions.
    private static var seed: UInt64 { 0xCBF2_9CE4_8422_2325 }
    private static func step(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(lowercased(byte))) &* 0x100_0000_01B3
    }
    private static func hash(_ name: [UInt8]) -> UInt64 { name.reversed().reduce(seed, step) }

    private func find(_ hash: UInt64, _ name: UnsafeRawBufferPointer) -> Int? {
        var index = partitionPoint(in: entries.indices) { entries[$0].hash < hash }
        while index < entries.count, entries[index].hash == hash {
            let entry = entries[index]
            if equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: names[entry.name]), name) { return entry.value }
            index &+= 1
        }
        return nil
    }
}
