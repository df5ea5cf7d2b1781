package import Configuration

extension ControlClient {
    /// Where a call goes. Connections are kept and used again by address, TLS settings and protocol.
    package enum Address: Sendable, Hashable, CustomStringConvertible {
        /// A literal address; or a name, which takes libcurl a thread for each lookup, repeated after
        /// `Transfer.nameSeconds`. What is called often is better resolved before.
        case tcp(HostPort)
        /// The path of a Unix socket, at most 107 bytes (unix(7)).
        case unix(path: String)

        package var description: String {
            switch self {
            case .tcp(let address): address.description
            case .unix(let path): "unix:\(path)"
            }
        }
    }

    /// One call. What cannot be sent safely, such as a line break in a header, ends in `Failure.Kind.request`.
    package struct Request: Sendable {
        /// `exchange` is a request and its answer; `connect` ends well as soon as the connection is made, with TLS its
        /// handshake as well, and sends nothing.
        package enum Purpose: Sendable { case exchange, connect }

        package var purpose = Purpose.exchange
        package var address: Address
        /// A token (RFC 9110 section 9.1).
        package var method = "GET"
        /// Path and query, sent as it is: begins with `/`, visible ASCII.
        package var path: String
        /// Beside those that libcurl makes: `Host`, `User-Agent`, `Accept`, `Content-Length`. One that is named here
        /// takes the place of that. Without a `Host`, that is the server's name for TLS, or else the address.
        package var headers: [(name: String, value: String)] = []
        /// Sent with every method but HEAD unless it is `nil`.
        package var body: [UInt8]?
        /// `http2` is chosen by ALPN where there is TLS, and spoken with prior knowledge where there is none. An answer in
        /// another version is a failure.
        package var `protocol` = Backend.HTTPProtocol.http1
        /// `nil` means cleartext. The certificate has to have `serverName`, or else the address's host; over a Unix
        /// socket `serverName` is needed.
        package var tls: BackendTLS?
        /// For name, connection and TLS handshake together; above 0. A millisecond is the resolution of both.
        package var connectTimeout: Duration = .seconds(1)
        /// For everything; above 0. A stream has none.
        package var timeout: Duration = .seconds(5)
        /// Whether the connection may be kept for later calls, and one that was kept be used. HTTP/2 without TLS never does.
        /// Where a kept connection ends before a byte of the answer came, libcurl sends the request once more.
        package var reusesConnection = true
        /// Most bytes of the answer's body; of a stream, most that were handed over and are not taken yet.
        package var bodyLimit = Request.standardBodyLimit
        /// Who calls; `nil` means that nobody is said to.
        package var credentials: Credentials?
        /// Wants the body as it comes. `nil` means in one piece.
        package var stream: Stream?

        /// Far above what control planes answer in one piece, such as the statistics of some hundred models.
        package static let standardBodyLimit = 4 << 20
        /// Most bytes in the answer's head and trailers together: what the data path takes of a head by default.
        package static let headLimit = 64 << 10

        package init(_ address: Address, path: String) {
            self.address = address
            self.path = path
        }
    }

    /// Basic authentication (RFC 7617). Sent with the request, without being asked for first.
    package enum Credentials: Sendable, Equatable {
        /// The user has no colon.
        case basic(user: String, password: String)
        /// What a file in the format of netrc(5) says about the host of the address, `localhost` for a Unix socket, or else
        /// nothing; `nil` means `~/.netrc`.
        case netrc(file: String?)
    }

    /// How an answer that has no end is taken.
    package struct Stream: Sendable {
        /// How long nothing may come before the call ends with `Failure.Kind.timeout`; whole seconds, at least 1.
        package var silence: Duration
        /// Gets each piece of the body of a 2xx answer, on the queue of `ControlClient.init` and before the completion,
        /// whose response has an empty body then. Other answers come in one piece.
        package var receive: @Sendable ([UInt8]) -> Void

        package init(silence: Duration, receive: @escaping @Sendable ([UInt8]) -> Void) {
            self.silence = silence
            self.receive = receive
        }
    }

    /// An answer that came whole.
    package struct Response: Sendable {
        /// 100...999; 0 where the request only connected.
        package var status = 0
        /// Names in lower case, in the order they came. Values that are no UTF-8 are repaired.
        package var headers: [(name: String, value: String)] = []
        package var body: [UInt8] = []
        /// The fields after the body (RFC 9110 section 6.5), like `headers`.
        package var trailers: [(name: String, value: String)] = []

        package init() {}

        /// The first header of that name (lower case).
        package func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
        /// The first trailer of that name (lower case).
        package func trailer(_ name: String) -> String? { trailers.first { $0.name == name }?.value }
    }
}
