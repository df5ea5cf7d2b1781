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
        switch self {
        case .metrics:
            // No server has TLS there.
            var request = ControlClient.Request(
                ControlClient.Address(endpoint.metricsAddress ?? endpoint.address), path: "/metrics")
            // The same as Prometheus would get of servers that have several.
            request.headers = [("Accept", "text/plain;version=0.0.4")]
            request.bodyLimit = CounterLimits.pageBytes
            request.stream = ControlClient.Stream(silence: Self.timeout, receive: receive)
            request.connectTimeout = Self.timeout
            request.reusesConnection = backend.keepsCallConnections
            return request
        case .statistics: return .statistics(of: endpoint, of: backend, timeout: Self.timeout)
        case .list: return .repositoryIndex(of: endpoint, of: backend, timeout: Self.timeout)
        }
    }
}

extension Backend {
    /// From a metrics port: often enough to see a queue grow.
    static let metricsPace = Duration.milliseconds(500)
    /// At the endpoint's own port, where each question takes one of Triton's eight threads for a moment.
    static let statisticsPace = Duration.seconds(2)

    /// Whether models' numbers are read at all.
    var readsModels: Bool { (server == .triton || server == .torchserve) && metricsInterval != .zero }
}
