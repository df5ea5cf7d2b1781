import Foundation

/// How the operator's API writes JSON: keys in order, so that equal values are equal bytes.
package enum AdminJSON {
    /// For people: indented, with a line break at the end.
    package static func encode(_ value: some Encodable) -> [UInt8] {
        write(value, [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]) + [0x0A]
    }

    /// On one line, without a line break at the end.
    package static func line(_ value: some Encodable) -> [UInt8] {
        write(value, [.sortedKeys, .withoutEscapingSlashes])
    }

    private static func write(_ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        // Only a number that is none could fail; then one bad number must not take the answer with it for ever.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "infinity", negativeInfinity: "-infinity", nan: "nan")
        guard let data = try? encoder.encode(value) else { return Array("{}".utf8) }
        return Array(data)
    }
}
