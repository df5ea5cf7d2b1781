/// Who wants something of the operator's side.
package struct Caller: Sendable, Equatable {
    /// `nil` where nobody has to log in.
    package var user: String?
    /// The address, without port; `unix` over a Unix socket.
    package var client: String

    package init(user: String?, client: String) {
        self.user = user
        self.client = client
    }
}

/// Why something the operator asked for was not done.
package struct Refusal: Error, Sendable, Equatable {
    /// Of the answer (RFC 9110 section 15).
    package var status: Int
    /// What is wrong, and what to do instead.
    package var message: String

    package init(_ status: Int, _ message: String) {
        self.status = status
        self.message = message
    }
}
