/// What the gateway is and how it stands: the answer of `GET /api/v1/status`.
///
/// The types of this module are the JSON of the operator's API, read by the dashboard, the command line and scripts. A field
/// that does not apply is absent. Times are RFC 3339 in UTC, durations are seconds, rates are per second. Nothing here holds a
/// password, a hash or a key.
package struct Status: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable { case serving, draining, stopping }

    package var version: String
    package var processID: Int32
    package var startedAt: String
    package var state: State
    /// `admin.readOnly`: what changes the gateway is refused.
    package var readOnly: Bool
    package var configuration: ConfigurationState
    package var loops: Int
    package var memory: Memory
    package var listeners: [Listener]
    /// In file order, which is the order of matching.
    package var routes: [Route]
    package var backends: [Backend]

    package init(
        version: String, processID: Int32, startedAt: String, state: State, readOnly: Bool,
        configuration: ConfigurationState, loops: Int, memory: Memory, listeners: [Listener], routes: [Route],
        backends: [Backend]
    ) {
        self.version = version
        self.processID = processID
        self.startedAt = startedAt
        self.state = state
        self.readOnly = readOnly
        self.configuration = configuration
        self.loops = loops
        self.memory = memory
        self.listeners = listeners
        self.routes = routes
        self.backends = backends
    }

    package struct ConfigurationState: Codable, Sendable, Equatable {
        package var path: String
        /// Names the configuration that runs; the `ETag` of the weights.
        package var hash: String
        package var lastReload: Reload?
        /// The last reload that was rejected, also after a later one went well.
        package var lastRejected: Reload?

        package init(path: String, hash: String, lastReload: Reload?, lastRejected: Reload?) {
            self.path = path
            self.hash = hash
            self.lastReload = lastReload
            self.lastRejected = lastRejected
        }
    }

    package struct Reload: Codable, Sendable, Equatable {
        /// applied, unchanged or rejected
        package var outcome: String
        package var time: String
        package var message: String
        /// Every problem found, as `file:line:column: severity: message`.
        package var diagnostics: [String]

        package init(outcome: String, time: String, message: String, diagnostics: [String]) {
            self.outcome = outcome
            self.time = time
            self.message = message
            self.diagnostics = diagnostics
        }
    }

    package struct Memory: Codable, Sendable, Equatable {
        package enum State: String, Codable, Sendable {
            case normal
            /// Mirrors are dropped.
            case tight
            /// New requests are refused.
            case overloaded
        }

        package var bytes: Int
        /// Absent where there is none.
        package var limitBytes: Int?
        package var state: State

        package init(bytes: Int, limitBytes: Int?, state: State) {
            self.bytes = bytes
            self.limitBytes = limitBytes
            self.state = state
        }
    }
}

extension Status {
    package struct Listener: Codable, Sendable, Equatable {
        package var name: String
        package var address: String
        package var tls: Bool
        package var connections: Int

        package init(name: String, address: String, tls: Bool, connections: Int) {
            self.name = name
            self.address = address
            self.tls = tls
            self.connections = connections
        }
    }

    package struct Route: Codable, Sendable, Equatable {
        package enum Action: String, Codable, Sendable { case forward, redirect, respond }

        package struct Entry: Codable, Sendable, Equatable {
            /// Its name in weights, metrics and logs.
            package var `as`: String
            package var backend: String
            package var weight: Int
            /// What the entry puts in place of the model and version that were asked for.
            package var model: String?
            package var version: String?

            package init(as label: String, backend: String, weight: Int, model: String? = nil, version: String? = nil) {
                self.as = label
                self.backend = backend
                self.weight = weight
                self.model = model
                self.version = version
            }
        }

        package struct Mirror: Codable, Sendable, Equatable {
            package var backend: String
            package var percent: Double

            package init(backend: String, percent: Double) {
                self.backend = backend
                self.percent = percent
            }
        }

        package var name: String
        package var action: Action
        /// Empty where every host is meant.
        package var hosts: [String]
        /// Each alternative as one line, such as `POST /v2/models/*, x-tenant exact gold`; empty where everything is meant.
        package var matches: [String]
        package var backends: [Entry]
        package var mirrors: [Mirror]
        /// The keys of the policies it has, such as `basicAuth` and `rateLimit`, in the order they are applied.
        package var policies: [String]

        package init(
            name: String, action: Action, hosts: [String], matches: [String], backends: [Entry], mirrors: [Mirror],
            policies: [String]
        ) {
            self.name = name
            self.action = action
            self.hosts = hosts
            self.matches = matches
            self.backends = backends
            self.mirrors = mirrors
            self.policies = policies
        }
    }

    package struct Backend: Codable, Sendable, Equatable {
        package var name: String
        /// What runs there, such as `triton`.
        package var server: String
        package var balance: String
        package var inFlight: Int
        package var queued: Int
        package var endpoints: [Endpoint]
        /// With `balance: leastQueue`, the model that is asked for most at present: the endpoints' `expectedMilliseconds` are
        /// about it. Absent where nothing is known.
        package var expectedModel: String?
        /// Of a backend that is started on demand; `nil` for all others.
        package var activation: Activation?

        package init(
            name: String, server: String, balance: String, inFlight: Int, queued: Int, endpoints: [Endpoint]
        ) {
            self.name = name
            self.server = server
            self.balance = balance
            self.inFlight = inFlight
            self.queued = queued
            self.endpoints = endpoints
        }
    }

    package struct Activation: Codable, Sendable, Equatable {
        package enum State: String, Codable, Sendable { case asleep, starting, running, stopping, failed }

        package var state: State
        /// When that began.
        package var since: String
        /// Of what was started by `activate.exec` and runs.
        package var processID: Int32?
        /// Times it was started again since the gateway runs.
        package var restarts: Int
        /// How it ended last, and why.
        package var lastExit: String?
        /// Requests that wait for it.
        package var held: Int

        package init(state: State, since: String, processID: Int32?, restarts: Int, lastExit: String?, held: Int) {
            self.state = state
            self.since = since
            self.processID = processID
            self.restarts = restarts
            self.lastExit = lastExit
            self.held = held
        }
    }

    package struct Endpoint: Codable, Sendable, Equatable {
        package enum State: String, Codable, Sendable { case up, unhealthy, ejected, probing, draining }

        package var address: String
        /// The name of the pod it is; absent where it is none.
        package var pod: String?
        package var weight: Int
        package var inFlight: Int
        package var connections: Int
        package var state: State
        /// Why it is, or last was, not up: a word.
        package var reason: String?
        /// What its health check said.
        package var detail: String?
        /// Of the last change of `state`.
        package var changed: String?
        package var consecutiveErrors: Int
        package var ejections: UInt64
        /// Mean time a request waited in its models' queues, over the last 30 seconds; absent without requests, and where the
        /// server does not say.
        package var queueMilliseconds: Double?
        /// Requests in the server that do not execute yet; absent where it does not say.
        package var pending: Int?
        /// Until one more request for the backend's `expectedModel` would be done: what `balance: leastQueue` goes by. Absent
        /// where there are no numbers, and the number of requests decides.
        package var expectedMilliseconds: Double?
        /// True where it was not measured there, and is taken to be like the others.
        package var expectedLikeOthers: Bool?

        package init(address: String, weight: Int, state: State) {
            self.address = address
            self.weight = weight
            self.state = state
            inFlight = 0
            connections = 0
            consecutiveErrors = 0
            ejections = 0
        }
    }
}
