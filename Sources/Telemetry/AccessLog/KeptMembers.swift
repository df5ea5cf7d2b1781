import Base

/// Members of a line that many lines have alike, such as the names of a route: made for the format that is written when the
/// first line needs them, copied from then on, and looked at no more.
package struct KeptMembers: ~Copyable {
    /// What they were made for; `nil` before the first line.
    private var format: AccessLogFormatter.Format?
    private var bytes = UnsafeRawBufferPointer(start: nil, count: 0)

    package init() {}

    deinit { bytes.deallocate() }

    /// As a line of `format` says them; `nil` where they are not made for it. Valid until they are made for another.
    package func bytes(for format: AccessLogFormatter.Format) -> UnsafeRawBufferPointer? {
        self.format == format ? bytes : nil
    }

    /// Makes them the names of a route and of its entry, as a line of `format` says them.
    package mutating func keep(
        route: UnsafeRawBufferPointer, backend: UnsafeRawBufferPointer, for format: AccessLogFormatter.Format
    ) -> UnsafeRawBufferPointer {
        let room = 64 + LineWriter.slack + LineWriter.escapedSize(of: route) + LineWriter.escapedSize(of: backend)
        return keep(for: format, room: room) { line in
            switch format {
            case .json:
                line.append(member: ",\"route\":\"", route)
                line.append(member: ",\"backend\":\"", backend)
            case .text:
                line.append(word: " route=", route)
                line.append(word: " backend=", backend)
            }
        }
    }

    /// Makes them the name of an endpoint.
    package mutating func keep(
        endpoint: UnsafeRawBufferPointer, for format: AccessLogFormatter.Format
    ) -> UnsafeRawBufferPointer {
        keep(for: format, room: 32 + LineWriter.slack + LineWriter.escapedSize(of: endpoint)) { line in
            switch format {
            case .json: line.append(member: ",\"endpoint\":\"", endpoint)
            case .text: line.append(word: " endpoint=", endpoint)
            }
        }
    }

    /// - Parameter room: bytes that `write` takes at most.
    private mutating func keep(
        for format: AccessLogFormatter.Format, room: Int, _ write: (inout LineWriter) -> Void
    ) -> UnsafeRawBufferPointer {
        let text = withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { scratch in
            guard let start = scratch.baseAddress else { return UnsafeRawBufferPointer(start: nil, count: 0) }
            var line = LineWriter(at: start, capacity: room)
            write(&line)
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: line.count, alignment: 1)
            copy.copyMemory(from: UnsafeRawBufferPointer(start: start, count: line.count))
            return UnsafeRawBufferPointer(copy)
        }
        bytes.deallocate()
        bytes = text
        self.format = format
        return text
    }
}
