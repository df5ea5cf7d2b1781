import Base
import Configuration

/// A path that is compared as it is written, or without regard to the case of ASCII letters. (Escapes that stand for letters
/// are decoded before.)
struct PlainPath: Sendable {
    private let expected: [UInt8]
    private let extent: PathIndex.Extent
    private let ignoresCase: Bool

    /// - Returns: `nil` for a match by regular expression, or without a path.
    init?(_ match: Match.PathMatch?, ignoresCase: Bool) {
        let path: String
        switch match {
        case .exact(let whole): (path, extent) = (whole, .whole)
        // "/v2/" and "/v2" name the same elements.
        case .prefix(let prefix):
            (path, extent) = (prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix, .elements)
        case .startsWith(let start): (path, extent) = (start, .start)
        case .regex, nil: return nil
        }
        expected = Array((ignoresCase ? path.lowercased() : path).utf8)
        self.ignoresCase = ignoresCase
    }

    func accepts(_ path: UnsafeRawBufferPointer) -> Bool {
        guard path.count >= expected.count else { return false }
        for index in 0..<expected.count {
            let byte = ignoresCase ? lowercased(path[index]) : path[index]
            if byte != expected[index] { return false }
        }
        return extent.covers(path, to: expected.count)
    }
}
