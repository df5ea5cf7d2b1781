import Base
import Configuration

/// What a value has to be.
enum ValueTest: Sendable {
    case exact([UInt8])
    case prefix([UInt8])
    case pattern(Pattern)
    case present(Bool)

    init(_ match: Match.ValueMatch) {
        switch match {
        case .exact(let text): self = .exact(Array(text.utf8))
        case .prefix(let text): self = .prefix(Array(text.utf8))
        case .regex(let pattern): self = .pattern(pattern)
        case .present(let isPresent): self = .present(isPresent)
        }
    }

    /// - Parameter found: `nil` where there is none.
    func accepts(_ found: UnsafeRawBufferPointer?) -> Bool {
        guard let found else {
            if case .present(false) = self { return true }
            return false
        }
        switch self {
        case .exact(let expected): return equals(found, expected)
        case .prefix(let expected): return hasPrefix(found, expected)
        case .pattern(let pattern): return pattern.matchesWhole(found)
        case .present(let expected): return expected
        }
    }

    /// The same for a value in whatever case, where the test is written in lower case.
    func acceptsLowercased(_ found: UnsafeRawBufferPointer) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: found.count, alignment: 1) { folded in
            for index in 0..<found.count { folded[index] = lowercased(found[index]) }
            return accepts(UnsafeRawBufferPointer(folded))
        }
    }
}
