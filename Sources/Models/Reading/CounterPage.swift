/// What one model server has counted, as one of its answers gives it: from its metrics, or from its statistics.
package struct CounterPage: Sendable, Equatable {
    /// In the order of name and version; each pair once.
    package var models: [Model] = []
    package var gpus: [GPUReading] = []
    /// Samples that cannot be true, such as counters below zero.
    package var refusedSamples = 0
    /// Models beyond the limit.
    package var leftOut = 0

    package init() {}

    package struct Model: Sendable, Equatable {
        package var name: String
        package var version: String
        package var counts = ModelCounts()
        /// `nil` where the server does not say.
        package var pending: Int?

        package init(name: String, version: String) {
            self.name = name
            self.version = version
        }
    }
}

/// Why what a model server answers is of no use: a sentence without its subject, such as `answered with an HTML page`.
package struct UnreadableAnswer: Error, Equatable {
    package var reason: String

    package init(_ reason: String) { self.reason = reason }
}

/// What is taken of an answer, whatever it says. Names become labels of metrics.
package enum CounterLimits {
    /// Models of one endpoint, versions counted apart, with their numbers or in its list: more than a repository has that
    /// anybody keeps an eye on.
    package static let models = 2000
    /// Bytes of a name: a model is a directory, whose name has no more.
    package static let nameBytes = 255
    /// Bytes of a version: a number of 64 bits, and room for those who use words.
    package static let versionBytes = 64
    /// One machine has no more.
    package static let gpus = 64
    package static let gpuBytes = 128
    /// Bytes of one line of metrics: the longest names with every byte escaped, several times over.
    package static let lineBytes = 8192
    /// Bytes of an answer: Triton writes about one and a half kilobytes for each model.
    package static let pageBytes = 8 << 20
    /// Above any real count, and with room to add. Microseconds since the Unix epoch are 2^51.
    static let count: Double = 0x1p62
    /// Requests that wait: more than there are sockets.
    static let pending: Double = 1_000_000_000
}

/// A model's name as servers and labels can have it.
enum ModelText {
    /// `nil` for what no model is called: no UTF-8, too long, or with control characters.
    static func name(_ bytes: some Collection<UInt8>) -> String? { text(bytes, 1...CounterLimits.nameBytes) }

    /// Empty where there are no versions.
    static func version(_ bytes: some Collection<UInt8>) -> String? { text(bytes, 0...CounterLimits.versionBytes) }

    static func text(_ bytes: some Collection<UInt8>, _ length: ClosedRange<Int>) -> String? {
        guard length.contains(bytes.count), !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
