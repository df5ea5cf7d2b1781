/// Gathers an answer from the lines and bytes that libcurl hands over, within limits. Pure.
struct ResponseReader {
    private(set) var response = ControlClient.Response()
    /// What came beyond a limit, as the end of a sentence; `nil` within the limits.
    private(set) var excess: String?
    /// The head has begun.
    private(set) var hasBegun = false

    private let bodyLimit: Int
    private var isInHead = false
    private var headBytes = 0

    init(bodyLimit: Int) { self.bodyLimit = bodyLimit }

    /// One line of a head or of the trailers, with its line end. Interim answers (1xx) have heads of their own, which the
    /// next one replaces.
    ///
    /// - Returns: false where that is more than the limit.
    mutating func takeLine(_ line: UnsafeRawBufferPointer) -> Bool {
        headBytes += line.count
        guard headBytes <= ControlClient.Request.headLimit else {
            excess = "more than \(ControlClient.Request.headLimit) bytes of headers"
            return false
        }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            hasBegun = true
            isInHead = true
            response.headers = []
            return true
        }
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            // The empty line; after it come trailers.
            if line.first == 0x0D || line.first == 0x0A { isInHead = false }
            return true
        }
        let field = (name: text[..<colon].lowercased(), value: trimmed(text[colon...].dropFirst()))
        if isInHead { response.headers.append(field) } else { response.trailers.append(field) }
        return true
    }

    /// - Returns: false where that is more than the limit.
    mutating func takeBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard response.body.count + bytes.count <= bodyLimit else {
            excess = bodyTooLarge
            return false
        }
        response.body.append(contentsOf: bytes)
        return true
    }

    /// Pieces of a stream came faster than somebody took them.
    mutating func refuseBacklog() { excess = "more than \(bodyLimit) bytes that nobody has taken yet" }

    var bodyTooLarge: String { "a body of more than \(bodyLimit) bytes" }

    /// Without optional whitespace and line end (RFC 9110 section 5.6.3).
    private func trimmed(_ text: Substring) -> String {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
        let start = text.utf8.drop(while: isBlank)
        guard let last = start.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(Substring(start[...last]))
    }
}
