import Configuration

/// Reads single values by their key. Each returns `nil` both for a key that is absent and, after a report, for a bad value:
/// the default then stands in while the rest is checked, and the configuration as a whole is refused.
extension Section {
    /// Text of at least one character without control characters.
    func text(_ key: String, _ report: Report) -> String? {
        guard let entry = entry(key, report), let text = Self.text(entry.value, "'\(key)'", report) else { return nil }
        return text
    }

    /// A whole number in the range the schema gives, in quotes or not.
    func integer(_ key: String, _ report: Report) -> Int? {
        guard let entry = entry(key, report), let range = range(of: key, \.integers) else { return nil }
        let digits = entry.value.text ?? ""
        // `Int` itself would also take `+1`.
        guard let value = Int(digits), !digits.hasPrefix("+"), range.contains(value) else {
            let wanted = "'\(key)' must be a whole number from \(range.lowerBound) to \(range.upperBound)"
            report.error(entry.value.position, wanted + Self.instead(entry.value))
            return nil
        }
        return value
    }

    /// 0...100, with or without a fraction.
    func percent(_ key: String, _ report: Report) -> Double? {
        guard let entry = entry(key, report) else { return nil }
        let text = entry.value.text ?? ""
        // `Double` itself would also take `nan`, `0x1p3` and `1e2`.
        let isDecimal = text.utf8.allSatisfy { $0 == UInt8(ascii: ".") || ($0 >= 0x30 && $0 <= 0x39) }
        guard isDecimal, let value = Double(text), (0...100).contains(value) else {
            let hint = text.hasSuffix("%") ? ", write it without '%'" : Self.instead(entry.value)
            report.error(entry.value.position, "'\(key)' must be a number from 0 to 100" + hint)
            return nil
        }
        return value
    }

    /// `true` or `false`; YAML 1.1's other words for them are refused rather than guessed.
    func flag(_ key: String, _ report: Report) -> Bool? {
        guard let entry = entry(key, report) else { return nil }
        switch entry.value.text {
        case "true": return true
        case "false": return false
        default:
            report.error(entry.value.position, "'\(key)' must be true or false" + Self.instead(entry.value))
            return nil
        }
    }

    /// A duration in the range the schema gives.
    func duration(_ key: String, _ report: Report) -> Duration? {
        guard let entry = entry(key, report), let (range, orZero) = range(of: key, \.durations),
            let text = Self.scalar(entry.value, "'\(key)'", "a duration", report)
        else { return nil }
        do throws(InvalidValue) {
            let value = try DurationText.parse(text)
            guard range.contains(value) || (orZero && value == .zero) else {
                let bounds = "\(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound))"
                let zero = orZero ? "0s or " : ""
                report.error(
                    entry.value.position, "'\(key)' must be \(zero)from \(bounds), not \(Wording.quoted(text))")
                return nil
            }
            return value
        } catch {
            report.error(entry.value.position, "'\(key)': \(Wording.quoted(text)) \(error.message)")
            return nil
        }
    }

    /// A size in the range the schema gives.
    func size(_ key: String, _ report: Report) -> Int64? {
        guard let entry = entry(key, report), let range = range(of: key, \.sizes),
            let text = Self.scalar(entry.value, "'\(key)'", "a size", report)
        else { return nil }
        do throws(InvalidValue) {
            let value = try SizeText.parse(text)
            guard range.contains(value) else {
                let bounds = "\(SizeText.format(range.lowerBound)) to \(SizeText.format(range.upperBound))"
                report.error(entry.value.position, "'\(key)' must be from \(bounds), not \(Wording.quoted(text))")
                return nil
            }
            return value
        } catch {
            report.error(entry.value.position, "'\(key)': \(Wording.quoted(text)) \(error.message)")
            return nil
        }
    }

    /// What the schema says of a key's value.
    private func range<Range>(of key: String, _ part: KeyPath<ValueType, Range?>) -> Range? {
        let range = schema.type(of: key)?.alternatives.lazy.compactMap { $0[keyPath: part] }.first
        assert(range != nil, "\(key) has no such range in the schema of \(schema.name)")
        return range
    }

    /// One of a few words.
    ///
    /// - Parameter others: examples of what may be written instead of a word, for messages.
    func choice<Value>(
        _ key: String, _ values: [(word: String, value: Value)], orElse others: [String] = [], _ report: Report
    ) -> Value? {
        guard let entry = entry(key, report) else { return nil }
        let text = entry.value.text
        if let match = values.first(where: { $0.word == text }) { return match.value }
        let words = Wording.list(values.map(\.word) + others)
        report.error(entry.value.position, "'\(key)' must be \(words)" + Self.instead(entry.value))
        return nil
    }
}

/// The same for values that have no key of their own, such as the items of a list.
extension Section {
    static func text(_ node: YAMLNode, _ title: String, _ report: Report) -> String? {
        guard let text = scalar(node, title, "text", report) else { return nil }
        guard !text.isEmpty else {
            report.error(node.position, "\(title) must not be empty")
            return nil
        }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            report.error(node.position, "\(title) must not hold control characters or line breaks")
            return nil
        }
        return text
    }

    /// The text of a single value; anything else is reported.
    static func scalar(_ node: YAMLNode, _ title: String, _ wanted: String, _ report: Report) -> String? {
        guard let text = node.text, !node.isNull else {
            report.error(node.position, "\(title) must be \(wanted), not \(node.kind)")
            return nil
        }
        return text
    }

    /// The items of a list of at least one; anything else is reported.
    ///
    /// - Parameter isRequired: whether leaving the key out would be an error too, and is no advice.
    static func items(_ entry: YAMLNode.Entry, _ example: String, isRequired: Bool = false, _ report: Report)
        -> [YAMLNode]
    {
        guard case .sequence(let items) = entry.value.content else {
            report.error(
                entry.value.position,
                "'\(entry.key)' must be a list, not \(entry.value.kind), write it such as \(example)")
            return []
        }
        if items.isEmpty {
            report.error(
                entry.value.position,
                "'\(entry.key)' is empty, write it such as \(example)" + (isRequired ? "" : " or leave it out"))
        }
        return items
    }

    /// The entries of a mapping with free keys; anything else is reported.
    static func pairs(_ entry: YAMLNode.Entry, _ example: String, _ report: Report) -> [YAMLNode.Entry] {
        guard case .mapping(let pairs) = entry.value.content else {
            report.error(
                entry.value.position,
                "'\(entry.key)' must be a mapping, not \(entry.value.kind), write it such as \(example)")
            return []
        }
        return pairs
    }

    private static func instead(_ node: YAMLNode) -> String {
        node.text.map { ", not \(Wording.quoted($0))" } ?? ", not \(node.kind)"
    }
}
