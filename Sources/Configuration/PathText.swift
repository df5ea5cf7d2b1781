/// Which path text can ever equal a request's path, which is compared after the escapes of unreserved characters
/// (RFC 3986 section 2.3) are decoded and only if it has no dot segments, backslashes or encoded slashes; and which may
/// take its place.
package enum PathText {
    /// What keeps the text from ever matching and what to write instead, or `nil`.
    ///
    /// - Parameter isWhole: whether the last element is complete; a string prefix may end in the middle of one.
    package static func problem(in text: String, isWhole: Bool) -> String? {
        problem(in: text, isWhole: isWhole, isCompared: true)
    }

    /// What keeps the text from being the path of a request, or the beginning of one, and what to write instead, or `nil`.
    ///
    /// - Parameter mayHaveQuery: whether a `?` and a query may follow the path.
    package static func problem(inTarget text: String, mayHaveQuery: Bool = false) -> String? {
        guard mayHaveQuery, let mark = text.firstIndex(of: "?") else {
            return problem(in: text, isWhole: true, isCompared: false)
        }
        let query = text[mark...].utf8
        if query.contains(UInt8(ascii: "#")) || !query.allSatisfy({ (0x21...0x7e).contains($0) }) {
            return "has a '#', blank or non-ASCII character in its query, write it percent-encoded"
        }
        return problem(in: String(text[..<mark]), isWhole: true, isCompared: false)
    }

    private static func problem(in text: String, isWhole: Bool, isCompared: Bool) -> String? {
        guard text.utf8.first == UInt8(ascii: "/") else { return "must begin with '/', write '/\(text)'" }
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "?"), UInt8(ascii: "#"):
                return isCompared
                    ? "must end before the query, match parameters with 'query'"
                    : "must end before the query, which stays as the request has it"
            case UInt8(ascii: "\\"): return "has a backslash, and requests whose path has one are refused"
            case 0...0x20, 0x7f...: return "has a blank, control or non-ASCII character, write it percent-encoded"
            case UInt8(ascii: "%"):
                guard let byte = escaped(bytes, at: index) else {
                    return "has a '%' without two hexadecimal digits, write %25 for a percent sign"
                }
                if [0, UInt8(ascii: "/"), UInt8(ascii: "\\")].contains(byte) {
                    return "has an encoded slash, backslash or NUL, and requests whose path has one are refused"
                }
                if isCompared, isUnreserved(byte) {
                    return "has an escape that is decoded before matching, write "
                        + "'\(Character(Unicode.Scalar(byte)))' instead of '%\(String(byte, radix: 16, uppercase: true))'"
                }
                index += 2
            default: break
            }
            index += 1
        }
        var elements = text.split(separator: "/", omittingEmptySubsequences: false)
        if !isWhole { elements.removeLast() }
        guard !elements.contains(where: { $0 == "." || $0 == ".." }) else {
            return "has a dot segment, and requests whose path has one are refused"
        }
        return nil
    }

    private static func escaped(_ bytes: [UInt8], at percent: Int) -> UInt8? {
        guard percent + 2 < bytes.count, let high = Character(Unicode.Scalar(bytes[percent + 1])).hexDigitValue,
            let low = Character(Unicode.Scalar(bytes[percent + 2])).hexDigitValue
        else { return nil }
        return UInt8(high << 4 | low)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
