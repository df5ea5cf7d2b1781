/// The page of a DCGM exporter (github.com/NVIDIA/dcgm-exporter), as far as the utilisation of processors that pods have goes:
///
///     DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-…",…,namespace="ml",pod="triton-0"} 87
package struct GPUPage: Sendable, Equatable {
    /// 0...1, the mean over a pod's processors.
    package private(set) var pods: [ObjectKey: Double] = [:]

    private static let metric = Array("DCGM_FI_DEV_GPU_UTIL{".utf8)
    /// More than any machine has processors, slices of them included.
    private static let mostSamples = 1024
    /// What DCGM says where it cannot say: such numbers are far above any percentage.
    private static let percents = 0.0...100

    package init(_ bytes: [UInt8]) {
        var sums: [ObjectKey: (sum: Double, count: Int)] = [:]
        var samples = 0
        for line in bytes.split(separator: 0x0A) where line.starts(with: Self.metric) {
            samples += 1
            guard samples <= Self.mostSamples else { break }
            guard let (labels, value) = Self.sample(line.dropFirst(Self.metric.count)), Self.percents.contains(value),
                let namespace = labels["namespace"], let pod = labels["pod"], !namespace.isEmpty, !pod.isEmpty
            else { continue }
            let key = ObjectKey(namespace: namespace, name: pod)
            sums[key, default: (0, 0)].sum += value / 100
            sums[key]?.count += 1
        }
        pods = sums.mapValues { $0.sum / Double($0.count) }
    }

    /// - Parameter text: behind the opening brace.
    private static func sample(_ text: ArraySlice<UInt8>) -> (labels: [String: String], value: Double)? {
        var labels: [String: String] = [:]
        var rest = text
        while let first = rest.first, first != UInt8(ascii: "}") {
            guard let equals = rest.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            let name = String(decoding: rest[..<equals], as: UTF8.self)
            rest = rest[(equals + 1)...]
            guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
            var value: [UInt8] = []
            while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
                guard byte == UInt8(ascii: "\\") else {
                    value.append(byte)
                    continue
                }
                guard let escaped = rest.popFirst() else { return nil }
                value.append(escaped == UInt8(ascii: "n") ? 0x0A : escaped)
            }
            if name == "namespace" || name == "pod" { labels[name] = String(decoding: value, as: UTF8.self) }
            if rest.first == UInt8(ascii: ",") { rest.removeFirst() }
        }
        guard rest.popFirst() == UInt8(ascii: "}") else { return nil }
        // A timestamp may follow.
        let number = rest.split(separator: 0x20).first.map { String(decoding: $0, as: UTF8.self) }
        return number.flatMap { Double($0.trimmingReturn) }.map { (labels, $0) }
    }
}

extension String {
    fileprivate var trimmingReturn: Substring { last == "\r" || last == "\r\n" ? dropLast() : self[...] }
}
