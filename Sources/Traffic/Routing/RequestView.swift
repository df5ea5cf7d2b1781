import Base
package import HTTP

/// What routes look at: a parsed head, and the path in its one reading.
package struct RequestView {
    package var head: MessageHead
    /// Normalised, without the query.
    package var path: UnsafeRawBufferPointer
    package var query: UnsafeRawBufferPointer
    /// Host name without port, in whatever case the client wrote it.
    package var host: UnsafeRawBufferPointer

    package init(
        head: MessageHead, path: UnsafeRawBufferPointer, query: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer
    ) {
        self.head = head
        self.path = path
        self.query = query
        self.host = host
    }
}

/// The model and version that a v2 path names: `/v2/models/{model}[/versions/{version}][/…]`.
package struct InferencePath {
    package var model: UnsafeRawBufferPointer
    /// Empty where the path leaves the choice to the server.
    package var version: UnsafeRawBufferPointer

    /// - Returns: `nil` for a path that names no model.
    package init?(_ path: UnsafeRawBufferPointer) {
        let prefix: StaticString = "/v2/models/"
        let count = prefix.utf8CodeUnitCount
        guard path.count > count,
            equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: path[..<count]), prefix),
            path[1] == UInt8(ascii: "v"), path[4] == UInt8(ascii: "m")
        else { return nil }
        let rest = UnsafeRawBufferPointer(rebasing: path[count...])
        let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.count
        model = UnsafeRawBufferPointer(rebasing: rest[..<slash])
        // `/v2/models/stats` is about all models.
        if slash == rest.count && equals(model, Array("stats".utf8)) { return nil }
        version = UnsafeRawBufferPointer(start: nil, count: 0)
        let tail = UnsafeRawBufferPointer(rebasing: rest[slash...])
        let marker = Array("/versions/".utf8)
        if hasPrefix(tail, marker) {
            let named = UnsafeRawBufferPointer(rebasing: tail[marker.count...])
            let end = named.firstIndex(of: UInt8(ascii: "/")) ?? named.count
            version = UnsafeRawBufferPointer(rebasing: named[..<end])
        }
    }
}
