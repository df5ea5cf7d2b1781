import Base

/// Bytes of a text in which every character stands for one byte, so that tables can show bytes above 0x7F.
func raw(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

/// What a buffer holds, copied.
func contents(_ buffer: borrowing ByteBuffer) -> [UInt8] { Array(buffer.bytes) }

/// What a queue holds, taken out of it run by run.
func drained(_ queue: inout ByteQueue, _ pool: BlockPool) -> [UInt8] {
    var all: [UInt8] = []
    while !queue.isEmpty {
        all += Array(queue.first)
        queue.consume(queue.first.count, into: pool)
    }
    return all
}

func randomBytes(_ count: Int, _ random: inout RandomSource) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() >> 56) }
}
