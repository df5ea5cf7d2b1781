import Base
package import HTTP

/// A call to the operator's side, as it was read.
package struct AdminRequest: Sendable {
    package var method: Method
    /// As the client wrote it, up to the question mark.
    package var path: String
    /// Behind the question mark; empty without one.
    package var query: String
    package var fields = Fields()
    package var body: [UInt8] = []
    /// The address it came from, without port; `unix` over a Unix socket.
    package var client = "unix"
    /// Who has logged in; `nil` where nobody has to.
    package var user: String?
    /// The common name of the certificate that the client has shown, and that the listener's present authorities vouch for.
    package var certificateName: String?

    package init(method: Method, target: String) {
        self.method = method
        path = String(target.prefix { $0 != "?" })
        query = String(target.drop { $0 != "?" }.dropFirst())
    }

    package var isRead: Bool { method == .get || method == .head }

    /// The header fields that the API looks at. One that came several times is a list, as RFC 9110 section 5.2 has it, which no
    /// field with one value matches.
    package struct Fields: Sendable {
        /// Empty where there is none.
        package var host = ""
        package var origin: String?
        package var fetchSite: String?
        package var fetchMode: String?
        package var accept: String?
        package var contentType: String?
        package var authorization: String?
        package var ifMatch: String?
        package var ifNoneMatch: String?
        /// Whom the API server of Kubernetes asks for.
        package var remoteUser: String?

        package init() {}
    }
}

extension AdminRequest.Fields {
    init(_ head: MessageHead) {
        if head.hostIndex >= 0 { host = text(head.value(head.hostIndex)) }
        for index in 0..<head.fieldCount {
            let name = head.name(index)
            guard let field = Self.known.first(where: { equalsIgnoringCase(name, $0.name) }) else { continue }
            let value = text(head.value(index))
            self[keyPath: field.path] = self[keyPath: field.path].map { "\($0), \(value)" } ?? value
        }
    }

    private static var known: [(name: StaticString, path: WritableKeyPath<Self, String?>)] {
        [
            ("origin", \.origin), ("sec-fetch-site", \.fetchSite), ("sec-fetch-mode", \.fetchMode),
            ("accept", \.accept), ("content-type", \.contentType), ("authorization", \.authorization),
            ("x-remote-user", \.remoteUser), ("if-match", \.ifMatch), ("if-none-match", \.ifNoneMatch),
        ]
    }
}

extension AdminRequest {
    /// Whether the body says that it is JSON, whatever its parameters (RFC 9110 section 8.3.1).
    package var hasJSON: Bool {
        guard let type = fields.contentType else { return false }
        let essence = type.prefix { $0 != ";" && $0 != " " && $0 != "\t" }
        return essence.lowercased() == "application/json"
    }
}
