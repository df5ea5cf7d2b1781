import Base

/// One operation that requests need, to be repeated on data of the usual size.
struct Benchmark: Sendable {
    let name: String
    /// Makes the data, and returns what repeats the operation as often as it is told.
    let prepare: @Sendable () -> (Int) -> Void

    init(_ name: String, _ prepare: @escaping @Sendable () -> (Int) -> Void) {
        self.name = name
        self.prepare = prepare
    }
}

/// What repeating an operation came to.
struct Measurement {
    let name: String
    /// In one batch.
    let operations: Int
    /// Nanoseconds per operation of each batch, in ascending order.
    let batches: [Double]

    /// The batch least disturbed by what else the machine did.
    var best: Double { batches[0] }
    var median: Double { batches[batches.count / 2] }
}

extension Benchmark {
    /// Odd, so that one of them is the median.
    private static let batchCount = 15
    /// Long beside the clock's resolution, short beside a scheduler's time slices.
    private static let batchTime = Nanoseconds.milliseconds(10)

    func measure() -> Measurement {
        let run = prepare()
        var operations = 1
        // Warms caches and branch predictors up as well.
        while Self.time(operations, run) < Self.batchTime { operations *= 2 }
        let batches = (0..<Self.batchCount).map { _ in Double(Self.time(operations, run).count) / Double(operations) }
        return Measurement(name: name, operations: operations, batches: batches.sorted())
    }

    private static func time(_ operations: Int, _ run: (Int) -> Void) -> Nanoseconds {
        let start = Instant.now()
        run(operations)
        return Instant.now().since(start)
    }
}
