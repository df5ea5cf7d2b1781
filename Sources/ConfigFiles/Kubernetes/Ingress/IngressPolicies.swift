import Configuration

/// What the annotations of one Ingress ask of every route made from it. What ingress-nginx does where nothing is written is
/// done here too, because services rely on it without knowing.
struct IngressPolicies {
    let annotations: IngressAnnotations

    /// nginx.conf as ingress-nginx writes it: `proxy_connect_timeout`.
    static let defaultConnectTimeout = Duration.seconds(5)
    /// `proxy_read_timeout` and `proxy_send_timeout`.
    static let defaultIdleTimeout = Duration.seconds(60)
    /// `client_max_body_size`
    static let defaultBodySize: Int64 = 1 << 20

    /// Both of nginx's timeouts run while nothing moves, one in each direction; here one runs for both.
    func idleTimeout() -> Duration {
        let read = annotations.seconds("proxy-read-timeout")
        guard let send = annotations.seconds("proxy-send-timeout") else { return read ?? Self.defaultIdleTimeout }
        if let read, read != send {
            annotations.note(
                "proxy-send-timeout",
                "one timeout covers both directions here, so the longer of 'proxy-read-timeout' and "
                    + "'proxy-send-timeout' counts")
        }
        return max(send, read ?? Self.defaultIdleTimeout)
    }

    /// `nil` for none.
    func maxBodySize() -> Int64? {
        guard annotations.has("proxy-body-size") else { return Self.defaultBodySize }
        return annotations.size("proxy-body-size").flatMap { $0 == 0 ? nil : $0 }
    }

    func denyFrom() -> [CIDR] { annotations.networks("denylist-source-range") ?? [] }

    func allowFrom() -> [CIDR] {
        if annotations.has("allowlist-source-range"), annotations.has("whitelist-source-range") {
            annotations.error(
                "whitelist-source-range",
                "'whitelist-source-range' and 'allowlist-source-range' are one annotation, keep one of them")
        }
        return annotations.networks("allowlist-source-range") ?? annotations.networks("whitelist-source-range") ?? []
    }

    /// Header operations that annotations ask for.
    func requestHeaders() -> HeaderOperations {
        var operations = HeaderOperations()
        guard let value = annotations.text("x-forwarded-prefix") else { return operations }
        guard annotations.has("rewrite-target") else {
            annotations.note(
                "x-forwarded-prefix", "'x-forwarded-prefix' does nothing without 'rewrite-target', in nginx neither")
            return operations
        }
        guard !value.contains("$"), HeaderText.isValue(value) else {
            annotations.error(
                "x-forwarded-prefix",
                "'x-forwarded-prefix' must be a fixed path such as \"/app\", not \(Wording.quoted(value))")
            return operations
        }
        operations.set.append(
            HeaderOperations.Field(name: "X-Forwarded-Prefix", value: HeaderTemplate(literal: value)))
        return operations
    }

    /// The new `Host`.
    func upstreamHost() -> String? {
        guard let host = annotations.text("upstream-vhost") else { return nil }
        let parts = host.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let isPort = parts.count == 1 || UInt16(parts[1]) != nil
        guard let name = parts.first, isPort, HostName.isValid(name) || IPAddress(name) != nil else {
            annotations.error(
                "upstream-vhost",
                "'upstream-vhost' must be a host name, not \(Wording.quoted(host)); variables of nginx are not known")
            return nil
        }
        return host.lowercased()
    }
}
