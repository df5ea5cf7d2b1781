package import Base

/// Cuts what a process writes into lines, as many and as long as a log can take.
package struct OutputLines: Sendable {
    /// Bytes of a line; the rest of a longer one is left out.
    package static let lineLimit = 2000
    /// Lines in a second: a server that loads fifty models writes a few hundred at once, and one that logs each request
    /// should do so elsewhere.
    package static let linesPerSecond = 200
    /// The last ones are kept: among them is why it has ended.
    package static let kept = 60

    private var line: [UInt8] = []
    private var isCut = false
    private var second = Instant(nanoseconds: 0)
    private var written = 0
    private var leftOut = 0
    package private(set) var last: [String] = []

    package init() {}

    /// - Returns: the lines to be logged.
    package mutating func feed(_ bytes: UnsafeRawBufferPointer, now: Instant) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                end(now, &lines)
            } else if line.count < Self.lineLimit {
                line.append(byte)
            } else {
                isCut = true
            }
        }
        return lines
    }

    /// Nothing more comes.
    package mutating func finish(now: Instant) -> [String] {
        var lines: [String] = []
        if !line.isEmpty { end(now, &lines) }
        tellLeftOut(&lines)
        return lines
    }

    private mutating func end(_ now: Instant, _ lines: inout [String]) {
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        let text = Self.printable(line) + (isCut ? "…" : "")
        line.removeAll(keepingCapacity: true)
        isCut = false
        guard !text.isEmpty else { return }
        if last.count == Self.kept { last.removeFirst() }
        last.append(text)
        if now.since(second) >= .seconds(1) {
            tellLeftOut(&lines)
            (second, written) = (now, 0)
        }
        if written < Self.linesPerSecond {
            written += 1
            lines.append(text)
        } else {
            leftOut += 1
        }
    }

    private mutating func tellLeftOut(_ lines: inout [String]) {
        if leftOut > 0 { lines.append("(\(leftOut) lines left out)") }
        leftOut = 0
    }

    /// One line of text, whatever was written: what moves a cursor or colours a terminal becomes a blank.
    private static func printable(_ bytes: [UInt8]) -> String {
        var text = ""
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: text.unicodeScalars.append(" ")
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
