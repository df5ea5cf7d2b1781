import Base

@testable import Telemetry

/// What a writer with `room` bytes, and its slack behind them, writes, as text.
func line(room: Int = 100_000, _ body: (inout LineWriter) -> Void) -> String {
    var buffer = ByteBuffer()
    var line = LineWriter(at: buffer.reserve(room + LineWriter.slack), capacity: room + LineWriter.slack)
    body(&line)
    buffer.advance(line.count)
    return text(buffer.bytes)
}

/// SplitMix64: the same numbers for the same seed on every machine.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
