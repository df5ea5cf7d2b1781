/// The two text formats a scraper may ask for.
package enum ExpositionFormat: Sendable, CaseIterable {
    /// The Prometheus text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
    case prometheusText
    /// OpenMetrics 1.0.0: https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
    case openMetrics

    /// The value of `Content-Type`.
    package var contentType: String {
        switch self {
        case .prometheusText: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// Chooses by the value of `Accept` (RFC 9110 section 12.5.1; several fields joined by commas).
    ///
    /// OpenMetrics is for those who name it, in version 1.0.0 or in none, and do not prefer the plain text. Everyone else,
    /// and a request that accepts neither, gets the plain text, which a person can read in a browser.
    package static func negotiate(accept: String?) -> ExpositionFormat {
        guard let accept else { return .prometheusText }
        var openMetrics = 0
        // An exact range counts before `text/*`, and that before `*/*`, wherever they stand.
        var text: (specificity: Int, quality: Int) = (-1, 0)
        for element in split(Substring(accept).utf8, at: UInt8(ascii: ",")) {
            let range = MediaRange(element)
            let specificity =
                switch range.type {
                case "application/openmetrics-text": 3
                case "text/plain": 2
                case "text/*": 1
                case "*/*": 0
                default: -1
                }
            if specificity == 3 {
                if range.version == nil || range.version == "1.0.0" { openMetrics = max(openMetrics, range.quality) }
            } else if specificity > text.specificity {
                text = (specificity, range.quality)
            } else if specificity == text.specificity, specificity >= 0 {
                text.quality = max(text.quality, range.quality)
            }
        }
        return openMetrics > 0 && openMetrics >= text.quality ? .openMetrics : .prometheusText
    }
}

/// One element of an `Accept` field. A quality that cannot be read is 0.
private struct MediaRange {
    /// Lower case, without parameters.
    var type = ""
    var version: String?
    /// Thousandths, 0...1000.
    var quality = 1000

    init(_ element: Substring.UTF8View) {
        for (position, part) in split(element, at: UInt8(ascii: ";")).enumerated() {
            let part = trimmed(part)
            if position == 0 {
                type = Substring(part).lowercased()
                continue
            }
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = Substring(trimmed(part[..<equals])).lowercased()
            let value = trimmed(part[part.index(after: equals)...])
            switch name {
            case "q": quality = thousandths(value) ?? 0
            case "version": version = Substring(value).filter { $0 != "\"" }
            default: break
            }
        }
    }
}

/// `0`, `1`, or either followed by a point and up to three digits.
private func thousandths(_ text: Substring.UTF8View) -> Int? {
    var rest = text
    guard let whole = rest.popFirst(), whole == UInt8(ascii: "0") || whole == UInt8(ascii: "1") else { return nil }
    var value = Int(whole - UInt8(ascii: "0")) * 1000
    guard let point = rest.popFirst() else { return value }
    guard point == UInt8(ascii: "."), rest.count <= 3 else { return nil }
    var unit = 100
    for digit in rest {
        guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
        value += Int(digit - UInt8(ascii: "0")) * unit
        unit /= 10
    }
    return value <= 1000 ? value : nil
}

/// Cuts at a separator that stands outside quotes.
private func split(_ text: Substring.UTF8View, at separator: UInt8) -> [Substring.UTF8View] {
    var quoted = false
    return text.split(omittingEmptySubsequences: true) { byte in
        if byte == UInt8(ascii: "\"") { quoted.toggle() }
        return byte == separator && !quoted
    }
}

private func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
    var text = text
    while let first = text.first, first == 0x20 || first == 0x09 { text.removeFirst() }
    while let last = text.last, last == 0x20 || last == 0x09 { text.removeLast() }
    return text
}
