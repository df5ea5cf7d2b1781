package import Base

/// The utilisation of pods' processors over the last minutes: what an autoscaler goes by is to be no moment's.
package struct GPUHistory: Sendable {
    /// What the mean is over.
    package static let span = Nanoseconds.seconds(300)
    /// Without a sample for so long, nothing is said: four rounds of asking.
    package static let maxAge = Nanoseconds.seconds(40)
    /// Kept at the most: more than a cluster has pods with processors.
    private static let mostPods = 5000

    private struct Sample: Sendable {
        var time: Instant
        var utilization: Double
    }

    private var samples: [ObjectKey: [Sample]] = [:]

    package init() {}

    package mutating func add(_ page: GPUPage, now: Instant) {
        for (pod, utilization) in page.pods {
            guard samples[pod] != nil || samples.count < Self.mostPods else { continue }
            samples[pod, default: []].append(Sample(time: now, utilization: utilization))
        }
        for pod in Array(samples.keys) {
            samples[pod]?.removeAll { now.since($0.time) > Self.span }
            if samples[pod]?.isEmpty == true { samples[pod] = nil }
        }
    }

    /// 0...1; `nil` where nothing has been said lately.
    package func mean(of pod: ObjectKey, now: Instant) -> Double? {
        guard let known = samples[pod], let last = known.last, now.since(last.time) <= Self.maxAge else { return nil }
        let counted = known.filter { now.since($0.time) <= Self.span }
        return counted.reduce(0) { $0 + $1.utilization } / Double(counted.count)
    }
}
