/// Who the spans are of (OpenTelemetry semantic conventions, "Resource").
package struct TraceResource: Sendable, Equatable {
    package var serviceName: String
    package var serviceVersion: String
    /// Of this process and no other: a random UUID (RFC 9562 section 5.4).
    package var instance: String
    package var host: String
    package var process: Int64

    package init(serviceName: String, serviceVersion: String, instance: String, host: String, process: Int64) {
        self.serviceName = serviceName
        self.serviceVersion = serviceVersion
        self.instance = instance
        self.host = host
        self.process = process
    }

    /// A random UUID in its text.
    package static func uuid(_ high: UInt64, _ low: UInt64) -> String {
        let versioned = high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        let variant = low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        func digits(_ value: UInt64) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        let all = Array(digits(versioned) + digits(variant))
        let cuts = [0, 8, 12, 16, 20, 32]
        return zip(cuts, cuts.dropFirst()).map { String(all[$0..<$1]) }.joined(separator: "-")
    }
}
