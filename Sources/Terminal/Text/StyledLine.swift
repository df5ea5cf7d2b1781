/// What a piece of text means; colours are made of it where there are some.
package enum Style: Sendable, Equatable {
    case plain, strong, faint, good, warning, bad

    /// Select Graphic Rendition (ECMA-48 section 8.3.117): colours that are legible on light and on dark.
    fileprivate var code: String {
        switch self {
        case .plain: ""
        case .strong: "\u{1B}[1m"
        case .faint: "\u{1B}[2m"
        case .good: "\u{1B}[32m"
        case .warning: "\u{1B}[33m"
        case .bad: "\u{1B}[31m"
        }
    }
}

/// One line of a screen. What is appended goes through `Shown`, so a line never holds a control character.
package struct StyledLine: Sendable, Equatable {
    struct Span: Sendable, Equatable {
        var text: String
        var style: Style
    }

    private(set) var spans: [Span] = []
    /// In columns.
    package private(set) var width = 0

    package init() {}

    package init(_ text: String, _ style: Style = .plain) { append(text, style) }

    package var isEmpty: Bool { width == 0 }

    package mutating func append(_ text: String, _ style: Style = .plain) {
        let text = Shown.text(text)
        guard !text.isEmpty else { return }
        width += DisplayWidth.of(text)
        if let last = spans.last, last.style == style {
            spans[spans.count - 1].text += text
        } else {
            spans.append(Span(text: text, style: style))
        }
    }

    package mutating func append(_ line: StyledLine) {
        for span in line.spans { append(span.text, span.style) }
    }

    package mutating func pad(to columns: Int) {
        if columns > width { append(String(repeating: " ", count: columns - width)) }
    }

    /// At most `columns` wide; what is longer ends in `…`.
    package func cut(to columns: Int) -> StyledLine {
        guard width > columns else { return self }
        var result = StyledLine()
        guard columns > 0 else { return result }
        for span in spans {
            var text = ""
            var taken = result.width
            for scalar in span.text.unicodeScalars {
                let next = DisplayWidth.of(scalar)
                guard taken + next <= columns - 1 else {
                    result.append(text + "…", span.style)
                    return result
                }
                taken += next
                text.unicodeScalars.append(scalar)
            }
            result.append(text, span.style)
        }
        return result
    }

    /// Without blanks at its end.
    package func text(coloured: Bool) -> String {
        var result = ""
        for (index, span) in spans.enumerated() {
            var text = span.text
            if index == spans.count - 1 { while text.last == " " { text.removeLast() } }
            guard !text.isEmpty else { continue }
            result += coloured && span.style != .plain ? span.style.code + text + "\u{1B}[0m" : text
        }
        return result
    }
}
