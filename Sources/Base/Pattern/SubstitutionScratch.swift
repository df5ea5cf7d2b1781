import Glibc

extension Substitution {
    /// What a substitution notes down while it works. One for each loop; between two calls it holds 64 KiB at most.
    package struct Scratch: ~Copyable {
        /// Most memory for the pairs tried, in bytes, which is the most work as well: two million pairs, some 10 ms.
        static let visitedLimit = 256 * 1024
        /// Kept for the next call. Above what paths of ordinary length need.
        private static let keptLimit = 32 * 1024

        /// A row of bits for each place in the text, a bit for each instruction.
        private var visited = ByteBuffer()
        /// What is still to be tried, the last one first.
        private var tasks = ByteBuffer()
        private var width = 0

        package init() {}

        /// Room for the places 0...`rows`, nothing tried; false if that is too much.
        mutating func begin(rows: Int, width: Int) -> Bool {
            guard rows < Self.visitedLimit / 8 / width else { return false }
            let bytes = (rows &+ 1) &* width &* 8
            self.width = width
            visited.removeAll()
            tasks.removeAll()
            memset(visited.reserve(bytes), 0, bytes)
            visited.advance(bytes)
            return true
        }

        mutating func end() {
            visited.removeAll(keepingAtMost: Self.keptLimit)
            tasks.removeAll(keepingAtMost: Self.keptLimit)
        }

        /// Notes a pair down, and returns whether it is a new one. Both are within what was asked for in `begin`.
        mutating func visit(_ step: Int, _ place: Int) -> Bool {
            guard let base = UnsafeMutableRawPointer(mutating: visited.bytes.baseAddress) else { return false }
            let word = base.assumingMemoryBound(to: UInt64.self) + (place &* width &+ step >> 6)
            let bit = 1 &<< UInt64(truncatingIfNeeded: step & 63)
            if word.pointee & bit != 0 { return false }
            word.pointee |= bit
            return true
        }

        /// Forgets the pairs of a place, and what was still to be tried.
        mutating func forget(_ place: Int) {
            tasks.removeAll()
            guard let base = UnsafeMutableRawPointer(mutating: visited.bytes.baseAddress) else { return }
            memset(base + place &* width &* 8, 0, width &* 8)
        }

        /// An instruction to go on at, or a group's end to set back.
        struct Task {
            let bits: UInt64

            static func go(step: Int, place: Int) -> Task {
                Task(bits: UInt64(truncatingIfNeeded: step) << 33 | UInt64(truncatingIfNeeded: place))
            }

            static func restore(slot: Int, place: UInt32) -> Task {
                Task(bits: UInt64(truncatingIfNeeded: slot) << 33 | 1 << 32 | UInt64(place))
            }

            var isRestoring: Bool { bits >> 32 & 1 == 1 }
            /// Of the instruction, or of the slot.
            var number: Int { Int(truncatingIfNeeded: bits >> 33) }
            var place: UInt32 { UInt32(truncatingIfNeeded: bits) }
        }

        mutating func push(_ task: Task) {
            tasks.reserve(8).storeBytes(of: task.bits, as: UInt64.self)
            tasks.advance(8)
        }

        mutating func pop() -> Task? {
            let rest = tasks.count &- 8
            guard rest >= 0 else { return nil }
            let bits = tasks.bytes.loadUnaligned(fromByteOffset: rest, as: UInt64.self)
            tasks.truncate(to: rest)
            return Task(bits: bits)
        }
    }
}
