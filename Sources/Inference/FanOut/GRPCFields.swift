/// The fields of one small message, as they are written.
enum GRPCFields {
    /// One framed message with all the top-level fields of these, each once; `nil` where one is not a single uncompressed
    /// message, or cannot be read.
    static func union(_ bodies: [[UInt8]]) -> [UInt8]? {
        var seen: Set<ArraySlice<UInt8>> = []
        var message: [UInt8] = []
        for body in bodies {
            guard let fields = fields(of: body) else { return nil }
            for field in fields where seen.insert(field).inserted { message += field }
        }
        guard let length = UInt32(exactly: message.count) else { return nil }
        return [0] + withUnsafeBytes(of: length.bigEndian) { Array($0) } + message
    }

    /// Whether two bodies are messages of the same fields. Those of a map come in any order, in each answer another one.
    static func areSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count, let left = fields(of: left), let right = fields(of: right) else {
            return false
        }
        var counts: [ArraySlice<UInt8>: Int] = [:]
        for field in left { counts[field, default: 0] += 1 }
        for field in right { counts[field, default: 0] -= 1 }
        return counts.values.allSatisfy { $0 == 0 }
    }

    private static func fields(of body: [UInt8]) -> [ArraySlice<UInt8>]? {
        let prefix = GRPCMessageScanner.prefixBytes
        guard body.count >= prefix, body[0] == 0 else { return nil }
        let length = body[1..<prefix].reduce(0) { $0 << 8 | Int($1) }
        return length == body.count - prefix ? fields(body[prefix...]) : nil
    }

    private static func fields(_ message: ArraySlice<UInt8>) -> [ArraySlice<UInt8>]? {
        var found: [ArraySlice<UInt8>] = []
        var offset = message.startIndex
        func varint() -> UInt64? {
            var value: UInt64 = 0
            for shift in stride(from: 0 as UInt64, to: 70, by: 7) {
                guard offset < message.endIndex else { return nil }
                let byte = message[offset]
                offset += 1
                value |= UInt64(byte & 0x7F) &<< shift
                if byte < 0x80 { return value }
            }
            return nil
        }
        while offset < message.endIndex {
            let start = offset
            guard let tag = varint(), tag >> 3 > 0 else { return nil }
            var length: UInt64 = 0
            switch tag & 7 {
            case 0: guard varint() != nil else { return nil }
            case 1: length = 8
            case 2:
                guard let count = varint() else { return nil }
                length = count
            case 5: length = 4
            default: return nil
            }
            guard length <= UInt64(message.endIndex - offset) else { return nil }
            offset += Int(length)
            found.append(message[start..<offset])
        }
        return found
    }
}
