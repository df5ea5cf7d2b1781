/// How much a backend, or one of its models, has to do: the answer of `GET /api/v1/scale`, flat so that a scaler finds each
/// number by its name. A number that is not known is absent, and a scaler that looks for it fails rather than scales down.
package struct ScaleReport: Codable, Sendable, Equatable {
    package var backend: String
    /// What was asked about; absent means all of them.
    package var model: String?
    package var version: String?
    /// When the oldest of the numbers were read.
    package var time: String
    /// The mean time in the models' queues, over the last 30 s.
    package var queueMicroseconds: Double?
    /// Requests that wait, in the model servers and in the gateway.
    package var pendingRequests: Double?
    package var requestsPerSecond: Double?
    /// Time in queues over time in models.
    package var queueToComputeRatio: Double?
    /// 0...1
    package var gpuUtilization: Double?
    package var endpoints: Int
    /// Those that requests are sent to.
    package var readyEndpoints: Int
    /// Those whose numbers are in here.
    package var freshEndpoints: Int
    /// Requests in the gateway that wait for a place at an endpoint.
    package var queued: Int
    /// Requests in the gateway that wait for an endpoint to start, or a model to be loaded.
    package var held: Int
    /// Whether some endpoint has said something of the model; absent where none was asked about.
    package var modelKnown: Bool?

    package init(
        backend: String, model: String?, version: String?, time: String, queueMicroseconds: Double?,
        pendingRequests: Double?, requestsPerSecond: Double?, queueToComputeRatio: Double?, gpuUtilization: Double?,
        endpoints: Int, readyEndpoints: Int, freshEndpoints: Int, queued: Int, held: Int, modelKnown: Bool?
    ) {
        self.backend = backend
        self.model = model
        self.version = version
        self.time = time
        self.queueMicroseconds = queueMicroseconds
        self.pendingRequests = pendingRequests
        self.requestsPerSecond = requestsPerSecond
        self.queueToComputeRatio = queueToComputeRatio
        self.gpuUtilization = gpuUtilization
        self.endpoints = endpoints
        self.readyEndpoints = readyEndpoints
        self.freshEndpoints = freshEndpoints
        self.queued = queued
        self.held = held
        self.modelKnown = modelKnown
    }
}
