/// The weights of one route: the answer of `GET` and `PUT /api/v1/routes/{route}/weights`, whose `ETag` is the hash of the
/// configuration.
///
/// `PUT` takes an object of names and weights, such as `{"stable": 90, "canary": 10}`; entries it does not name keep theirs.
package struct RouteWeights: Codable, Sendable, Equatable {
    package struct Entry: Codable, Sendable, Equatable {
        package var `as`: String
        package var backend: String
        package var weight: Int

        package init(as label: String, backend: String, weight: Int) {
            self.as = label
            self.backend = backend
            self.weight = weight
        }
    }

    package var route: String
    /// In file order.
    package var entries: [Entry]
    /// Where the first weight is written, as `file:line:column`.
    package var place: String?
    /// Whether they can be changed from here; `reason` says why not.
    package var editable: Bool
    package var reason: String?
    /// What `POST …/weights/undo` would restore; absent where nothing was changed from here.
    package var undo: [String: Int]?

    package init(
        route: String, entries: [Entry], place: String?, editable: Bool, reason: String?, undo: [String: Int]?
    ) {
        self.route = route
        self.entries = entries
        self.place = place
        self.editable = editable
        self.reason = reason
        self.undo = undo
    }
}

/// One change that somebody made, or tried to make, from the operator's side.
package struct ChangeRecord: Codable, Sendable, Equatable {
    package enum Kind: String, Codable, Sendable { case weights, undo, drain, undrain, reload }

    package var time: String
    /// Absent where nobody has to log in.
    package var user: String?
    /// The address the call came from, without port; `unix` over a Unix socket.
    package var client: String
    package var kind: Kind
    /// A route, `backend/endpoint`, or empty for the gateway.
    package var subject: String
    /// Of weights.
    package var before: [String: Int]?
    package var after: [String: Int]?
    /// Why it was refused; absent where it was done.
    package var refusal: String?

    package init(
        time: String, user: String?, client: String, kind: Kind, subject: String, before: [String: Int]? = nil,
        after: [String: Int]? = nil, refusal: String? = nil
    ) {
        self.time = time
        self.user = user
        self.client = client
        self.kind = kind
        self.subject = subject
        self.before = before
        self.after = after
        self.refusal = refusal
    }
}

/// The answer of `GET /api/v1/changes`, newest first.
package struct ChangeList: Codable, Sendable, Equatable {
    package var changes: [ChangeRecord]

    package init(changes: [ChangeRecord]) { self.changes = changes }
}
