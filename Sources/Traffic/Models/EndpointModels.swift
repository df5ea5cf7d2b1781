package import Base

/// What the control plane knows of the models at one endpoint: made there from the endpoint's own answers, and sent to each
/// loop when it changes.
package struct EndpointModels: Sendable {
    /// Tells endpoints apart (`EndpointHealth.identity`).
    package var endpoint: ModelOutages.Endpoint
    /// When the list of models was last read; `nil` where it is not known, and then every model may be there.
    package var listedAt: Instant?
    /// When the numbers were last read; `nil` where there are none.
    package var measuredAt: Instant?
    package var models: [Model]

    package init(endpoint: ModelOutages.Endpoint, listedAt: Instant?, measuredAt: Instant?, models: [Model]) {
        self.endpoint = endpoint
        self.listedAt = listedAt
        self.measuredAt = measuredAt
        self.models = models
    }

    package enum State: UInt8, Sendable { case ready, loading, unavailable }

    package struct Model: Sendable {
        package var name: String
        /// As the server calls it, such as `1`.
        package var version: String
        package var state: State
        /// `nil` where it was not measured.
        package var service: Service?

        package init(name: String, version: String, state: State, service: Service? = nil) {
            self.name = name
            self.version = version
            self.state = state
            self.service = service
        }
    }

    /// How a model is served there.
    package struct Service: Sendable, Equatable {
        /// In the server and not executing, when it was measured.
        package var pending: Int
        /// Requests under way at once, waiting ones left out: the mean over the recent past while there were any, and so a
        /// lower bound of what it can do at once. Above 0.
        package var concurrency: Double
        /// Mean time of one request in the model itself, in microseconds; 0 where none has run.
        package var computeMicroseconds: Double
        /// Requests it served in the recent past, so that few can be told from many.
        package var samples: UInt64

        package init(pending: Int, concurrency: Double, computeMicroseconds: Double, samples: UInt64) {
            self.pending = pending
            self.concurrency = concurrency
            self.computeMicroseconds = computeMicroseconds
            self.samples = samples
        }
    }
}
