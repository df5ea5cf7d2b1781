import API
import ControlPlane

/// What a call is answered with.
struct AdminResponse: Sendable {
    struct Field: Sendable {
        var name: String
        /// Without line breaks.
        var value: String
    }

    /// Asks for events, and says how to end that.
    typealias Subscribe = @Sendable (@escaping @Sendable (FeedMessage) -> Void) -> FeedSubscription

    enum Body: Sendable {
        case bytes([UInt8])
        /// Made on the loop of the operator's side, so that a status of ten thousand routes takes nothing from the control queue.
        case made(@Sendable () -> [UInt8])
        case file(DashboardFile)
        /// Goes on until the client leaves.
        case events(Subscribe)
    }

    var status: Int
    var fields: [Field] = []
    var body = Body.bytes([])

    init(_ status: Int, _ fields: [Field] = []) {
        self.status = status
        self.fields = fields
    }

    static func text(_ status: Int, _ text: String) -> AdminResponse {
        bytes(status, Array("\(text)\n".utf8), as: "text/plain; charset=utf-8")
    }

    static func bytes(_ status: Int, _ bytes: [UInt8], as contentType: String) -> AdminResponse {
        var response = AdminResponse(status, [Field(name: "Content-Type", value: contentType)])
        response.body = .bytes(bytes)
        return response
    }

    static func json(_ status: Int = 200, _ value: some Encodable & Sendable) -> AdminResponse {
        var response = AdminResponse(status, [Field(name: "Content-Type", value: "application/json")])
        response.body = .made { AdminJSON.encode(value) }
        return response
    }

    /// - Parameter message: what is wrong, and what to write instead.
    static func error(_ status: Int, _ message: String) -> AdminResponse { json(status, Problem(message)) }

    func with(_ name: String, _ value: String) -> AdminResponse {
        var response = self
        response.fields.append(Field(name: name, value: value))
        return response
    }

    var reason: String {
        switch status {
        case 200: "OK"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 409: "Conflict"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        default: "Service Unavailable"
        }
    }
}
