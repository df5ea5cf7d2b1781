import HTTP

/// Taking the chunked coding off 64 KiB of body.
let bodyBenchmarks = [
    Benchmark("read 64 KiB: chunks of 16 KiB") { decoding(chunkBytes: 16 * 1024) },
    Benchmark("read 64 KiB: chunks of 128 bytes") { decoding(chunkBytes: 128) },
]

private func decoding(chunkBytes: Int) -> (Int) -> Void {
    let data = [UInt8](repeating: UInt8(ascii: "x"), count: chunkBytes)
    let chunk = Array("\(String(chunkBytes, radix: 16))\r\n".utf8) + data + Array("\r\n".utf8)
    // Whole chunks, so that a piece can follow a piece.
    let piece = (0..<(64 * 1024 / chunkBytes)).flatMap { _ in chunk }
    var decoder = ChunkedDecoder()
    return { count in
        piece.withUnsafeBytes { bytes in
            for _ in 0..<count {
                var offset = 0
                var found = 0
                while offset < bytes.count {
                    switch decoder.next(bytes, from: &offset) {
                    case .data(let amount):
                        offset += amount
                        found += amount
                    case .needMore: break
                    case .trailers, .failed: preconditionFailure("not a chunked body")
                    }
                }
                keep(found)
            }
        }
    }
}
