import Configuration
import ControlClient
import DataPlane
import Models

/// What Triton is asked about its models at its own port.
extension ControlClient.Request {
    /// For `RepositoryIndex`.
    static func repositoryIndex(of endpoint: ResolvedEndpoint, of backend: Backend, timeout: Duration) -> Self {
        var request = Self(to: endpoint, of: backend, path: "/v2/repository/index", timeout: timeout)
        request.method = "POST"
        request.headers = [("Content-Type", "application/json")]
        // All models are asked for, not the loaded ones alone.
        request.body = Array("{}".utf8)
        request.bodyLimit = RepositoryIndex.bodyLimit
        return request
    }

    /// For `StatisticsReader`.
    static func statistics(of endpoint: ResolvedEndpoint, of backend: Backend, timeout: Duration) -> Self {
        var request = Self(to: endpoint, of: backend, path: "/v2/models/stats", timeout: timeout)
        request.bodyLimit = StatisticsReader.bodyLimit
        return request
    }
}
