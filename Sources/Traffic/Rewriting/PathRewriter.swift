package import Base
package import Configuration
import HTTP

/// What endpoints see instead of a request's path, or what its client is sent to.
package struct PathRewriter: Sendable {
    private enum Rule: Sendable {
        case full([UInt8])
        case prefix([UInt8])
        case regex(Substitution)
    }

    private let rule: Rule

    /// Bytes of a path that a regular expression has made: as many as a header may have by default.
    private static let maxBytes = 64 * 1024

    /// - Returns: `nil` for an expression and a replacement that do not fit together, which no configuration holds.
    package init?(_ rewrite: Route.PathRewrite) {
        switch rewrite {
        case .full(let path): rule = .full(Array(path.utf8))
        case .prefix(let prefix): rule = .prefix(Array(prefix.utf8))
        case .regex(let pattern, let replacement):
            guard let substitution = try? Substitution(pattern: pattern, replacement: replacement) else { return nil }
            rule = .regex(substitution)
        }
    }

    /// - Parameters:
    ///   - path: in its one reading.
    ///   - matched: what the route compared it with; `nil` where that was nothing, which counts as the prefix `/`.
    ///   - result: gets the new path.
    /// - Returns: false if what came out has no one reading, or is too long.
    package func rewrite(
        _ path: UnsafeRawBufferPointer, matched: Match.PathMatch?, into result: inout ByteBuffer,
        scratch: inout Substitution.Scratch
    ) -> Bool {
        result.removeAll()
        switch rule {
        case .full(let whole): result.append(whole)
        case .prefix(let prefix): Self.replacePrefix(of: path, matched, by: prefix, into: &result)
        case .regex(let substitution):
            guard substitution.apply(to: path, into: &result, limit: Self.maxBytes, scratch: &scratch) else {
                return false
            }
            if result.bytes.first != UInt8(ascii: "/") {
                var rooted = ByteBuffer()
                rooted.append("/")
                rooted.append(result.bytes)
                swap(&result, &rooted)
            }
        }
        guard isPath(result.bytes) else { return false }
        // Two harmless halves may join to a dot segment. The path came in its one reading, in which nothing that could be
        // decoded is left, but the halves of an escape may meet as well: then the reading is what goes out.
        var decoded = ByteBuffer()
        switch PathNormalizer.normalize(result.bytes, into: &decoded) {
        case .asReceived: return true
        case .decoded:
            swap(&result, &decoded)
            return true
        case .refused: return false
        }
    }

    /// Nothing that would end the path, or the line it goes into. A whole path may bring a query along for a redirect.
    private func isPath(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var mayHaveQuery = false
        if case .full = rule { mayHaveQuery = true }
        return bytes.allSatisfy {
            $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "#") && ($0 != UInt8(ascii: "?") || mayHaveQuery)
        }
    }

    private static func replacePrefix(
        of path: UnsafeRawBufferPointer, _ matched: Match.PathMatch?, by prefix: [UInt8], into result: inout ByteBuffer
    ) {
        result.append(prefix)
        switch matched {
        case .exact: break
        case .startsWith(let start):
            // As Istio has it: text for text.
            result.append(UnsafeRawBufferPointer(rebasing: path.dropFirst(start.utf8.count)))
        case .prefix(let start): join(path.dropFirst(trimmed(start)), to: &result)
        case .regex, nil: join(path[...], to: &result)
        }
        if result.isEmpty { result.append("/") }
    }

    /// Bytes of a prefix without the slash at its end.
    private static func trimmed(_ prefix: String) -> Int { prefix.utf8.count - (prefix.hasSuffix("/") ? 1 : 0) }

    /// Whole elements: one slash between what is new and what is left, and none added where nothing is left.
    private static func join(_ rest: Slice<UnsafeRawBufferPointer>, to result: inout ByteBuffer) {
        guard let first = rest.first else { return }
        if first == UInt8(ascii: "/"), result.bytes.last == UInt8(ascii: "/") { result.truncate(to: result.count - 1) }
        result.append(UnsafeRawBufferPointer(rebasing: rest))
    }
}
