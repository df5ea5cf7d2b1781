/// Every annotation of ingress-nginx, and what becomes of it. docs/from-ingress-nginx.md is held against this table by a test.
enum AnnotationTable {
    enum Treatment: Sendable {
        /// A reader turns it into configuration.
        case read
        /// Nothing here can honour it. Values that ask for nothing are let through.
        case refused(unless: [String], instead: String)
        /// It asks for nothing that needs doing here. Values that are fulfilled exactly are not spoken of.
        case idle(unless: [String], because: String)
    }

    /// What is said of an annotation that is not read: the severity follows from the treatment.
    static func check(_ annotations: IngressAnnotations) {
        for name in annotations.names {
            guard let treatment = treatments[name] else {
                let hint = annotations.report.nearest(to: name, among: treatments.keys)
                annotations.error(
                    name,
                    "ingress-nginx has no annotation \(Wording.quoted(name))"
                        + (hint.map { ", did you mean '\($0)'?" } ?? ", leave it out"))
                continue
            }
            switch treatment {
            case .read: break
            case .refused(let harmless, let instead):
                guard let text = annotations.text(name), !isOne(of: harmless, text) else { break }
                annotations.error(name, "'\(name)' \(instead)")
            case .idle(let fulfilled, let because):
                guard let text = annotations.text(name), !isOne(of: fulfilled, text) else { break }
                annotations.note(name, "'\(name)' does nothing here: \(because)")
            }
        }
    }

    private static func isOne(of words: [String], _ text: String) -> Bool {
        guard !words.contains(text.lowercased()) else { return true }
        guard let flag = AnnotationText.flag(text) else { return false }
        return words.contains(flag ? "true" : "false")
    }

    static let treatments: [String: Treatment] = {
        var table: [String: Treatment] = [:]
        for name in read { table[name] = .read }
        for name in streaming {
            table[name] = .idle(unless: ["off"], because: "bodies are passed on as they arrive and nothing is buffered")
        }
        for (name, row) in others { table[name] = row }
        for name in snippets { table[name] = .read }
        return table
    }()

    /// Nginx configuration in text.
    static let snippets = [
        "configuration-snippet", "server-snippet", "auth-snippet", "location-snippet", "stream-snippet",
        "modsecurity-snippet",
    ]

    /// What decides in a canary Ingress; the main one has the rest.
    static let ofCanaries: Set<String> = [
        "canary", "canary-by-header", "canary-by-header-value", "canary-by-header-pattern", "canary-by-cookie",
        "canary-weight", "canary-weight-total", "load-balance", "upstream-hash-by",
        "affinity-canary-behavior",
    ]

    private static let read = [
        "affinity", "affinity-canary-behavior", "affinity-mode", "allowlist-source-range", "app-root", "auth-realm",
        "auth-secret", "auth-secret-type", "auth-type", "backend-protocol", "canary", "canary-by-cookie",
        "canary-by-header", "canary-by-header-pattern", "canary-by-header-value", "canary-weight",
        "canary-weight-total", "cors-allow-credentials", "cors-allow-headers", "cors-allow-methods",
        "cors-allow-origin", "cors-expose-headers", "cors-max-age", "denylist-source-range", "enable-cors",
        "force-ssl-redirect", "from-to-www-redirect", "limit-burst-multiplier", "limit-rpm", "limit-rps",
        "load-balance", "mirror-host", "mirror-request-body", "mirror-target", "permanent-redirect",
        "permanent-redirect-code", "proxy-body-size", "proxy-connect-timeout", "proxy-next-upstream",
        "proxy-next-upstream-timeout", "proxy-next-upstream-tries", "proxy-read-timeout", "proxy-send-timeout",
        "proxy-ssl-name", "proxy-ssl-verify", "rewrite-target", "server-alias", "session-cookie-domain",
        "session-cookie-expires", "session-cookie-max-age", "session-cookie-name", "session-cookie-path",
        "session-cookie-samesite", "session-cookie-secure", "ssl-redirect", "temporal-redirect",
        "temporal-redirect-code", "upstream-hash-by", "upstream-vhost", "use-regex", "whitelist-source-range",
        "x-forwarded-prefix",
    ]

    private static let streaming = [
        "client-body-buffer-size", "proxy-buffer-size", "proxy-buffering", "proxy-buffers-number",
        "proxy-busy-buffers-size", "proxy-max-temp-file-size", "proxy-request-buffering",
    ]
}
