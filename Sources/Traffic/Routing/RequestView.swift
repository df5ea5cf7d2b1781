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
    package var isInfer: Bool { equals(rest, "/infer") }
    /// It has the model run: an inference, or one of Triton's `generate` and `generate_stream`.
    package var runsModel: Bool { isInfer || equals(rest, "/generate") || equals(rest, "/generate_stream") }

    /// - Returns: `nil` for a path that names no model.
    package init?(_ path: UnsafeRawBufferPointer) {
        let slash = UInt8(ascii: "/")
        guard hasPrefix(path, "/v2/models/") else { return nil }
        let named = suffix(of: path, from: "/v2/models/".utf8.count)
        let end = length(of: named, before: slash)
        model = UnsafeRawBufferPointer(start: named.baseAddress, count: end)
        rest = suffix(of: named, from: end)
        // `/v2/models/stats` is about all models.
        guard end > 0, !(rest.isEmpty && equals(model, "stats")) else { return nil }
        version = UnsafeRawBufferPointer(start: nil, count: 0)
        if hasPrefix(rest, "/versions/") {
            let versioned = suffix(of: rest, from: "/versions/".utf8.count)
            let end = length(of: versioned, before: slash)
            version = UnsafeRawBufferPointer(start: versioned.baseAddress, count: end)
            hasVersion = true
            rest = suffix(of: versioned, from: end)
        }
    }
}
