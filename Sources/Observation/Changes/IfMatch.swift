/// The condition of a call that changes something: it is only meant for the state that its sender has seen (RFC 9110
/// section 13.1.1).
package enum IfMatch {
    /// Whether a field's value names the tag, by the strong comparison of section 8.8.3.2: a weak tag never matches.
    ///
    /// - Parameter tag: of the state that is, in its quotes.
    package static func allows(_ field: String, _ tag: String) -> Bool {
        field.split(separator: ",").contains { item in
            let item = item.drop { $0 == " " || $0 == "\t" }
            let end = item.lastIndex { $0 != " " && $0 != "\t" }
            let trimmed = end.map { item[...$0] } ?? ""
            return trimmed == "*" || trimmed == tag
        }
    }
}
