import Base

/// Members of a line that many lines have alike, such as the names of a route: made for the format that is written when the
/// first line needs them, copied from then on, and looked at no more.
package struct KeptMembers: ~Copyable {
    /// What they were made for; `nil` before the first line.
    fileprivate(set) package var format: AccessLogFormatter.Format?
    /// Valid until they are made for another format.
    fileprivate(set) package var bytes = UnsafeRawBufferPointer(start: nil, count: 0)

    package init() {}

    deinit { bytes.deallocate() }

    private mutating func keep(_ text: borrowing ByteBuffer, for format: AccessLogFormatter.Format) {
        bytes.deallocate()
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: text.count, alignment: 1)
        copy.copyMemory(from: text.bytes)
        bytes = UnsafeRawBufferPointer(copy)
        self.format = format
    }
}

extension KeptMembers {
    /// Makes them the names of a route and of its entry, as a line of `format` says them.
    package mutating func keep(
        route: UnsafeRawBufferPointer, backend: UnsafeRawBufferPointer, for format: AccessLogFormatter.Format
    ) {
        var text = ByteBuffer()
        let room = 64 + LineWriter.escapedSize(of: route) + LineWriter.escapedSize(of: backend)
        var line = LineWriter(at: text.reserve(room), capacity: room)
        switch format {
        case .json:
            line.append(member: ",\"route\":\"", route)
            line.append(member: ",\"backend\":\"", backend)
        case .text:
            line.append(word: " route=", route)
            line.append(word: " backend=", backend)
        }
        text.advance(line.count)
        keep(text, for: format)
    }

    /// Makes them the name of an endpoint.
    package mutating func keep(endpoint: UnsafeRawBufferPointer, for format: AccessLogFormatter.Format) {
        var text = ByteBuffer()
        let room = 32 + LineWriter.escapedSize(of: endpoint)
        var line = LineWriter(at: text.reserve(room), capacity: room)
        switch format {
        case .json: line.append(member: ",\"endpoint\":\"", endpoint)
        case .text: line.append(word: " endpoint=", endpoint)
        }
        text.advance(line.count)
        keep(text, for: format)
    }
}
