/// One rule: which requests it takes and what happens to them. The first match in file order wins.
package struct Route: Sendable, Equatable {
    package var name: String
    /// Lower-case, no port; `*.example.com` is any depth below example.com. Empty means any host.
    package var hosts: [String] = []
    /// Alternatives; the fields inside one must all hold. Empty means every request.
    package var match: [Match] = []
    package var action: Action
    /// Clients that are refused; they win over `allowFrom`.
    package var denyFrom: [CIDR] = []
    /// If not empty, everybody else is refused.
    package var allowFrom: [CIDR] = []
    package var cors: CORS?
    package var basicAuth: BasicAuth?
    package var rateLimit: RateLimit?
    /// Only where the action is to forward.
    package var rewrite: Rewrite?
    /// On the way to whichever endpoint; an entry's own come after them.
    package var requestHeaders = HeaderOperations()
    /// On every answer of the route, also those made by the gateway.
    package var responseHeaders = HeaderOperations()
    /// The whole exchange, not counting time in a queue; `nil` means none.
    package var timeout: Duration?
    /// Nothing moved in either direction; `nil` (written as 0s) means none.
    package var idleTimeout: Duration? = .seconds(300)
    /// Request body in bytes; `nil` means none.
    package var maxBodySize: Int64?
    package var priority = Priority.normal
    /// `nil` means that only what an endpoint certainly has not seen is sent again, and what is idempotent and has no body, if
    /// the endpoint closes a pooled connection under it.
    package var retries: Retries?
    package var fault: Fault?
    /// What v2 requests tell Triton about their urgency; `nil` leaves them as they are.
    package var tritonParameters: TritonParameters?
    /// A request goes to every endpoint of its backend, such as to load a model, and the answers become one.
    package var fanOut = false

    package init(name: String, action: Action) {
        self.name = name
        self.action = action
    }

    package enum Action: Sendable, Equatable {
        case forward(Forward)
        case redirect(Redirect)
        case respond(FixedResponse)
    }

    /// Splits the route's requests over backends and copies some to mirrors.
    package struct Forward: Sendable, Equatable {
        package var backends: [WeightedBackend]
        package var whenDown: WhenDown = .spill
        /// `nil` means that each request is split anew.
        package var sticky: Sticky?
        package var mirrors: [Mirror] = []

        package init(backends: [WeightedBackend]) { self.backends = backends }
    }

    /// What happens to the share of an entry that has no usable endpoint.
    package enum WhenDown: String, Sendable, CaseIterable {
        /// The other entries of the route take it, never one of weight 0.
        case spill
        /// It is answered 503 `no_endpoint`.
        case fail
    }

    package struct WeightedBackend: Sendable, Equatable {
        package var backend: String
        /// The entry's name in metrics, logs and the API (`as`); unique in the route.
        package var label: String
        /// 0...1,000,000; at least one entry of a route is above 0.
        package var weight = 1
        /// Takes the place of the model that a v2 request names, in its path or its message.
        package var model: String?
        /// Takes the place of the version, or is added where the request names none.
        package var version: String?
        package var requestHeaders = HeaderOperations()
        /// On the answers of this entry's endpoints only.
        package var responseHeaders = HeaderOperations()

        package init(backend: String, label: String, weight: Int = 1) {
            self.backend = backend
            self.label = label
            self.weight = weight
        }
    }

    /// Copies a share of the route's requests to a backend whose answers nobody sees.
    package struct Mirror: Sendable, Equatable {
        package var backend: String
        /// 0...100, fractions allowed.
        package var percent: Double = 100
        /// Copies under way in the whole process, 1...1,000,000.
        package var maxInFlight = 64
        /// Bytes the copies may hold that the mirror has not taken yet, in the whole process.
        package var maxBufferedBytes = 64 * 1024 * 1024
        package var timeout: Duration = .seconds(30)
        package var requestHeaders = HeaderOperations()

        package init(backend: String) { self.backend = backend }
    }

    /// A fixed answer given by the gateway itself.
    package struct FixedResponse: Sendable, Equatable {
        /// 200...599
        package var status: Int
        package var headers: [Header] = []
        package var body = ""

        package struct Header: Sendable, Equatable {
            package var name: String
            package var value: String

            package init(name: String, value: String) {
                self.name = name
                self.value = value
            }
        }

        package init(status: Int) { self.status = status }
    }

    package struct BasicAuth: Sendable, Equatable {
        package var realm = "sluice"
        /// User name to password hash, as an htpasswd line holds it; the users file and `users` together.
        package var users: [String: String] = [:]
        /// Those of the users who get through, sorted; `nil` means all of them.
        package var allow: [String]?
        /// The header, in lower case, that tells endpoints who it is. No client's own gets past the gateway, on any route.
        package var forwardUser: String?
        /// Keeps the `Authorization` header on the way to the endpoint.
        package var forwardAuthorization = false

        package init() {}
    }
}
