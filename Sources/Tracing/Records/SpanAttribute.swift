/// What can be said of a span. Names are those of OpenTelemetry's semantic conventions
/// (opentelemetry.io/docs/specs/semconv) where they have one, and else begin with `sluice.`.
package enum SpanAttribute: UInt8, Sendable, CaseIterable {
    case method, originalMethod, path, scheme, status, requestBytes, responseBytes, resends
    case client, server, serverPort, userAgent, version
    case rpcSystem, rpcService, rpcMethod, rpcStatus
    case errorType, user
    case route, backend, endpoint, cause, requestID, retries, authOutcome, mirrorOutcome

    package var name: String {
        switch self {
        case .method: "http.request.method"
        case .originalMethod: "http.request.method_original"
        case .path: "url.path"
        case .scheme: "url.scheme"
        case .status: "http.response.status_code"
        case .requestBytes: "http.request.body.size"
        case .responseBytes: "http.response.body.size"
        case .resends: "http.request.resend_count"
        case .client: "client.address"
        case .server: "server.address"
        case .serverPort: "server.port"
        case .userAgent: "user_agent.original"
        case .version: "network.protocol.version"
        case .rpcSystem: "rpc.system"
        case .rpcService: "rpc.service"
        case .rpcMethod: "rpc.method"
        case .rpcStatus: "rpc.grpc.status_code"
        case .errorType: "error.type"
        case .user: "enduser.id"
        case .route: "sluice.route"
        case .backend: "sluice.backend"
        case .endpoint: "sluice.endpoint"
        case .cause: "sluice.cause"
        case .requestID: "sluice.request_id"
        case .retries: "sluice.retries"
        case .authOutcome: "sluice.auth.outcome"
        case .mirrorOutcome: "sluice.mirror.outcome"
        }
    }
}

/// What a span is to others (OpenTelemetry specification, "SpanKind").
package enum SpanKind: UInt8, Sendable { case `internal`, server, client }

/// What happens at one moment of a span.
package enum SpanEvent: UInt8, Sendable, CaseIterable {
    case firstByte

    var name: String {
        switch self {
        case .firstByte: "first_byte"
        }
    }
}

/// The ids of a trace: two words that are not both 0 (W3C Trace Context, section 3.2.2.3).
package struct TraceID: Sendable, Hashable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// What every span has.
package struct SpanHead: Sendable, Equatable {
    package var trace: TraceID
    package var span: SpanID
    /// The span it is part of; `nil` for the first of a trace.
    package var parent: SpanID?
    /// The parent is another process's.
    package var isParentRemote = false
    package var kind: SpanKind
    /// Nanoseconds since the Unix epoch.
    package var start: UInt64
    package var end: UInt64
    package var isError = false
    /// Of the trace (W3C Trace Context, section 3.2.2.5).
    package var flags: UInt8 = 1

    package init(trace: TraceID, span: SpanID, parent: SpanID?, kind: SpanKind, start: UInt64, end: UInt64) {
        self.trace = trace
        self.span = span
        self.parent = parent
        self.kind = kind
        self.start = start
        self.end = end
    }
}

/// Finished spans in the form of `SpanWriter`, on their way from a loop to the exporter.
package struct SpanChunk: Sendable, Equatable {
    package var bytes: [UInt8]
    package var spans: Int

    package init(bytes: [UInt8], spans: Int) {
        self.bytes = bytes
        self.spans = spans
    }
}
