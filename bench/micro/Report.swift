/// Measurements as text.
enum Report {
    private static let nameWidth = 36
    private static let numberWidth = 12

    static var header: String {
        padded("ns per operation", nameWidth, isNumber: false) + padded("best", numberWidth, isNumber: true)
            + padded("median", numberWidth, isNumber: true)
    }

    static func row(_ measurement: Measurement) -> String {
        padded(measurement.name, nameWidth, isNumber: false)
            + padded(oneDecimal(measurement.best), numberWidth, isNumber: true)
            + padded(oneDecimal(measurement.median), numberWidth, isNumber: true)
    }

    /// Names hold nothing that JSON escapes.
    static func json(_ measurement: Measurement) -> String {
        "{\"name\":\"\(measurement.name)\",\"bestNanoseconds\":\(oneDecimal(measurement.best)),"
            + "\"medianNanoseconds\":\(oneDecimal(measurement.median)),\"batches\":\(measurement.batches.count),"
            + "\"operationsPerBatch\":\(measurement.operations)}"
    }

    private static func oneDecimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func padded(_ text: String, _ width: Int, isNumber: Bool) -> String {
        let blanks = String(repeating: " ", count: max(0, width - text.utf8.count))
        return isNumber ? blanks + text : text + blanks
    }
}
