/// What a Triton means by an error: DESIGN's "busy", or "the model (or the whole server) is not ready here".
///
/// Triton says both with 503 (gRPC UNAVAILABLE), and some of the latter with 400 or, in newer versions, 404
/// (NOT_FOUND), so only the text tells. The texts are those of Triton's core (`server.cc`, `model_lifecycle.cc`,
/// `dynamic_batch_scheduler.cc`, `sequence_batch_scheduler.cc`) and HTTP frontend (`http_server.cc`), 2.51 and later.
///
/// Texts contain what clients chose: the model's name, the request's id in front, and in some the value that was wrong. So a
/// text is compared as a whole, with the name that the request had, and only what stands in front as an id is left out:
/// nobody can take a model away by the words of his request.
package enum TritonRefusal: Sendable, Equatable {
    /// A full queue, a time in the queue that is over: try elsewhere or later, and hold it against nobody.
    case busy
    /// The model asked for is not loaded (any more, or yet), or the server starts or stops.
    case notReady

    /// Longest error body worth reading; a text has a model's name and a request id in it.
    package static var maxBody: Int { 4096 }

    private static var wholeTexts: [StaticString] {
        [
            "Server not ready", "Server exiting", "Model version not ready",
            "Server is stopping, scheduler for model has stopped accepting new inference requests",
        ]
    }

    /// Behind "Request for unknown model: 'NAME'", and perhaps " version N". "… is not found" is not among them: it is what
    /// a misspelt name gets, and any client could fill the table of models that are not ready with those.
    private static var endings: [StaticString] { [" is not at ready state", " has no available versions"] }

    /// - Parameters:
    ///   - status: of the response head.
    ///   - body: `{"error":"…"}`, whole, at most `maxBody` bytes; empty where it was longer.
    ///   - model: the name that the request had.
    /// - Returns: `nil` for an error of another kind.
    package init?(status: Int, body: UnsafeRawBufferPointer, model: some Collection<UInt8>) {
        guard status == 400 || status == 404 || status == 503 else { return nil }
        self.init(isUnavailable: status == 503, text: Self.text(in: body), model)
    }

    /// - Parameters:
    ///   - grpcStatus: of the trailers, or of a head that is all there is.
    ///   - message: `grpc-message` with its percent-encoding undone.
    ///   - model: the name that the request had.
    package init?(grpcStatus: Int, message: UnsafeRawBufferPointer, model: some Collection<UInt8>) {
        // INVALID_ARGUMENT, NOT_FOUND, UNAVAILABLE
        guard grpcStatus == 3 || grpcStatus == 5 || grpcStatus == 14 else { return nil }
        self.init(isUnavailable: grpcStatus == 14, text: message, model)
    }

    /// Whether an error says that the endpoint does not know the model at all, "… is not found": what a misspelt name gets,
    /// and a model that has been taken away since it was last listed.
    ///
    /// - Parameters: as for `init`.
    package static func saysUnknown(status: Int, body: UnsafeRawBufferPointer, model: some Collection<UInt8>) -> Bool {
        (status == 400 || status == 404) && names(withoutID(text(in: body)), model, [" is not found"])
    }

    package static func saysUnknown(
        grpcStatus: Int, message: UnsafeRawBufferPointer, model: some Collection<UInt8>
    ) -> Bool {
        (grpcStatus == 3 || grpcStatus == 5) && names(withoutID(message), model, [" is not found"])
    }

    private init?(isUnavailable: Bool, text: UnsafeRawBufferPointer, _ model: some Collection<UInt8>) {
        if Self.isNotReady(Self.withoutID(text), model) {
            self = .notReady
        } else if isUnavailable {
            self = .busy
        } else {
            return nil
        }
    }

    /// Behind "[request id: …] ", which ends at the first bracket with a space: an id with one in it cannot pass for more.
    private static func withoutID(_ text: UnsafeRawBufferPointer) -> Slice<UnsafeRawBufferPointer> {
        var rest = text[...]
        guard take("[request id: ", from: &rest) else { return text[...] }
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "]"), rest.first == UInt8(ascii: " ") { return rest.dropFirst() }
        }
        return text[...]
    }

    private static func isNotReady(_ text: Slice<UnsafeRawBufferPointer>, _ model: some Collection<UInt8>) -> Bool {
        for whole in wholeTexts {
            var rest = text
            if take(whole, from: &rest), rest.isEmpty { return true }
        }
        return names(text, model, endings)
    }

    /// Whether it is about the model, with one of the endings.
    private static func names(
        _ text: Slice<UnsafeRawBufferPointer>, _ model: some Collection<UInt8>, _ endings: [StaticString]
    ) -> Bool {
        var rest = text
        guard take("Request for unknown model: '", from: &rest), rest.starts(with: model) else { return false }
        rest = rest.dropFirst(model.count)
        guard take("'", from: &rest) else { return false }
        if take(" version ", from: &rest) { rest = rest.drop { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } }
        return endings.contains { ending in
            var rest = rest
            return take(ending, from: &rest) && rest.isEmpty
        }
    }

    private static func take(_ beginning: StaticString, from text: inout Slice<UnsafeRawBufferPointer>) -> Bool {
        let bytes = UnsafeBufferPointer(start: beginning.utf8Start, count: beginning.utf8CodeUnitCount)
        guard text.starts(with: bytes) else { return false }
        text = text.dropFirst(bytes.count)
        return true
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
