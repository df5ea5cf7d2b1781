package import Base
package import Models

/// What some endpoints say of their models, added up. Everything is divided once, at the end: so an idle model or endpoint
/// makes no mean smaller.
package struct ScaleNumbers: Sendable, Equatable {
    /// Endpoints whose numbers are in it.
    package private(set) var endpoints = 0
    /// Some endpoint has said something of the model that was asked for.
    package private(set) var knowsModel = false
    /// When the oldest of the numbers were read; `nil` where there are none.
    package private(set) var readAt: Instant?
    /// The longest time they are about.
    package private(set) var window = Nanoseconds(0)

    // As floating-point numbers, which whatever a server says cannot make overflow.
    private var queueMicroseconds = 0.0
    private var computeMicroseconds = 0.0
    private var successes = 0.0
    private var rate = 0.0
    private var pendingInServers = 0.0
    /// Requests in the gateway; a part of one where several endpoints share them.
    private var waiting = 0.0
    private var gpuSum = 0.0
    private var gpus = 0

    package init() {}

    /// - Parameters:
    ///   - model: what is counted; `nil` means all models.
    ///   - gpu: what is known of the utilisation of its processors from elsewhere.
    package mutating func add(_ reading: EndpointReading, model: ModelChoice?, gpu: Double?) {
        endpoints += 1
        readAt = min(readAt ?? reading.readAt, reading.readAt)
        window = max(window, reading.window)
        let seconds = Double(reading.window.count) / 1e9
        for entry in reading.models where model.map(entry.isOf) ?? true {
            knowsModel = true
            queueMicroseconds += Double(entry.recent.queueMicroseconds)
            computeMicroseconds += Double(entry.recent.computeMicroseconds)
            successes += Double(entry.recent.successes)
            if seconds > 0 { rate += Double(entry.recent.successes) / seconds }
            pendingInServers += Double(max(0, entry.pending ?? 0))
        }
        if let gpu {
            addGPU(gpu)
        } else if !reading.gpus.isEmpty {
            addGPU(reading.gpus.reduce(0) { $0 + $1.utilization } / Double(reading.gpus.count))
        }
    }

    private mutating func addGPU(_ utilization: Double) {
        gpuSum += utilization
        gpus += 1
    }

    /// Requests that wait in the gateway.
    package mutating func addWaiting(_ requests: Double) { waiting += requests }

    /// `nil` where it is not known.
    package func value(of metric: ScaleMetric) -> Double? {
        switch metric {
        case .queueTime:
            if successes > 0 { return queueMicroseconds / successes }
            guard endpoints > 0 else { return nil }
            // Requests wait and none has got through: they wait for what takes longer than the time that is looked at.
            return pendingInServers > 0 ? Double(window.count) / 1000 : 0
        case .pending:
            return endpoints > 0 || waiting > 0 ? pendingInServers + waiting : nil
        case .rate: return endpoints > 0 ? rate : nil
        case .queueToCompute:
            guard endpoints > 0 else { return nil }
            if computeMicroseconds > 0 { return queueMicroseconds / computeMicroseconds }
            return queueMicroseconds == 0 ? 0 : nil
        case .gpuUtilization: return gpus > 0 ? gpuSum / Double(gpus) : nil
        }
    }
}

extension ModelReading {
    fileprivate func isOf(_ choice: ModelChoice) -> Bool {
        name == choice.name && (choice.version.map { $0 == version } ?? true)
    }
}
