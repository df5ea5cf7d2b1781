package import Configuration

/// What one probe has found. The reasons are sentences for an operator.
package enum HealthProbeResult: Sendable, Equatable {
    case ready
    /// It runs, and says itself that it is not ready.
    case notReady(String)
    case failed(String)
    /// It answers, but does not know the question.
    case unsupported(String)
}

/// One question to one endpoint: are you ready? When to ask, and what follows from the answers, is not decided here.
package struct HealthProbe: Sendable {
    package enum Check: Sendable, Equatable {
        /// GET: 200 is ready. Path and query.
        case http(path: String)
        /// `grpc.health.v1.Health/Check` over HTTP/2, the protocol of
        /// https://github.com/grpc/grpc/blob/master/doc/health-checking.md. The empty name stands for the whole server.
        case grpc(service: String)
        /// Taking a connection, with TLS its handshake as well, is ready.
        case connect

        /// What is asked by default.
        ///
        /// - Parameters:
        ///   - path: from the configuration; goes before what the kind of server has.
        ///   - grpc: whether the port that is probed takes gRPC; then the path is of no use.
        package static func preset(for server: Backend.Server, path: String?, grpc: Bool) -> Check {
            if grpc { return .grpc(service: "") }
            if let path { return .http(path: path) }
            return switch server {
            // https://github.com/kserve/open-inference-protocol: the protocol that Triton speaks too.
            case .triton, .kserve: .http(path: "/v2/health/ready")
            // https://github.com/pytorch/serve/blob/master/docs/inference_api.md
            case .torchserve: .http(path: "/ping")
            // TensorFlow Serving opens its ports once it has its models, and has no path that is ready without naming one.
            case .tfserving, .generic: .connect
            }
        }
    }

    package var check: Check
    package var address: ControlClient.Address
    package var tls: BackendTLS?
    /// Of HTTP checks; gRPC is HTTP/2 always.
    package var `protocol`: Backend.HTTPProtocol
    /// For all of it, connecting included; above 0.
    package var timeout: Duration
    /// As in `ControlClient.Request`.
    package var reusesConnection = true

    /// Health answers are empty or a sentence; 64 KiB leaves room for servers that list their models in it.
    private static let bodyLimit = 64 << 10

    package init(
        _ check: Check, at address: ControlClient.Address, tls: BackendTLS? = nil,
        protocol: Backend.HTTPProtocol = .http1, timeout: Duration = .seconds(1)
    ) {
        self.check = check
        self.address = address
        self.tls = tls
        self.protocol = `protocol`
        self.timeout = timeout
    }

    /// Asks once.
    ///
    /// - Parameter completion: as with `ControlClient.send`. A call that is cancelled ends in `failed`.
    @discardableResult
    package func run(
        with client: ControlClient, _ completion: @escaping @Sendable (HealthProbeResult) -> Void
    ) -> ControlClient.Call {
        client.send(request) { completion(judge($0)) }
    }

    var request: ControlClient.Request {
        var request = ControlClient.Request(address, path: "/")
        request.tls = tls
        request.protocol = `protocol`
        request.connectTimeout = timeout
        request.timeout = timeout
        request.bodyLimit = Self.bodyLimit
        request.reusesConnection = reusesConnection
        switch check {
        case .http(let path):
            request.path = path
        case .grpc(let service):
            request.protocol = .http2
            request.method = "POST"
            request.path = "/grpc.health.v1.Health/Check"
            request.headers = [("Content-Type", "application/grpc"), ("TE", "trailers")]
            request.body = GRPCHealth.request(service: service)
        case .connect:
            request.purpose = .connect
        }
        return request
    }

    func judge(_ result: Result<ControlClient.Response, ControlClient.Failure>) -> HealthProbeResult {
        switch result {
        case .failure(let failure): .failed(failure.description)
        case .success(let response):
            switch check {
            case .http: judgeHTTP(response)
            case .grpc(let service): GRPCHealth.judge(response, address: address, service: service)
            case .connect: .ready
            }
        }
    }

    /// Triton says "not ready" with 400 and no body, of a model with 400 or 503 and a text; other servers with 503.
    private func judgeHTTP(_ response: ControlClient.Response) -> HealthProbeResult {
        if response.status == 200 { return .ready }
        let text = String(decoding: response.body, as: UTF8.self)
        let sentence = "\(address) answered \(response.status)" + (text.isEmpty ? "" : ": \(quote(text))")
        let isRefusal = response.status == 400 || response.status == 503
        let saysSo = text.isEmpty || text.lowercased().contains("not ready")
        return isRefusal && saysSo ? .notReady(sentence) : .failed(sentence)
    }
}
