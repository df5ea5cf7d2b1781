import HTTP

/// What a body came to, in a form that can be compared.
struct BodyReading: Equatable {
    enum End: Equatable {
        /// More has to come.
        case open
        /// Complete; this many bytes were used.
        case complete(Int)
        /// Complete but for the trailers, which start behind this many bytes.
        case trailers(Int)
        case failed(MessageError.Kind)
    }

    var data: [UInt8] = []
    var end = End.open
}

/// Reads a body whose bytes arrive cut before each of `cuts`, which ascend.
func readBody(_ framing: BodyFraming, _ bytes: [UInt8], cuts: some Sequence<Int>) -> BodyReading {
    var reader = BodyReader(framing)
    var reading = BodyReading()
    var used = 0
    for limit in Array(cuts) + [bytes.count] {
        // Bytes that end where the memory ends: reading past them shows in a sanitised run.
        let piece = Array(bytes[used..<limit])
        var offset = 0
        let isOver = piece.withUnsafeBytes { piece in
            while true {
                let step = reader.next(piece, from: &offset)
                // A step neither goes back nor past what was given.
                guard offset >= 0, offset <= piece.count else {
                    reading.end = .failed(.notImplemented)
                    return true
                }
                switch step {
                case .data(let amount):
                    guard amount > 0, offset + amount <= piece.count else {
                        reading.end = .failed(.notImplemented)
                        return true
                    }
                    reading.data += piece[offset..<(offset + amount)]
                    offset += amount
                case .needMore:
                    if offset != piece.count { reading.end = .failed(.notImplemented) }
                    return offset != piece.count
                case .end: reading.end = .complete(used + offset)
                case .trailers: reading.end = .trailers(used + offset)
                case .failed(let error): reading.end = .failed(error.kind)
                }
                if reading.end != .open { return true }
            }
        }
        used += offset
        if isOver { break }
    }
    return reading
}
