import Configuration

extension GatewayWriter {
    func tracing(_ tracing: TracingSettings) -> YAMLOutline {
        let (scheme, place, tls): (String, HostPort, BackendTLS?) =
            switch tracing.address {
            case .plain(let place): ("http", place, nil)
            case .secure(let place, let tls): ("https", place, tls)
            }
        let path = tracing.path.dropLast(TracingSettings.pathSuffix.count)
        let headers = tracing.headers.map { ($0.name, YAMLOutline.text($0.value)) }
        return .mapping([
            ("endpoint", .text("\(scheme)://\(place)\(path)")),
            ("samplePercent", Self.unless(TracingSettings.standardPercent, tracing.samplePercent, Self.percent)),
            ("serviceName", Self.unless(TracingSettings.standardName, tracing.serviceName) { .text($0) }),
            ("headers", headers.isEmpty ? nil : .mapping(headers)),
            ("tls", tls.flatMap { Self.unless(BackendTLS(), $0, self.tls) }),
        ])
    }
}
