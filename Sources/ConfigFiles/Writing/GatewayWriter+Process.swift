import Configuration

/// What concerns the process and its sockets.
extension GatewayWriter {
    func process(_ gateway: Gateway) -> [(String, YAMLOutline?)] {
        let standard = Shutdown()
        let pins = gateway.resolve.sorted { $0.key < $1.key }
        return [
            ("loops", gateway.loops.map { .word($0) }),
            ("memoryLimit", gateway.memoryLimit.map { .word(SizeText.format($0)) }),
            ("resolve", pins.isEmpty ? nil : .mapping(pins.map { ($0.key, .text($0.value.description)) }).opened),
            ("listeners", gateway.listeners.isEmpty ? nil : YAMLOutline.list(gateway.listeners.map(listener)).opened),
            ("admin", gateway.admin.map(admin)),
            ("metrics", gateway.metrics.map { .mapping([("address", .text($0.description))]) }),
            ("accessLog", gateway.accessLog.map(accessLog)), ("tracing", gateway.tracing.map(tracing)),
            (
                "shutdown",
                Self.ifAny([
                    ("delay", Self.unless(standard.delay, gateway.shutdown.delay, Self.duration)),
                    ("drain", Self.unless(standard.drain, gateway.shutdown.drain, Self.duration)),
                ])
            ), ("takeover", gateway.takeoverSocket.map { .mapping([("socket", .text($0))]) }),
            ("customMetrics", gateway.customMetrics.map(customMetrics)),
        ]
    }

    private func listener(_ listener: Listener) -> YAMLOutline {
        .mapping([
            ("name", Self.unless(listener.address.description, listener.name) { .text($0) }),
            ("address", .text(listener.address.description)), ("tls", listener.tls.map(tls)),
            ("limits", limits(listener.limits)), ("proxyProtocol", listener.proxyProtocol ? .word(true) : nil),
            ("trustedProxies", Self.networks(listener.trustedProxies)),
        ])
    }

    private func tls(_ tls: ListenerTLS) -> YAMLOutline {
        let standard = ListenerTLS()
        let certificates = tls.certificates.map { certificate in
            YAMLOutline.mapping([
                ("certificate", file(certificate.chain)), ("privateKey", file(certificate.privateKey)),
            ])
        }
        return .mapping([
            ("certificates", .list(certificates)), ("clientCA", file(tls.clientCA)),
            // Authorities alone mean that clients need them.
            (
                "clientAuth",
                Self.unless(tls.clientCA == nil ? .none : .require, tls.clientAuthentication) { .word($0.rawValue) }
            ), ("minVersion", Self.unless(standard.minimumVersion, tls.minimumVersion) { .text($0.rawValue) }),
            ("handshakeTimeout", Self.unless(standard.handshakeTimeout, tls.handshakeTimeout, Self.duration)),
        ])
    }

    private func limits(_ limits: Listener.Limits) -> YAMLOutline? {
        let standard = Listener.Limits()
        return Self.ifAny([
            ("connections", limits.connections.map { .word($0) }), ("perClient", limits.perClient.map { .word($0) }),
            ("headerBytes", Self.unless(standard.headerBytes, limits.headerBytes, Self.size)),
            ("headerTimeout", Self.unless(standard.headerTimeout, limits.headerTimeout, Self.duration)),
            ("idleTimeout", Self.unless(standard.idleTimeout, limits.idleTimeout, Self.duration)),
            ("http2Streams", Self.unless(standard.http2Streams, limits.http2Streams) { .word($0) }),
            ("maxConnectionAge", limits.maxConnectionAge.map(Self.duration)),
        ])
    }

    private func admin(_ admin: AdminSurface) -> YAMLOutline {
        .mapping([
            ("address", .text(admin.address.description)), ("tls", admin.tls.map(tls)),
            ("basicAuth", admin.login.map(login)), ("readOnly", admin.readOnly ? .word(true) : nil),
            ("allowedHosts", admin.allowedHosts.isEmpty ? nil : .texts(admin.allowedHosts)),
        ])
    }

    private func customMetrics(_ settings: CustomMetrics) -> YAMLOutline {
        .mapping([
            ("address", .text(settings.address.description)), ("tls", tls(settings.tls)),
            ("namespace", Self.unless(CustomMetrics.standardNamespace, settings.namespace) { .text($0) }),
            ("requestHeaderCA", file(settings.requestHeaderCA)),
            (
                "requestHeaderNames",
                settings.requestHeaderNames.isEmpty ? nil : .texts(settings.requestHeaderNames)
            ), ("tokenFile", file(settings.tokenFile)),
            (
                "dcgmExporters",
                settings.dcgmExporters.isEmpty ? nil : .texts(settings.dcgmExporters.map(\.description))
            ),
        ])
    }

    private func accessLog(_ log: AccessLog) -> YAMLOutline {
        let path =
            switch log.sink {
            case .standardOutput: "stdout"
            case .standardError: "stderr"
            case .file(let path): path
            }
        return .mapping([
            ("path", .text(path)), ("format", Self.unless(.json, log.format) { _ in .word("text") }),
            ("samplePercent", Self.unless(100, log.samplePercent, Self.percent)),
        ])
    }
}
