import Configuration

/// The annotations of one Ingress that are meant for ingress-nginx, read by name without their prefix. What is wrong with one
/// is reported at its place, and each reader returns `nil` for what is absent or wrong.
struct IngressAnnotations {
    static let prefix = "nginx.ingress.kubernetes.io/"
    /// A value that is echoed nowhere and bounded here: Kubernetes allows 256 KiB for all annotations together.
    private static let longestValue = 64 << 10

    let report: Report
    private let entries: [String: YAMLNode.Entry]

    /// - Parameter annotations: all annotations of the manifest; those of others are passed over.
    init(_ annotations: [YAMLNode.Entry], _ report: Report) {
        self.report = report
        var entries: [String: YAMLNode.Entry] = [:]
        for entry in annotations where entry.key.hasPrefix(Self.prefix) {
            entries[String(entry.key.dropFirst(Self.prefix.count))] = entry
        }
        self.entries = entries
    }

    /// Names without the prefix, in the order of their bytes.
    var names: [String] { entries.keys.sorted() }

    func has(_ name: String) -> Bool { entries[name] != nil }

    /// What is written under a name.
    func node(_ name: String) -> YAMLNode? { entries[name]?.value }

    /// Where it is written; `nil` if it is not.
    func position(of name: String) -> Position? { entries[name]?.position }

    func error(_ name: String, _ message: String) { entries[name].map { report.error($0.position, message) } }

    func warning(_ name: String, _ message: String) { entries[name].map { report.warning($0.position, message) } }

    func note(_ name: String, _ message: String) { entries[name].map { report.note($0.position, message) } }

    /// Text that is not empty, without blanks at either end.
    func text(_ name: String) -> String? {
        guard let entry = entries[name] else { return nil }
        guard let text = entry.value.text, !entry.value.isNull else {
            report.error(entry.position, "'\(name)' must be text, not \(entry.value.kind), write it in quotes")
            return nil
        }
        guard text.utf8.count <= Self.longestValue else {
            report.error(entry.position, "'\(name)' is longer than \(Self.longestValue >> 10) KiB, shorten it")
            return nil
        }
        let trimmed = AnnotationText.trimmed(text[...])
        guard !trimmed.isEmpty else {
            report.error(entry.position, "'\(name)' is empty, write a value or leave it out")
            return nil
        }
        return trimmed
    }

    func flag(_ name: String) -> Bool? {
        guard let text = text(name) else { return nil }
        guard let flag = AnnotationText.flag(text) else {
            error(name, "'\(name)' must be \"true\" or \"false\", not \(Wording.quoted(text))")
            return nil
        }
        return flag
    }

    func number(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let text = text(name) else { return nil }
        guard let number = AnnotationText.number(text), range.contains(number) else {
            error(
                name,
                "'\(name)' must be a whole number from \(range.lowerBound) to \(range.upperBound), "
                    + "not \(Wording.quoted(text))")
            return nil
        }
        return number
    }

    /// Whole seconds without a unit, at least one; what is longer than any timeout here is cut, with a note.
    func seconds(_ name: String) -> Duration? {
        guard let text = text(name) else { return nil }
        guard let seconds = AnnotationText.number(text), seconds > 0 else {
            let meant = (try? DurationText.parse(text)).map { max($0, .seconds(1)).components.seconds } ?? 60
            error(
                name, "'\(name)' must be whole seconds without a unit, not \(Wording.quoted(text)), write \"\(meant)\"")
            return nil
        }
        let longest = Bounds.timeout.upperBound
        guard seconds <= Int(longest.components.seconds) else {
            note(name, "'\(name)' is longer than any timeout here, so it is \(DurationText.format(longest))")
            return longest
        }
        return .seconds(seconds)
    }

    /// Bytes as nginx writes them; 0 is left to the caller.
    func size(_ name: String) -> Int64? {
        guard let text = text(name) else { return nil }
        guard let size = AnnotationText.size(text), size <= Bounds.bodySize.upperBound else {
            error(name, "'\(name)' must be a size such as \"50m\", not \(Wording.quoted(text))")
            return nil
        }
        return size
    }

    /// At least one item between commas.
    func list(_ name: String) -> [String]? {
        guard let text = text(name) else { return nil }
        let items = AnnotationText.list(text)
        guard !items.isEmpty else {
            error(name, "'\(name)' has no items, write them with commas between or leave it out")
            return nil
        }
        return items
    }

    /// Networks and addresses between commas.
    func networks(_ name: String) -> [CIDR]? {
        guard let items = list(name) else { return nil }
        var networks: [CIDR] = []
        for item in items {
            guard let read = AnnotationText.network(item) else {
                error(
                    name,
                    "'\(name)': \(Wording.quoted(item)) is no network, write an address and a prefix length such as "
                        + "10.0.0.0/8")
                continue
            }
            if read.hadHostBits {
                warning(
                    name, "'\(name)': \(Wording.quoted(item)) has bits behind its prefix, which count for nothing")
            }
            if !networks.contains(read.network) { networks.append(read.network) }
        }
        return networks.isEmpty ? nil : networks
    }

    /// One of a few words, whatever their case.
    func choice<Value>(_ name: String, _ values: [(word: String, value: Value)]) -> Value? {
        guard let text = text(name) else { return nil }
        if let match = values.first(where: { $0.word.lowercased() == text.lowercased() }) { return match.value }
        error(name, "'\(name)' must be \(Wording.list(values.map(\.word))), not \(Wording.quoted(text))")
        return nil
    }
}
