import Base

/// Heads that are made here instead of being read.
extension MessageHead {
    /// Begins an answer; fields follow with `add`.
    package func beginAnswer(status: Int, reason text: StaticString) {
        reset()
        self.status = status
        reason = append { $0.append(text) }
    }

    /// Adds a field whatever its name: the rules for fields of peers do not hold for ours. One past `maxOwnFields` more than
    /// peers may send is left out.
    ///
    /// - Parameter value: without CR, LF and NUL.
    package func add(_ name: StaticString, _ value: UnsafeRawBufferPointer) { add(staticBytes(name), value) }

    package func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let name = append { $0.append(name) }
        storage.append(": ")
        let value = append { $0.append(value) }
        appendOwn(FieldLine(name: name, value: value, id: .other))
    }

    /// Takes out every field whose name `isGone` is true for.
    package func remove(where isGone: (UnsafeRawBufferPointer) -> Bool) { removeFields { isGone(name($0)) } }

    /// Takes out what `Connection` says ends at this hop, so that it has no say about what is added. What the serialisers
    /// write anew for the next hop, from what the peer said, stays for them to read: `TE` has to be named there.
    package func removeNominated() {
        guard nominatesFields else { return }
        // Asked of all before any is moved.
        withUnsafeTemporaryAllocation(of: Bool.self, capacity: fieldCount) { gone in
            for index in 0..<fieldCount {
                gone.initializeElement(at: index, to: isNominated(index) && !isWrittenAnew(index))
            }
            removeFields { gone[$0] }
        }
        nominatesFields = false
    }

    private func isWrittenAnew(_ index: Int) -> Bool {
        switch field(index).id {
        case .te, .xForwardedFor, .xForwardedProto, .xForwardedHost: true
        default: false
        }
    }

    /// Whether a field is there that servers may read under this name.
    package func has(readAs name: [UInt8]) -> Bool {
        (0..<fieldCount).contains { Self.isRead(self.name($0), as: name) }
    }

    /// Takes out every field that servers may read under this name.
    package func remove(readAs name: [UInt8]) {
        if has(readAs: name) { removeFields { Self.isRead(self.name($0), as: name) } }
    }

    /// CGI and what came after it, WSGI too, know fields by names in which `-` has become `_` (RFC 3875 section 4.1.18), and so
    /// take `X_User` for `X-User`.
    private static func isRead(_ name: UnsafeRawBufferPointer, as other: [UInt8]) -> Bool {
        func folded(_ byte: UInt8) -> UInt8 { byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : lowercased(byte) }
        guard name.count == other.count else { return false }
        for index in 0..<name.count where folded(name[index]) != folded(other[index]) { return false }
        return true
    }

    /// Takes out every field of the name, whatever its case.
    package func remove(named name: [UInt8]) {
        name.withUnsafeBytes { name in
            guard (0..<fieldCount).contains(where: { equalsIgnoringCase(self.name($0), name) }) else { return }
            removeFields { equalsIgnoringCase(self.name($0), name) }
        }
    }

    private func append(_ write: (inout ByteBuffer) -> Void) -> HeadRange {
        let start = storage.count
        write(&storage)
        return HeadRange(start, storage.count)
    }
}
