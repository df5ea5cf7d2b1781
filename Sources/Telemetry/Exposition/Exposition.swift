/// Writes one scrape: families in turn, each followed by its samples.
///
///     var exposition = Exposition(format: .openMetrics)
///     exposition.family(.requestsQueued)
///     exposition.sample([.backend: "stable"], 3)
///     let body = exposition.finish()
///
/// A family without samples leaves no trace. Samples carry no timestamps: they are true now. Within a family no two samples
/// may have the same label values; the caller sums what loops and generations of the configuration recorded first.
package struct Exposition: Sendable {
    package typealias Labels = KeyValuePairs<MetricLabel, String>

    let format: ExpositionFormat
    private var bytes: [UInt8] = []
    private var metric: MetricName?
    private var headerWritten = false
    private var written: Set<MetricName> = []
    private let bounds: [[UInt8]]

    /// - Parameter expected: bytes that the whole is likely to have.
    package init(format: ExpositionFormat, expected: Int = 0) {
        self.format = format
        bounds = Self.bounds(format)
        // A small gateway's whole scrape.
        bytes.reserveCapacity(max(expected, 32 * 1024))
    }

    /// Begins a family, once for each metric.
    package mutating func family(_ metric: MetricName) {
        assert(written.insert(metric).inserted, "the samples of \(metric.name) are not together")
        self.metric = metric
        headerWritten = false
    }

    /// One sample of the family. The labels are those of the metric, in the order of its table.
    package mutating func sample(_ labels: Labels, _ value: some BinaryInteger) {
        begin(labels)
        bytes.append(contentsOf: String(value).utf8)
        bytes.append(newline)
    }

    /// One sample of the family, for values that are not whole.
    package mutating func sample(_ labels: Labels, _ value: Double) {
        begin(labels)
        bytes.append(contentsOf: Exposition.text(of: value).utf8)
        bytes.append(newline)
    }

    /// The sample of a metric without labels.
    package mutating func sample(_ value: some BinaryInteger) { sample([:], value) }

    /// The sample of a metric without labels, for values that are not whole.
    package mutating func sample(_ value: Double) { sample([:], value) }

    /// The samples of one histogram: cumulative buckets, sum in seconds, count.
    package mutating func histogram(_ labels: Labels, _ value: borrowing DurationHistogram) {
        var below: UInt64 = 0
        // All buckets begin alike.
        writeHeader()
        let start = bytes.count
        begin(labels, suffix: "_bucket", isBucket: true)
        let beginning = Array(bytes[start...])
        for bucket in 0...DurationHistogram.boundCount {
            below &+= value.count(inBucket: bucket)
            if bucket > 0 { bytes += beginning }
            bytes += bounds[bucket]
            bytes.append(contentsOf: String(below).utf8)
            bytes.append(newline)
        }
        begin(labels, suffix: "_sum")
        bytes.append(seconds: value.sum)
        bytes.append(newline)
        begin(labels, suffix: "_count")
        bytes.append(contentsOf: String(below).utf8)
        bytes.append(newline)
    }

    /// The body of the answer, to be sent with the format's content type.
    package consuming func finish() -> [UInt8] {
        if format == .openMetrics { bytes.append(contentsOf: "# EOF\n".utf8) }
        return bytes
    }

    /// A number as both formats read it.
    static func text(of value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value.description
    }
}

private let newline = UInt8(ascii: "\n")

extension Exposition {
    /// A counter's family is named without its `_total` in OpenMetrics, and with it in the older format.
    private func familyName(_ metric: MetricName) -> Substring {
        guard format == .openMetrics, metric.kind == .counter, metric.name.hasSuffix("_total") else {
            return Substring(metric.name)
        }
        return metric.name.dropLast("_total".count)
    }

    private mutating func writeHeader() {
        guard let metric, !headerWritten else { return }
        let name = familyName(metric)
        bytes.append(contentsOf: "# HELP \(name) \(metric.help)\n# TYPE \(name) \(metric.kind.rawValue)\n".utf8)
        headerWritten = true
    }

    /// Name, labels and the space before the value.
    ///
    /// - Parameter isBucket: one of `bounds` follows, which ends the labels.
    private mutating func begin(_ labels: Labels, suffix: String = "", isBucket: Bool = false) {
        guard let metric else {
            assertionFailure("a sample needs a family")
            return
        }
        assert(labels.map(\.key) == metric.labels, "\(metric.name) has the labels \(metric.labels)")
        assert((metric.kind == .histogram) == !suffix.isEmpty, "\(metric.name) is a \(metric.kind)")
        writeHeader()
        bytes.append(contentsOf: metric.name.utf8)
        bytes.append(contentsOf: suffix.utf8)
        var separator = UInt8(ascii: "{")
        for (label, value) in labels {
            bytes.append(separator)
            bytes.append(contentsOf: label.rawValue.utf8)
            bytes.append(contentsOf: "=\"".utf8)
            bytes.append(labelValue: value)
            bytes.append(UInt8(ascii: "\""))
            separator = UInt8(ascii: ",")
        }
        if isBucket {
            bytes.append(separator)
            bytes.append(contentsOf: "le=\"".utf8)
            return
        }
        if separator == UInt8(ascii: ",") { bytes.append(UInt8(ascii: "}")) }
        bytes.append(UInt8(ascii: " "))
    }

    /// What is behind `le="` up to the value, for each bucket. OpenMetrics writes whole bounds with a point, which its section
    /// on canonical numbers asks for.
    private static func bounds(_ format: ExpositionFormat) -> [[UInt8]] {
        let finite = (0..<DurationHistogram.boundCount).map { bucket in
            var bytes: [UInt8] = []
            bytes.append(seconds: UInt128(DurationHistogram.bounds[bucket]))
            if format == .openMetrics, !bytes.contains(UInt8(ascii: ".")) { bytes.append(contentsOf: ".0".utf8) }
            return bytes
        }
        return (finite + [Array("+Inf".utf8)]).map { $0 + Array("\"} ".utf8) }
    }
}

extension [UInt8] {
    /// Nanoseconds as seconds, exactly and without trailing zeros.
    fileprivate mutating func append(seconds nanoseconds: UInt128) {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        append(contentsOf: String(seconds).utf8)
        guard rest > 0 else { return }
        var digits = Substring(String(1_000_000_000 + rest).dropFirst())
        while digits.last == "0" { digits.removeLast() }
        append(UInt8(ascii: "."))
        append(contentsOf: digits.utf8)
    }

    /// The three escapes of both formats. A `String` is valid UTF-8 already.
    fileprivate mutating func append(labelValue value: String) {
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): append(contentsOf: "\\\\".utf8)
            case UInt8(ascii: "\""): append(contentsOf: "\\\"".utf8)
            case UInt8(ascii: "\n"): append(contentsOf: "\\n".utf8)
            default: append(byte)
            }
        }
    }
}
