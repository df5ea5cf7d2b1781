import Configuration

/// Reads single values by their field. Each returns `nil` both for a field that is absent and, after a report, for a bad value:
/// the configuration as a whole is refused then.
extension Fields {
    /// Text without control characters; empty text is none, as in protobuf.
    func text(_ key: String) -> String? {
        guard let entry = entry(key) else { return nil }
        if entry.value.text?.isEmpty == true { return nil }
        return Section.text(entry.value, "'\(key)'", report)
    }

    /// A whole number, in quotes or not.
    func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let value = entry(key)?.value else { return nil }
        let digits = value.text ?? ""
        guard let number = Int(digits), !digits.hasPrefix("+"), range.contains(number) else {
            let wanted = "'\(key)' must be a whole number from \(range.lowerBound) to \(range.upperBound)"
            report.error(value.position, wanted + instead(value))
            return nil
        }
        return number
    }

    /// A number with or without a fraction.
    func number(_ key: String, in range: ClosedRange<Double>) -> Double? {
        guard let value = entry(key)?.value else { return nil }
        let text = value.text ?? ""
        // `Double` itself would also take `nan` and `0x1p3`.
        let isDecimal = text.utf8.allSatisfy { $0 == UInt8(ascii: ".") || ($0 >= 0x30 && $0 <= 0x39) }
        guard isDecimal, let number = Double(text), range.contains(number) else {
            let bounds = "\(Self.shown(range.lowerBound)) to \(Self.shown(range.upperBound))"
            report.error(value.position, "'\(key)' must be a number from \(bounds)" + instead(value))
            return nil
        }
        return number
    }

    func flag(_ key: String) -> Bool? {
        guard let value = entry(key)?.value else { return nil }
        switch value.text {
        case "true": return true
        case "false": return false
        default:
            report.error(value.position, "'\(key)' must be true or false" + instead(value))
            return nil
        }
    }

    /// A duration as Go writes it: `300s`, `1.5s`, `1h30m`.
    func duration(_ key: String, in range: ClosedRange<Duration>) -> Duration? {
        guard let value = entry(key)?.value,
            let text = Section.scalar(value, "'\(key)'", "a duration such as 30s", report)
        else { return nil }
        do throws(InvalidValue) {
            let duration = try Self.duration(text)
            guard range.contains(duration) else {
                let bounds = "\(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound))"
                report.error(value.position, "'\(key)' must be from \(bounds), not \(Wording.quoted(text))")
                return nil
            }
            return duration
        } catch {
            report.error(value.position, "'\(key)': \(Wording.quoted(text)) \(error.message)")
            return nil
        }
    }

    /// One of a few words.
    func choice<Value>(_ key: String, _ values: [(word: String, value: Value)]) -> Value? {
        guard let value = entry(key)?.value else { return nil }
        if let match = values.first(where: { $0.word == value.text }) { return match.value }
        let words = Wording.list(values.map(\.word).filter { !$0.isEmpty })
        report.error(value.position, "'\(key)' must be \(words)" + instead(value))
        return nil
    }

    /// The items of a list.
    func items(_ key: String) -> [YAMLNode] {
        guard let value = entry(key)?.value else { return [] }
        guard case .sequence(let items) = value.content else {
            report.error(value.position, "'\(key)' must be a list, not \(value.kind)")
            return []
        }
        return items
    }

    /// The texts of a list, each with its place.
    func texts(_ key: String) -> [(text: String, position: Position)] {
        items(key).compactMap { item in
            Section.text(item, "an item of '\(key)'", report).map { ($0, item.position) }
        }
    }

    /// The entries of a mapping with free keys.
    func pairs(_ key: String) -> [YAMLNode.Entry] {
        guard let value = entry(key)?.value else { return [] }
        guard case .mapping(let pairs) = value.content else {
            report.error(value.position, "'\(key)' must be a mapping, not \(value.kind)")
            return []
        }
        return pairs
    }

    /// The mapping under a field.
    func fields(_ key: String, _ schema: FieldSchema) -> Fields? {
        entry(key).flatMap { Fields($0.value, schema, title: "'\(key)'", report) }
    }

    /// The mappings of a list.
    func list(_ key: String, _ schema: FieldSchema) -> [Fields] {
        items(key).compactMap { Fields($0, schema, title: "an item of '\(key)'", report) }
    }

    private func instead(_ node: YAMLNode) -> String {
        node.text.map { ", not \(Wording.quoted($0))" } ?? ", not \(node.kind)"
    }

    private static func shown(_ number: Double) -> String {
        Int(exactly: number).map(String.init) ?? "\(number)"
    }

    /// A sum of numbers with units, as Go's `time.ParseDuration` takes it and the Gateway API's GEP-2257 narrows it.
    static func duration(_ text: String) throws(InvalidValue) -> Duration {
        var rest = Array(text.utf8)[...]
        var sum: Duration = .zero
        guard !rest.isEmpty else { throw InvalidValue("is no duration, write it such as 30s") }
        while !rest.isEmpty {
            let number = rest.prefix { $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) }
            let unit = rest.dropFirst(number.count).prefix { (0x61...0x7a).contains($0) }
            guard !number.isEmpty, !unit.isEmpty else {
                throw InvalidValue("is no duration, write it such as 30s, 250ms or 1h30m")
            }
            let part = String(decoding: number + unit, as: UTF8.self)
            sum += try DurationText.parse(part)
            rest = rest.dropFirst(number.count + unit.count)
            guard sum <= Self.longestDuration else { throw InvalidValue("is too long") }
        }
        return sum
    }

    /// A century; sums stay far from overflow.
    private static let longestDuration: Duration = .seconds(100 * 365 * 24 * 3600)
}
