import Base

/// Finds the `sequence_id` of an inference request in its body as it passes, so that all requests of a sequence can be sent
/// to the server that holds its state (Triton's sequence extension).
///
/// It is looked for in the first `window` bytes. An id that is not there, that Triton would not take, or that is 0 or
/// empty, which both mean "no sequence", is absent. An id that is there twice is refused: servers differ in which one they
/// take. Anything else that is wrong with a body is left to the server, which says so better. How the body is cut into
/// pieces makes no difference. Bodies with a content coding are not to be given here.
package final class SequenceReader {
    /// What a gateway holds back of a request before it has to choose an endpoint.
    package static let window = 64 * 1024
    /// Longer ids are absent. Triton allows 128 bytes for those that are strings.
    package static let maxIDBytes = 256

    package enum Format: Sendable {
        /// A JSON body of the v2 protocol.
        ///
        /// - Parameter headerBytes: how long the JSON is that stands in front of binary tensors
        ///   (`Inference-Header-Content-Length`); `nil` if the body is JSON alone.
        case json(headerBytes: Int?)
        /// A gRPC body with `ModelInferRequest` messages, of which the first decides. Compressed ones are not read.
        case grpc
    }

    package enum Answer: Equatable, Sendable {
        /// The beginning of the body does not tell yet.
        case undecided
        /// `id` is known. Go on feeding what is at hand: a second id is refused.
        case found
        /// The request belongs to no sequence that could be seen.
        case absent
        /// More than one id: 400 `bad_request`, or INVALID_ARGUMENT.
        case refused
    }

    package private(set) var answer = Answer.undecided

    private var format = Format.grpc
    private var json = SequenceJSON()
    private var message = SequenceMessage()
    private var found = ByteBuffer()
    private var windowLeft = 0
    private var isWhole = false

    package init() {}

    /// Whether the request is certainly no part of a sequence: all of its parameters were read, and none was an id. `absent`
    /// alone also stands for an id too far behind, or in what cannot be read.
    package var isSequenceFree: Bool { isWhole && !hasKey }

    /// The id, if it was found: a string's characters in UTF-8, or a number's decimal digits, so that it is the same
    /// whichever protocol a request comes in. 1...`maxIDBytes` bytes. Valid until the next `begin`.
    package var id: UnsafeRawBufferPointer { found.bytes }

    /// Forgets the previous request.
    package func begin(_ format: Format) {
        self.format = format
        json = SequenceJSON()
        message = SequenceMessage()
        found.removeAll()
        answer = .undecided
        isWhole = false
        windowLeft = Self.window
        if case .json(let length?) = format { windowLeft = min(Self.window, max(length, 0)) }
        if windowLeft == 0 { answer = .absent }
    }

    /// Takes the next bytes of the body. `absent` and `refused` are final; `found` may only turn to `refused`.
    package func feed(_ bytes: UnsafeRawBufferPointer) -> Answer {
        guard windowLeft > 0, answer == .undecided || answer == .found else { return answer }
        let inside = UnsafeRawBufferPointer(rebasing: bytes[..<min(windowLeft, bytes.count)])
        windowLeft &-= inside.count
        let step: SequenceStep
        switch format {
        case .json: step = json.read(inside, into: &found)
        case .grpc: step = message.read(inside, into: &found)
        }
        switch step {
        case .needMore: answer = hasID ? .found : .undecided
        case .ended, .complete: answer = hasID ? .found : .absent
        case .repeated: answer = .refused
        }
        isWhole = step == .complete
        if step != .needMore { windowLeft = 0 }
        if windowLeft == 0 && answer == .undecided { answer = .absent }
        return answer
    }

    /// The body is complete.
    package func end() -> Answer {
        if answer == .undecided { answer = .absent }
        windowLeft = 0
        return answer
    }

    /// Something is named as an id, even if it is none.
    private var hasKey: Bool {
        switch format {
        case .json: json.hasKey
        case .grpc: message.hasKey
        }
    }

    private var hasID: Bool {
        switch format {
        case .json: json.hasID
        case .grpc: message.hasID
        }
    }
}

/// How far one of the formats has come.
enum SequenceStep {
    case needMore
    /// The object or the message is complete: nothing behind this could be an id.
    case complete
    /// It cannot be read any further.
    case ended
    case repeated
}

/// Bytes of an id on their way into a buffer, which is cut down to what servers see of it.
struct SequenceText {
    private(set) var isValid = true
    private var isCut = false

    mutating func append(_ byte: UInt8, to id: inout ByteBuffer) {
        // Triton hands ids on as C strings, which end with the first NUL.
        if byte == 0 { isCut = true }
        guard !isCut && isValid else { return }
        if id.count == SequenceReader.maxIDBytes {
            isValid = false
            id.removeAll()
        } else {
            id.append(byte: byte)
        }
    }
}
