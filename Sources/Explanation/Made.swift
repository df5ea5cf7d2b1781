import Base
import Configuration
import HTTP
import Traffic

/// What the gateway would know of the request when it writes headers, as bytes that stay.
struct Variables {
    /// Stand for what is made for each request, or was not said.
    static let requestID: StaticString = "%{request.id}"
    static let traceparent: StaticString = "%{traceparent}"
    static let client: StaticString = "%{client.address}"

    private let client: [UInt8]
    private let requestID: [UInt8]
    private let user: [UInt8]
    private let route: [UInt8]
    private let backend: [UInt8]

    init(_ reading: Reading, _ route: Route, user: String?, entry: String) {
        client = Array((reading.client?.description ?? "\(Self.client)").utf8)
        requestID = reading.head.requestID.map { Array(reading.head.slice($0)) } ?? Array(staticBytes(Self.requestID))
        self.user = Array((user ?? "").utf8)
        self.route = Array(route.name.utf8)
        backend = Array(entry.utf8)
    }

    func withValues(_ body: (HeaderVariables) -> Void) {
        client.withUnsafeBytes { client in
            requestID.withUnsafeBytes { requestID in
                user.withUnsafeBytes { user in
                    route.withUnsafeBytes { route in
                        backend.withUnsafeBytes { backend in
                            var values = HeaderVariables()
                            values.clientAddress = client
                            values.requestID = requestID
                            values.user = user
                            values.route = route
                            values.backend = backend
                            body(values)
                        }
                    }
                }
            }
        }
    }
}

extension MessageHead {
    /// What it says, as shown.
    var shownFields: [Decision.Field] {
        (0..<fieldCount).map { index in
            let name = text(self.name(index))
            return Decision.Field(name, Shown.value(of: name, text(value(index))))
        }
    }
}
