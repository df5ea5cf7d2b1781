/// Every metric the gateway can show, in the order in which they are written.
///
/// This table is the only place where a metric is named; docs/metrics.md is checked against it.
package enum MetricName: UInt8, Sendable, CaseIterable {
    // One series for each route and backend label.
    case requests
    case errors
    case requestDuration
    case queueDuration
    case timeToFirstByte
    case requestBytes
    case responseBytes
    case grpcResponses
    case retries
    case retriesStopped
    case routeWeight
    case mirrorRequests
    case mirrorBufferedBytes
    case auth
    case authQueueLength

    // Backends and endpoints.
    case requestsInFlight
    case requestsQueued
    case requestsHeld
    case activations
    case upstreamConnectionsOpen
    case endpointUp
    case endpointChanged
    case endpointEjections
    case healthChecks
    case hashKeys
    case dnsLookups
    case kubernetesEvents
    case scaleRequests

    // Models, one series for each version at each endpoint.
    case modelRequests
    case modelFailures
    case modelInferences
    case modelExecutions
    case modelQueueSeconds
    case modelComputeSeconds
    case modelQueueMean
    case modelPending
    case modelsLeftOut
    case modelReadings

    // Listeners.
    case connectionsOpen
    case connections
    case connectionsRefused
    case tlsHandshakes
    case http2Aborts
    case certificateNotAfter

    // The gateway itself.
    case memory
    case memoryLimit
    case overloaded
    case accessLogDropped
    case traceSpans
    case configReloads
    case configLastReloadRejected
    case configInfo
    case configSnapshotsLive
    case buildInfo
    case processCPUSeconds
    case processResidentMemory
    case processVirtualMemory
    case processOpenDescriptors
    case processMaxDescriptors
    case processStartTime
}

/// What a scraper is told about a metric.
package enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}

/// A label of a metric. Every value comes from the configuration, from a fixed list, or from what a model server says of its
/// own models, within limits; never from a request.
package enum MetricLabel: String, Sendable {
    case route, backend, endpoint, listener, code, cause, outcome, reason, hash, version
    /// As the model server calls it; its `version` likewise.
    case model
    /// A certificate's subject.
    case certificate
    /// `http1` or `http2`.
    case `protocol`
    /// The number of a gRPC status code, 0...16.
    case grpcStatus = "grpc_status"
}

extension MetricName {
    /// The metric as queries name it. A counter ends in `_total`, durations are seconds, sizes bytes.
    package var name: String { row.name }

    package var kind: MetricKind { row.kind }

    /// One sentence without a full stop.
    package var help: String { row.help }

    /// In the order in which samples are written.
    package var labels: [MetricLabel] { row.labels }

    private static let model: [MetricLabel] = [.backend, .endpoint, .model, .version]

    private struct Row {
        var name: String
        var kind: MetricKind
        var labels: [MetricLabel]
        var help: String

        init(_ name: String, _ kind: MetricKind, _ labels: [MetricLabel], _ help: String) {
            self.name = name
            self.kind = kind
            self.labels = labels
            self.help = help
        }
    }

    private var row: Row {
        switch self {
        case .requests:
            Row(
                "sluice_requests_total", .counter, [.route, .backend, .code, .cause],
                "Requests answered; cause says why when the gateway ended the exchange, and is empty otherwise")
        case .errors:
            Row(
                "sluice_errors_total", .counter, [.route, .backend],
                "Requests that failed on the side of the service: 5xx, or a gRPC status that says the same")
        case .requestDuration:
            Row(
                "sluice_request_duration_seconds", .histogram, [.route, .backend],
                "Time from the first byte of a request to the end of its exchange")
        case .queueDuration:
            Row(
                "sluice_queue_duration_seconds", .histogram, [.route, .backend],
                "Time a request waited in the gateway for a place at an endpoint, 0 included")
        case .timeToFirstByte:
            Row(
                "sluice_time_to_first_byte_seconds", .histogram, [.route, .backend],
                "Time from the first byte of a request to the first byte of its answer")
        case .requestBytes:
            Row(
                "sluice_request_bytes_total", .counter, [.route, .backend],
                "Bytes of request bodies received from clients")
        case .responseBytes:
            Row(
                "sluice_response_bytes_total", .counter, [.route, .backend],
                "Bytes of response bodies sent to clients")
        case .grpcResponses:
            Row(
                "sluice_grpc_responses_total", .counter, [.route, .backend, .grpcStatus],
                "gRPC calls answered, by the number of their status")
        case .retries:
            Row("sluice_retries_total", .counter, [.route, .reason], "Extra tries at an endpoint")
        case .retriesStopped:
            Row(
                "sluice_retries_stopped_total", .counter, [.route, .reason],
                "Failures that the route's retries list, and that were not tried again")
        case .routeWeight:
            Row(
                "sluice_route_weight", .gauge, [.route, .backend],
                "Weight of a backend in its route, as the running configuration says")
        case .mirrorRequests:
            Row(
                "sluice_mirror_requests_total", .counter, [.route, .backend, .outcome],
                "Mirrored copies of requests, by how they ended")
        case .mirrorBufferedBytes:
            Row(
                "sluice_mirror_buffered_bytes", .gauge, [.route, .backend],
                "Bytes held for a mirror that it has not taken yet")
        case .auth:
            Row("sluice_auth_total", .counter, [.route, .outcome], "Checks of credentials, by what they came to")
        case .authQueueLength:
            Row("sluice_auth_queue_length", .gauge, [], "Passwords that wait to be verified")
        case .requestsInFlight:
            Row(
                "sluice_requests_in_flight", .gauge, [.backend],
                "Requests dispatched to an endpoint of the backend and not finished")
        case .requestsQueued:
            Row(
                "sluice_requests_queued", .gauge, [.backend],
                "Requests that wait for a place at an endpoint of the backend")
        case .requestsHeld:
            Row(
                "sluice_requests_held", .gauge, [.backend],
                "Requests that wait for the backend to be started, or for a model to be loaded there")
        case .activations:
            Row(
                "sluice_activations_total", .counter, [.backend, .outcome],
                "What came of starting a backend that is started on demand, and of what ran: started, failed, stopped, crashed"
            )
        case .upstreamConnectionsOpen:
            Row(
                "sluice_upstream_connections_open", .gauge, [.backend, .endpoint],
                "Open connections to an endpoint, pooled ones included")
        case .endpointUp:
            Row(
                "sluice_endpoint_up", .gauge, [.backend, .endpoint], "1 if requests are sent to the endpoint, 0 if not")
        case .endpointChanged:
            Row(
                "sluice_endpoint_changed_timestamp_seconds", .gauge, [.backend, .endpoint, .reason],
                "When requests last began or ceased to be sent to the endpoint, since the Unix epoch; reason says why they ceased"
            )
        case .endpointEjections:
            Row(
                "sluice_endpoint_ejections_total", .counter, [.backend, .endpoint],
                "How often the endpoint was left alone because requests to it failed")
        case .healthChecks:
            Row(
                "sluice_health_checks_total", .counter, [.backend, .endpoint, .outcome],
                "Health checks of the endpoint, by what they found")
        case .hashKeys:
            Row(
                "sluice_hash_keys_total", .counter, [.backend, .outcome],
                "Requests to a backend that balances by hash, by whether they carried what it goes by")
        case .dnsLookups:
            Row(
                "sluice_dns_lookups_total", .counter, [.outcome],
                "Look-ups of endpoints' names, by what they came to")
        case .kubernetesEvents:
            Row(
                "sluice_kubernetes_events_total", .counter, [.outcome],
                "News of Services and pods from the Kubernetes API: changes of theirs, and failures to hear of them")
        case .scaleRequests:
            Row(
                "sluice_scale_requests_total", .counter, [.outcome],
                "Questions of autoscalers for metrics, by what they came to")
        case .modelRequests:
            Row(
                "sluice_model_requests_total", .counter, Self.model,
                "Requests of the model that succeeded, as its server counts them")
        case .modelFailures:
            Row(
                "sluice_model_failures_total", .counter, Self.model + [.reason],
                "Requests of the model that failed, as its server counts them")
        case .modelInferences:
            Row(
                "sluice_model_inferences_total", .counter, Self.model,
                "Inferences of the model, several for a request that is a batch, as its server counts them")
        case .modelExecutions:
            Row(
                "sluice_model_executions_total", .counter, Self.model,
                "Runs of the model, each of a batch of inferences, as its server counts them")
        case .modelQueueSeconds:
            Row(
                "sluice_model_queue_seconds_total", .counter, Self.model,
                "Time that requests which succeeded waited in the queue of the model, as its server counts it")
        case .modelComputeSeconds:
            Row(
                "sluice_model_compute_seconds_total", .counter, Self.model,
                "Time that requests which succeeded took in the model: input, inference and output, as its server counts it"
            )
        case .modelQueueMean:
            Row(
                "sluice_model_queue_seconds_mean", .gauge, Self.model,
                "Mean time a request waited in the queue of the model over the last 30 seconds; absent without requests"
            )
        case .modelPending:
            Row(
                "sluice_model_pending_requests", .gauge, Self.model,
                "Requests in the server that do not execute yet; absent where the server does not say")
        case .modelsLeftOut:
            Row(
                "sluice_models_left_out", .gauge, [.backend],
                "Models of the backend that have no series, because there are too many")
        case .modelReadings:
            Row(
                "sluice_model_readings_total", .counter, [.backend, .endpoint, .outcome],
                "Attempts to read how the models of the endpoint do, by what they came to")
        case .connectionsOpen:
            Row("sluice_connections_open", .gauge, [.listener, .protocol], "Open client connections")
        case .connections:
            Row("sluice_connections_total", .counter, [.listener, .protocol], "Client connections accepted")
        case .connectionsRefused:
            Row(
                "sluice_connections_refused_total", .counter, [.listener, .reason],
                "Client connections closed before a request was read")
        case .tlsHandshakes:
            Row(
                "sluice_tls_handshakes_total", .counter, [.listener, .outcome],
                "TLS handshakes of clients, by how they ended")
        case .http2Aborts:
            Row(
                "sluice_http2_aborts_total", .counter, [.listener, .reason],
                "HTTP/2 connections ended because the client did too much of something")
        case .certificateNotAfter:
            Row(
                "sluice_certificate_not_after_timestamp_seconds", .gauge, [.listener, .certificate],
                "When a listener's certificate expires, since the Unix epoch")
        case .memory:
            Row("sluice_memory_bytes", .gauge, [], "Memory in use, as the memory guard measures it")
        case .memoryLimit:
            Row(
                "sluice_memory_limit_bytes", .gauge, [],
                "Memory past which new requests are refused, +Inf if there is none")
        case .overloaded:
            Row("sluice_overloaded", .gauge, [], "1 while new requests are refused for want of memory, 0 otherwise")
        case .accessLogDropped:
            Row(
                "sluice_access_log_dropped_total", .counter, [],
                "Access log lines given up because the sink was too slow")
        case .traceSpans:
            Row(
                "sluice_trace_spans_total", .counter, [.outcome],
                "Spans by what became of them: exported, rejected by the collector, or dropped on the way to it")
        case .configReloads:
            Row(
                "sluice_config_reloads_total", .counter, [.outcome],
                "Attempts to load the configuration again, by what they came to")
        case .configLastReloadRejected:
            Row(
                "sluice_config_last_reload_rejected", .gauge, [],
                "1 while the last attempt to load the configuration was rejected, so that an older one runs")
        case .configInfo:
            Row("sluice_config_info", .gauge, [.hash], "Always 1; hash names the configuration that runs")
        case .configSnapshotsLive:
            Row(
                "sluice_config_snapshots_live", .gauge, [],
                "Configurations still in use by an exchange, the running one included")
        case .buildInfo:
            Row("sluice_build_info", .gauge, [.version], "Always 1; version names the program that runs")
        case .processCPUSeconds:
            Row("process_cpu_seconds_total", .counter, [], "User and system CPU time spent in seconds")
        case .processResidentMemory:
            Row("process_resident_memory_bytes", .gauge, [], "Resident memory size in bytes")
        case .processVirtualMemory:
            Row("process_virtual_memory_bytes", .gauge, [], "Virtual memory size in bytes")
        case .processOpenDescriptors:
            Row("process_open_fds", .gauge, [], "Number of open file descriptors")
        case .processMaxDescriptors:
            Row("process_max_fds", .gauge, [], "Maximum number of open file descriptors")
        case .processStartTime:
            Row("process_start_time_seconds", .gauge, [], "Start time of the process since the Unix epoch in seconds")
        }
    }
}
