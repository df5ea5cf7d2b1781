/// What to write instead of nginx configuration, by the directives that are in it.
enum SnippetAdvice {
    /// More names make no better advice.
    private static let mostDirectives = 8
    /// A longer text says nothing that its beginning does not.
    private static let mostStatements = 1000

    /// Refuses each snippet, naming the native key for each directive in it.
    static func refuse(_ annotations: IngressAnnotations) {
        for name in AnnotationTable.snippets where annotations.has(name) {
            annotations.error(
                name,
                "'\(name)' holds nginx configuration, which is not run here: leave it out, turn the rest into native YAML "
                    + "with 'sluice convert', and add there what it did" + (annotations.text(name).map(advice) ?? ""))
        }
    }

    /// `: 'responseHeaders' for add_header, …`
    static func advice(for text: String) -> String {
        var known: [(key: String, directives: [String])] = []
        var unknown: [String] = []
        for directive in directives(in: text).prefix(mostDirectives) {
            guard let key = key(for: directive) else {
                unknown.append(Wording.quoted(directive))
                continue
            }
            if let index = known.firstIndex(where: { $0.key == key }) {
                known[index].directives.append(directive)
            } else {
                known.append((key, [directive]))
            }
        }
        let pairs = known.map { "\($0.key) instead of \(Wording.list($0.directives, "and"))" }
        let isOne = unknown.count == 1
        return (pairs.isEmpty ? "" : ": " + pairs.joined(separator: ", "))
            + (unknown.isEmpty
                ? "" : "; nothing here does what \(Wording.list(unknown, "and")) \(isOne ? "does" : "do")")
    }

    /// The first words of statements, each once, in the order of their appearance.
    static func directives(in text: String) -> [String] {
        var found: [String] = []
        var statements = 0
        for line in text.split(whereSeparator: \.isNewline) {
            let code = line.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
            for statement in code.split(whereSeparator: { ";{}".contains($0) }) {
                statements += 1
                guard statements <= mostStatements else { return found }
                guard let word = AnnotationText.words(String(statement)).first, isDirective(word), !found.contains(word)
                else { continue }
                found.append(word)
            }
        }
        return found
    }

    /// Arguments that go on on the next line begin with quotes, variables and the like.
    private static func isDirective(_ word: String) -> Bool {
        word.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == 0x5f || ($0 >= 0x30 && $0 <= 0x39)
        }
            && !(word.utf8.first.map { $0 >= 0x30 && $0 <= 0x39 } ?? true)
    }

    static func key(for directive: String) -> String? {
        if let key = keys[directive] { return key }
        return prefixes.first { directive.hasPrefix($0.prefix) }?.key
    }

    private static let prefixes: [(prefix: String, key: String)] = [
        ("proxy_ssl_", "'tls' of the backend"), ("grpc_ssl_", "'tls' of the backend"),
        ("proxy_next_upstream", "'retries'"), ("grpc_next_upstream", "'retries'"),
        ("ssl_", "'tls' of the listener"), ("proxy_buffer", "nothing (bodies stream)"),
        ("mirror", "'mirrors'"), ("limit_req", "'rateLimit'"),
        ("limit_conn", "'limits: { perClient: … }' of the listener"),
    ]

    /// As in docs/from-nginx-conf.md, which a test holds against this table.
    static let keys: [String: String] = [
        "add_header": "'responseHeaders'",
        "add_trailer": "'responseHeaders'",
        "expires": "'responseHeaders'",
        "more_clear_headers": "'responseHeaders'",
        "more_set_headers": "'responseHeaders'",
        "proxy_hide_header": "'responseHeaders'",
        "more_clear_input_headers": "'requestHeaders'",
        "more_set_input_headers": "'requestHeaders'",
        "grpc_set_header": "'requestHeaders'",
        "proxy_set_header": "'requestHeaders' ('rewrite: { host: … }' for Host)",
        "rewrite": "'rewrite' or 'redirect'",
        "return": "'redirect' or 'respond'",
        "if": "further routes with 'match'",
        "location": "further routes with 'match'",
        "map": "further routes with 'match'",
        "server_name": "'hosts'",
        "split_clients": "'weight' of the route's backends",
        "upstream": "'backends'",
        "proxy_pass": "'backends'",
        "grpc_pass": "'backends' with 'protocol: http2'",
        "server": "'endpoints' of a backend",
        "least_conn": "'balance: leastRequest'",
        "hash": "'balance: { hash: … }'",
        "ip_hash": "'balance: { hash: { clientAddress: true } }'",
        "allow": "'allowFrom'",
        "deny": "'denyFrom'",
        "auth_basic": "'basicAuth'",
        "auth_basic_user_file": "'basicAuth'",
        "client_max_body_size": "'maxBodySize'",
        "proxy_read_timeout": "'idleTimeout'",
        "proxy_send_timeout": "'idleTimeout'",
        "grpc_read_timeout": "'idleTimeout'",
        "grpc_send_timeout": "'idleTimeout'",
        "proxy_connect_timeout": "'timeouts: { connect: … }' of the backend",
        "grpc_connect_timeout": "'timeouts: { connect: … }' of the backend",
        "client_header_timeout": "'limits: { headerTimeout: … }' of the listener",
        "keepalive_timeout": "'limits: { idleTimeout: … }' of the listener",
        "large_client_header_buffers": "'limits: { headerBytes: … }' of the listener",
        "real_ip_header": "'trustedProxies' of the listener",
        "set_real_ip_from": "'trustedProxies' of the listener",
        "listen": "'listeners'",
        "http2": "nothing (HTTP/2 is always spoken)",
        "access_log": "'accessLog'",
        "proxy_http_version": "nothing (HTTP/1.1 is spoken with backends)",
        "proxy_request_buffering": "nothing (bodies stream)",
        "proxy_max_temp_file_size": "nothing (bodies stream)",
        "client_body_buffer_size": "nothing (bodies stream)",
        "keepalive": "nothing (connections are kept)",
    ]
}
