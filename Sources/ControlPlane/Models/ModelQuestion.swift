import Base
import Configuration
import ControlClient
import DataPlane
import EventLoop
import Models
import TLS
import Telemetry

/// What an endpoint is asked about its models.
enum ModelQuestion {
    /// `GET /metrics` at the port for it.
    case metrics
    /// `GET /v2/models/stats` at the endpoint's own port.
    case statistics
    /// `POST /v2/repository/index` there.
    case list

    /// For an answer: all three are in the server's memory.
    static let timeout = Duration.seconds(1)

    /// - Parameter receive: takes the metrics as they come; other answers come in one piece.
    func request(
        _ endpoint: ResolvedEndpoint, of backend: Backend, receive: @escaping @Sendable ([UInt8]) -> Void
    ) -> ControlClient.Request {
        var request: ControlClient.Request
        switch self {
        case .metrics:
            request = ControlClient.Request(
                ControlClient.Address(endpoint.metricsAddress ?? endpoint.address), path: "/metrics")
            // The same as Prometheus would get of servers that have several.
            request.headers = [("Accept", "text/plain;version=0.0.4")]
            request.bodyLimit = CounterLimits.pageBytes
            request.stream = ControlClient.Stream(silence: Self.timeout, receive: receive)
            request.connectTimeout = Self.timeout
            return request
        case .statistics:
            request = ControlClient.Request(ControlClient.Address(endpoint.address), path: "/v2/models/stats")
            request.bodyLimit = StatisticsReader.bodyLimit
        case .list:
            request = ControlClient.Request(ControlClient.Address(endpoint.address), path: "/v2/repository/index")
            request.method = "POST"
            request.headers = [("Content-Type", "application/json")]
            request.body = Array("{}".utf8)
            request.bodyLimit = RepositoryIndex.bodyLimit
        }
        request.tls = backend.tls
        if request.tls != nil, request.tls?.serverName == nil { request.tls?.serverName = endpoint.serverName?.text }
        request.protocol = backend.protocol
        request.connectTimeout = Self.timeout
        request.timeout = Self.timeout
        return request
    }
}

/// Why there is no answer to use.
struct ModelFailure: Error {
    var outcome: ModelReadingOutcome
    /// A sentence that names the address.
    var reason: String
    /// It has answered, and will say the same again.
    var isLasting: Bool

    init(_ outcome: ModelReadingOutcome, _ reason: String, isLasting: Bool) {
        self.outcome = outcome
        self.reason = reason
        self.isLasting = isLasting
    }

    /// Another status than 200. A server that does not know the question, or may not answer it, says 4xx or 501; one that is
    /// about to start, or somebody in front of it, another.
    init(status: Int, at address: ControlClient.Address) {
        self.init(.refused, "\(address) answered \(status)", isLasting: 400..<500 ~= status || status == 501)
    }

    init(_ unreadable: CounterPage.Unreadable, at address: ControlClient.Address) {
        self.init(.unreadable, "\(address) \(unreadable.reason)", isLasting: true)
    }

    init(_ failure: ControlClient.Failure) {
        let outcome: ModelReadingOutcome =
            switch failure.kind {
            case .timeout, .cancelled: .timeout
            case .tooLarge, .protocol: .unreadable
            case .request, .resolve, .connect, .tls, .reset: .unreachable
            }
        self.init(outcome, failure.description, isLasting: outcome == .unreadable)
    }
}

extension Backend {
    /// From a metrics port: often enough to see a queue grow.
    static let metricsPace = Duration.milliseconds(500)
    /// At the endpoint's own port, where each question takes one of Triton's eight threads for a moment.
    static let statisticsPace = Duration.seconds(2)

    /// Whether models' numbers are read at all.
    var readsModels: Bool { (server == .triton || server == .torchserve) && metricsInterval != .zero }
    /// Whether Triton's questions about models can be asked at the endpoints' own port: where that speaks HTTP/2, it is
    /// Triton's port for gRPC, which knows them under other names.
    var answersQuestions: Bool { server == .triton && `protocol` == .http1 && metricsInterval != .zero }
}
