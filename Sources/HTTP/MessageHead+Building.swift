import Base

/// Heads that are made here instead of being read.
extension MessageHead {
    /// Begins an answer; fields follow with `add`.
    package func beginAnswer(status: Int, reason text: StaticString) {
        reset()
        self.status = status
        reason = append { $0.append(text) }
    }

    /// Adds a field whatever its name: the rules for fields of peers do not hold for ours. One past `maxFields` is left out.
    ///
    /// - Parameter value: without CR, LF and NUL.
    package func add(_ name: StaticString, _ value: UnsafeRawBufferPointer) { add(staticBytes(name), value) }

    package func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let name = append { $0.append(name) }
        storage.append(": ")
        let value = append { $0.append(value) }
        _ = append(FieldLine(name: name, value: value, id: .other))
    }

    private func append(_ write: (inout ByteBuffer) -> Void) -> HeadRange {
        let start = storage.count
        write(&storage)
        return HeadRange(start, storage.count)
    }
}
