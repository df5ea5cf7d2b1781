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
    package var model: ModelSource
    /// The client came over TLS, to the gateway or to a trusted proxy before it.
    package var isSecure = false
    /// Of the listener; 0 where it has none.
    package var port: UInt16 = 0

    package init(
        head: MessageHead, path: UnsafeRawBufferPointer, query: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer,
        model: ModelSource = .inPath
    ) {
        self.head = head
        self.path = path
        self.query = query
        self.host = host
        self.model = model
    }
}

/// Where a request says which model it is for.
package enum ModelSource {
    /// In its path, or nowhere.
    case inPath
    /// In a message that has not been read yet.
    case unknown
    /// It was in the message; the version is empty where the choice is left to the server.
    case known(UnsafeRawBufferPointer, version: UnsafeRawBufferPointer)
}

/// The model and version that a v2 path names: `/v2/models/{model}[/versions/{version}][/…]`.
package struct InferencePath {
    package var model: UnsafeRawBufferPointer
    /// Empty where the path leaves the choice to the server.
    package var version: UnsafeRawBufferPointer
    /// The path has a place for the version, be it empty.
    package var hasVersion = false
    /// What follows model and version: empty, or from a slash on.
    package var rest: UnsafeRawBufferPointer
    /// It asks for an inference of the v2 protocol.
    package var isInfer: Bool
    /// It has the model run: an inference, or one of Triton's `generate` and `generate_stream`.
    package var runsModel: Bool

    private static let models = Array("/v2/models/".utf8)
    private static let versions = Array("/versions/".utf8)
    private static let statistics = Array("stats".utf8)
    private static let infer = Array("/infer".utf8)
    private static let generate = Array("/generate".utf8)
    private static let generateStream = Array("/generate_stream".utf8)

    /// - Returns: `nil` for a path that names no model.
    package init?(_ path: UnsafeRawBufferPointer) {
        guard hasPrefix(path, Self.models) else { return nil }
        let rest = UnsafeRawBufferPointer(rebasing: path[Self.models.count...])
        let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.count
        guard slash > 0 else { return nil }
        model = UnsafeRawBufferPointer(rebasing: rest[..<slash])
        // `/v2/models/stats` is about all models.
        if slash == rest.count && equals(model, Self.statistics) { return nil }
        version = UnsafeRawBufferPointer(start: nil, count: 0)
        var tail = UnsafeRawBufferPointer(rebasing: rest[slash...])
        if hasPrefix(tail, Self.versions) {
            let named = UnsafeRawBufferPointer(rebasing: tail[Self.versions.count...])
            let end = named.firstIndex(of: UInt8(ascii: "/")) ?? named.count
            version = UnsafeRawBufferPointer(rebasing: named[..<end])
            hasVersion = true
            tail = UnsafeRawBufferPointer(rebasing: named[end...])
        }
        self.rest = tail
        isInfer = equals(tail, Self.infer)
        runsModel = isInfer || equals(tail, Self.generate) || equals(tail, Self.generateStream)
    }
}
