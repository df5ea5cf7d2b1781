/// The body of `PUT /api/v1/routes/{route}/weights`: names of entries and their weights, such as
/// `{"stable": 90, "canary": 10}`.
package enum WeightsCall {
    package static func weights(_ body: [UInt8]) throws(FlatJSON.Failure) -> [String: Int] {
        let object = try FlatJSON.object(body)
        guard !object.isEmpty else {
            throw FlatJSON.Failure(message: "there are no weights, write such as {\"stable\": 90, \"canary\": 10}")
        }
        var weights: [String: Int] = [:]
        for (name, value) in object {
            guard case .integer(let weight) = value else {
                throw FlatJSON.Failure(message: "a weight must be a whole number, write it without quotes")
            }
            weights[name] = weight
        }
        return weights
    }
}
