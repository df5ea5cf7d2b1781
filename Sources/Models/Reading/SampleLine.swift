/// One line of the Prometheus text format (prometheus.io/docs/instrumenting/exposition_formats), read in place.
struct SampleLine {
    /// What is looked for among the labels: Triton's names, and TorchServe's.
    struct Labels {
        var model: [UInt8]?
        var version: [UInt8]?
        var reason: [UInt8]?
        var gpu: [UInt8]?
    }

    enum Content {
        /// Empty, or a comment; with the family that a HELP or TYPE is about.
        case remark(family: Slice<UnsafeRawBufferPointer>?)
        /// A sample that does not matter.
        case other(name: Slice<UnsafeRawBufferPointer>)
        case sample(SampleName, Labels, value: Slice<UnsafeRawBufferPointer>)
        /// No line of this format.
        case malformed
    }

    static func read(_ line: UnsafeRawBufferPointer) -> Content {
        var line = line[...]
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        skipBlanks(&line)
        guard let first = line.first else { return .remark(family: nil) }
        if first == UInt8(ascii: "#") { return .remark(family: family(line.dropFirst())) }
        let name = line.prefix { isName($0) }
        guard !name.isEmpty, !(UInt8(ascii: "0")...UInt8(ascii: "9") ~= first) else { return .malformed }
        line = line.dropFirst(name.count)
        guard let sample = SampleName(name) else { return hasValue(line) ? .other(name: name) : .malformed }
        skipBlanks(&line)
        var labels = Labels()
        if line.first == UInt8(ascii: "{") {
            line.removeFirst()
            guard readLabels(&line, into: &labels) else { return .malformed }
            skipBlanks(&line)
        }
        let value = line.prefix { !isBlank($0) }
        // A timestamp may follow.
        guard !value.isEmpty else { return .malformed }
        return .sample(sample, labels, value: value)
    }

    /// `HELP name …` or `TYPE name …`
    private static func family(_ comment: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer>? {
        var rest = comment
        skipBlanks(&rest)
        guard rest.starts(with: "HELP".utf8) || rest.starts(with: "TYPE".utf8) else { return nil }
        rest = rest.dropFirst(4)
        skipBlanks(&rest)
        return rest.prefix { isName($0) }
    }

    /// Whether what follows a name looks like labels or a value.
    private static func hasValue(_ rest: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard let first = rest.first else { return false }
        if first == UInt8(ascii: "{") { return rest.contains(UInt8(ascii: "}")) }
        guard isBlank(first), let next = rest.first(where: { !isBlank($0) }) else { return false }
        return "+-.0123456789NI".utf8.contains(next)
    }

    private static func readLabels(_ rest: inout Slice<UnsafeRawBufferPointer>, into labels: inout Labels) -> Bool {
        while true {
            skipBlanks(&rest)
            if rest.first == UInt8(ascii: "}") {
                rest.removeFirst()
                return true
            }
            let name = rest.prefix { isName($0) }
            rest = rest.dropFirst(name.count)
            skipBlanks(&rest)
            guard !name.isEmpty, rest.popFirst() == UInt8(ascii: "=") else { return false }
            skipBlanks(&rest)
            guard rest.popFirst() == UInt8(ascii: "\""), let value = quoted(&rest) else { return false }
            switch name.count {
            case 5 where name.elementsEqual("model".utf8), 10 where name.elementsEqual("model_name".utf8):
                labels.model = value
            case 7 where name.elementsEqual("version".utf8), 13 where name.elementsEqual("model_version".utf8):
                labels.version = value
            case 6 where name.elementsEqual("reason".utf8): labels.reason = value
            case 8 where name.elementsEqual("gpu_uuid".utf8): labels.gpu = value
            default: break
            }
            skipBlanks(&rest)
            switch rest.first {
            case UInt8(ascii: ","): rest.removeFirst()
            case UInt8(ascii: "}"): break
            default: return false
            }
        }
    }

    /// Up to the closing quote, without its escapes; `nil` without one.
    private static func quoted(_ rest: inout Slice<UnsafeRawBufferPointer>) -> [UInt8]? {
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return text }
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "n"): text.append(UInt8(ascii: "\n"))
            case UInt8(ascii: "\\"): text.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "\""): text.append(UInt8(ascii: "\""))
            default: return nil
            }
        }
        return nil
    }

    private static func skipBlanks(_ rest: inout Slice<UnsafeRawBufferPointer>) { rest = rest.drop(while: isBlank) }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"):
            true
        default: false
        }
    }
}

/// Numbers as samples have them.
enum SampleValue {
    /// `nil` for what is no number; NaN and infinity are.
    static func read(_ bytes: Slice<UnsafeRawBufferPointer>) -> Double? {
        // Most are whole numbers that a Double holds exactly.
        if bytes.count <= 15, bytes.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), !bytes.isEmpty {
            return Double(bytes.reduce(UInt64(0)) { $0 * 10 + UInt64($1 &- UInt8(ascii: "0")) })
        }
        guard bytes.count <= longest, bytes.allSatisfy({ "+-.0123456789eEINafn".utf8.contains($0) }) else { return nil }
        return Double(String(decoding: bytes, as: UTF8.self))
    }

    /// Digits of the most exact number with sign and exponent, and more.
    private static let longest = 64
}
