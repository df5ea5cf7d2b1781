/// Reads a model server's metrics as they come, in pieces of any size, and keeps the samples that matter.
///
///     var reader = MetricsPageReader()
///     while let piece = next() { try reader.read(piece) }
///     let page = try reader.finish()
///
/// Its memory is bounded, whatever comes: by the number of models, and by the length of one line.
package struct MetricsPageReader: Sendable {
    private var rows: [ModelVersion: Int] = [:]
    private var order: [ModelRow] = []
    private var gpus: [GPUReading] = []
    private var refused = 0
    /// Of each kind of sample, those of models beyond the limit. Each model has one, but for its failures.
    private var leftOut = [Int](repeating: 0, count: SampleName.allCases.count)
    private var bytes = 0
    /// The beginning of a line whose end has not come yet.
    private var partial: [UInt8] = []
    /// The rest of a line that is too long is passed over.
    private var isSkipping = false
    /// The format is known by its lines, the server by what it calls its metrics.
    private var hasLines = false
    private var isKnownServer = false
    private var malformed = 0

    package init() {}

    /// Takes the next piece.
    ///
    /// - Throws: where it is clear that nothing good can come any more.
    package mutating func read(_ piece: [UInt8]) throws(UnreadableAnswer) {
        if bytes == 0 { try checkBeginning(piece) }
        bytes += piece.count
        guard bytes <= CounterLimits.pageBytes else {
            throw UnreadableAnswer("answered with more than \(CounterLimits.pageBytes >> 20) MiB of metrics")
        }
        piece.withUnsafeBytes { take($0) }
    }

    /// The page has ended.
    package mutating func finish() throws(UnreadableAnswer) -> CounterPage {
        if !partial.isEmpty, !isSkipping {
            let line = partial
            line.withUnsafeBytes { takeLine($0) }
        }
        guard bytes > 0 else { throw UnreadableAnswer("answered with an empty page") }
        guard hasLines else { throw UnreadableAnswer("answered with something else than metrics") }
        guard isKnownServer else {
            throw UnreadableAnswer("has metrics, but none of a model server: it is another server's port")
        }
        var page = CounterPage()
        page.models = order.map(\.model).sorted { $0.id < $1.id }
        page.gpus = gpus
        page.refusedSamples = refused
        page.leftOut = leftOut.max() ?? 0
        return page
    }

    /// What servers answer that do not have this page.
    private func checkBeginning(_ piece: [UInt8]) throws(UnreadableAnswer) {
        switch piece.first(where: { $0 > 0x20 }) {
        case UInt8(ascii: "<"): throw UnreadableAnswer("answered with an HTML page, not with metrics")
        case UInt8(ascii: "{"), UInt8(ascii: "["): throw UnreadableAnswer("answered with JSON, not with metrics")
        default: break
        }
    }

    // MARK: Lines

    private mutating func take(_ piece: UnsafeRawBufferPointer) {
        var start = 0
        while let end = piece[start...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = UnsafeRawBufferPointer(rebasing: piece[start..<end])
            if isSkipping {
                isSkipping = false
            } else if partial.isEmpty {
                if line.count <= CounterLimits.lineBytes { takeLine(line) } else { malformed += 1 }
            } else {
                keep(line)
                let whole = partial
                if !isSkipping { whole.withUnsafeBytes { takeLine($0) } }
                isSkipping = false
            }
            partial.removeAll(keepingCapacity: true)
            start = end + 1
        }
        if start < piece.count, !isSkipping { keep(UnsafeRawBufferPointer(rebasing: piece[start...])) }
    }

    private mutating func keep(_ part: UnsafeRawBufferPointer) {
        guard partial.count + part.count <= CounterLimits.lineBytes else {
            partial.removeAll(keepingCapacity: true)
            isSkipping = true
            malformed += 1
            return
        }
        partial.append(contentsOf: part)
    }

    private mutating func takeLine(_ line: UnsafeRawBufferPointer) {
        switch SampleLine.read(line) {
        case .malformed: malformed += 1
        case .remark(let family):
            guard let family else { return }
            note(family)
        case .other(let name): note(name)
        case .sample(let name, let labels, let text):
            note(line[...])
            guard let value = SampleValue.read(text) else {
                refused += 1
                return
            }
            if name == .gpuUtilization {
                takeGPU(labels, value)
            } else {
                takeModel(name, labels, value)
            }
        }
    }

    private mutating func note(_ family: Slice<UnsafeRawBufferPointer>) {
        hasLines = true
        if !isKnownServer, SampleName.isKnown(family) { isKnownServer = true }
    }

    // MARK: Samples

    private mutating func takeModel(_ name: SampleName, _ labels: SampleLine.Labels, _ value: Double) {
        let most = name == .pending ? CounterLimits.pending : CounterLimits.count
        guard value >= 0, value <= most, let modelBytes = labels.model, let model = ModelText.name(modelBytes),
            let version = ModelText.version(labels.version ?? [])
        else {
            refused += 1
            return
        }
        let id = ModelVersion(name: model, version: version)
        guard let row = rows[id] ?? addRow(id) else {
            if name != .failure { leftOut[Int(name.rawValue)] += 1 }
            return
        }
        order[row].set(name, UInt64(value), reason: labels.reason.map(FailureReason.init))
    }

    private mutating func addRow(_ id: ModelVersion) -> Int? {
        guard order.count < CounterLimits.models else { return nil }
        order.append(ModelRow(id))
        rows[id] = order.count - 1
        return order.count - 1
    }

    private mutating func takeGPU(_ labels: SampleLine.Labels, _ value: Double) {
        guard 0...1 ~= value, let bytes = labels.gpu, let id = ModelText.text(bytes, 1...CounterLimits.gpuBytes) else {
            refused += 1
            return
        }
        if let known = gpus.firstIndex(where: { $0.id == id }) {
            gpus[known].utilization = value
        } else if gpus.count < CounterLimits.gpus {
            gpus.append(GPUReading(id: id, utilization: value))
        }
    }
}
