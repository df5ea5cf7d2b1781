/// Sizes as the configuration writes them: whole bytes, or a whole number of `KiB`, `MiB`, `GiB` or `TiB` (powers of 1024).
package enum SizeText {
    private static let units: [(suffix: String, bytes: Int64)] = [
        ("", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ]
    /// What people write when they mean the units above; saying so beats guessing between 1000 and 1024.
    private static let mistaken: [String: String] = [
        "k": "KiB", "K": "KiB", "kb": "KiB", "kB": "KiB", "KB": "KiB", "Ki": "KiB", "kib": "KiB",
        "m": "MiB", "M": "MiB", "mb": "MiB", "MB": "MiB", "Mi": "MiB", "mib": "MiB",
        "g": "GiB", "G": "GiB", "gb": "GiB", "GB": "GiB", "Gi": "GiB", "gib": "GiB",
        "t": "TiB", "T": "TiB", "tb": "TiB", "TB": "TiB", "Ti": "TiB", "tib": "TiB",
    ]

    /// Reads a size in bytes, zero or more.
    ///
    /// - Throws: `InvalidValue` for a sign, a fraction, an unknown unit, and for what does not fit 63 bits.
    package static func parse(_ text: String) throws(InvalidValue) -> Int64 {
        let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let suffix = String(text.utf8.dropFirst(digits.count)) ?? ""
        guard let number = String(digits), !number.isEmpty else {
            throw InvalidValue("is not a size, write bytes or a number with KiB, MiB or GiB, such as 64KiB")
        }
        guard let unit = units.first(where: { $0.suffix == suffix }) else {
            if let meant = mistaken[suffix] { throw InvalidValue("is not a size, write \(number)\(meant)") }
            throw InvalidValue("is not a size, write a whole number of bytes, KiB, MiB or GiB, such as 64KiB")
        }
        guard let value = Int64(number) else { throw InvalidValue("is too big, the biggest size is below 8388608TiB") }
        let (bytes, overflow) = value.multipliedReportingOverflow(by: unit.bytes)
        guard !overflow else { throw InvalidValue("is too big, the biggest size is below 8388608TiB") }
        return bytes
    }

    /// The shortest text that `parse` reads back as the same size.
    package static func format(_ bytes: Int64) -> String {
        guard bytes != 0 else { return "0" }
        let unit = units.last { bytes % $0.bytes == 0 }
        return unit.map { $0.bytes == 1 ? "\(bytes)" : "\(bytes / $0.bytes)\($0.suffix)" } ?? "\(bytes)"
    }
}
