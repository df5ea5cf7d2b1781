/// How a model does, as its server counts: over the last 30 seconds, in `pending` now. What is not known is absent, and so are
/// times where no request succeeded.
package protocol ModelFigures {
    /// Requests that succeeded, a second.
    var requestsPerSecond: Double? { get set }
    var failuresPerSecond: Double? { get set }
    /// Mean time a request waited in the model's queue.
    var queueMilliseconds: Double? { get set }
    /// Mean time a request took in the model.
    var computeMilliseconds: Double? { get set }
    /// Inferences for each run of the model.
    var batchSize: Double? { get set }
    /// Requests in the server that do not execute yet.
    var pending: Int? { get set }
}

/// The answer of `GET /api/v1/models`: what the Tritons say they have.
package struct ModelList: Codable, Sendable, Equatable {
    package struct Model: ModelFigures, Codable, Sendable, Equatable {
        package var name: String
        package var version: String
        package var backend: String
        package var endpoints: [Endpoint]
        /// Where clients find it; empty where no route leads to it.
        package var urls: [URL]
        // Of all its endpoints together.
        package var requestsPerSecond: Double?
        package var failuresPerSecond: Double?
        package var queueMilliseconds: Double?
        package var computeMilliseconds: Double?
        package var batchSize: Double?
        package var pending: Int?

        package init(name: String, version: String, backend: String, endpoints: [Endpoint], urls: [URL]) {
            self.name = name
            self.version = version
            self.backend = backend
            self.endpoints = endpoints
            self.urls = urls
        }
    }

    package struct Endpoint: ModelFigures, Codable, Sendable, Equatable {
        package var address: String
        /// As Triton names it: READY, UNAVAILABLE, LOADING, UNLOADING, UNKNOWN.
        package var state: String
        package var reason: String?
        package var requestsPerSecond: Double?
        package var failuresPerSecond: Double?
        package var queueMilliseconds: Double?
        package var computeMilliseconds: Double?
        package var batchSize: Double?
        package var pending: Int?
        /// Until one more request for it would be done there, at this moment; only with `balance: leastQueue`, which goes by it.
        /// Absent where there are no numbers, and the number of requests decides.
        package var expectedMilliseconds: Double?
        /// True where it was not measured there, and is taken to be like the others.
        package var expectedLikeOthers: Bool?

        package init(address: String, state: String, reason: String?) {
            self.address = address
            self.state = state
            self.reason = reason
        }
    }

    package struct URL: Codable, Sendable, Equatable {
        package var route: String
        /// The entry of the route; its share of the requests may be less than all.
        package var `as`: String
        /// Such as `http://127.0.0.1:8080/v2/models/densenet/infer`.
        package var url: String
        /// A `Host` header it needs, where the route is for certain hosts.
        package var host: String?

        package init(route: String, as label: String, url: String, host: String?) {
            self.route = route
            self.as = label
            self.url = url
            self.host = host
        }
    }

    package struct Unreachable: Codable, Sendable, Equatable {
        package var backend: String
        package var endpoint: String
        package var reason: String

        package init(backend: String, endpoint: String, reason: String) {
            self.backend = backend
            self.endpoint = endpoint
            self.reason = reason
        }
    }

    package var time: String
    package var models: [Model]
    /// Endpoints that were asked and did not say.
    package var unreachable: [Unreachable]

    package init(time: String, models: [Model], unreachable: [Unreachable]) {
        self.time = time
        self.models = models
        self.unreachable = unreachable
    }
}
