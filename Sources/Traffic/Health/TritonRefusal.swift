/// What a Triton means by an error: DESIGN's "busy", or "the model (or the whole server) is not ready here".
///
/// Triton says both with 503 (gRPC UNAVAILABLE), and some of the latter with 400 or, in newer versions, 404
/// (NOT_FOUND), so only the text tells. The texts are those of Triton's core (`server.cc`, `model_lifecycle.cc`,
/// `dynamic_batch_scheduler.cc`, `sequence_batch_scheduler.cc`) and HTTP frontend (`http_server.cc`), 2.51 and later.
///
/// Texts contain what clients chose, the model's name and, in front, the request's id. So a text is compared as a whole
/// or by its end, which Triton alone writes: nobody can take a model away by the name of his request.
package enum TritonRefusal: Sendable, Equatable {
    /// A full queue, a time in the queue that is over: try elsewhere or later, and hold it against nobody.
    case busy
    /// The model asked for is not loaded (any more, or yet), or the server starts or stops.
    case notReady

    /// Longest error body worth reading; a text has a model's name and a request id in it.
    package static var maxBody: Int { 4096 }

    private static var wholeTexts: [StaticString] {
        ["Server not ready", "Server exiting", "Model version not ready"]
    }

    /// "… is not found" is not among them: it is what a misspelt name gets, and any client could fill the table of
    /// models that are not ready with those.
    private static var endings: [StaticString] {
        [
            " is not at ready state", "' has no available versions",
            "scheduler for model has stopped accepting new inference requests",
        ]
    }

    /// - Parameters:
    ///   - status: of the response head.
    ///   - body: `{"error":"…"}`, whole, at most `maxBody` bytes; empty where it was longer.
    /// - Returns: `nil` for an error of another kind.
    package init?(status: Int, body: UnsafeRawBufferPointer) {
        guard status == 400 || status == 404 || status == 503 else { return nil }
        self.init(isUnavailable: status == 503, text: Self.text(in: body))
    }

    /// - Parameters:
    ///   - grpcStatus: of the trailers, or of a head that is all there is.
    ///   - message: `grpc-message` with its percent-encoding undone.
    package init?(grpcStatus: Int, message: UnsafeRawBufferPointer) {
        // INVALID_ARGUMENT, NOT_FOUND, UNAVAILABLE
        guard grpcStatus == 3 || grpcStatus == 5 || grpcStatus == 14 else { return nil }
        self.init(isUnavailable: grpcStatus == 14, text: message)
    }

    private init?(isUnavailable: Bool, text: UnsafeRawBufferPointer) {
        func isEnd(_ end: StaticString) -> Bool {
            let length = end.utf8CodeUnitCount
            guard text.count >= length else { return false }
            let start = text.count - length
            return (0..<length).allSatisfy { text[start + $0] == end.utf8Start[$0] }
        }
        let isWhole = Self.wholeTexts.contains { $0.utf8CodeUnitCount == text.count && isEnd($0) }
        if isWhole || Self.endings.contains(where: isEnd) {
            self = .notReady
        } else if isUnavailable {
            self = .busy
        } else {
            return nil
        }
    }

    /// What stands between `{"error":"` and `"}`, white space aside; everything if that is not what it is. No text that
    /// is looked for has a character that JSON escapes.
    private static func text(in body: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var rest = body[...]
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
            var bytes = bytes.drop(while: isSpace)
            while let last = bytes.last, isSpace(last) { bytes.removeLast() }
            return bytes
        }
        for part in ["{", "\"error\"", ":", "\""] as [StaticString] {
            rest = trimmed(rest)
            let length = part.utf8CodeUnitCount
            guard rest.count >= length,
                rest.prefix(length).elementsEqual(UnsafeBufferPointer(start: part.utf8Start, count: length))
            else { return body }
            rest.removeFirst(length)
        }
        for end in [UInt8(ascii: "}"), UInt8(ascii: "\"")] {
            while let last = rest.last, isSpace(last) { rest.removeLast() }
            guard rest.last == end else { return body }
            rest.removeLast()
        }
        return UnsafeRawBufferPointer(rebasing: rest)
    }
}
