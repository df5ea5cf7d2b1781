import Configuration

/// How the services of one Ingress are reached. Two that are reached alike are one backend.
struct IngressBackendSettings: Equatable {
    var connectTimeout = IngressPolicies.defaultConnectTimeout
    var `protocol` = Backend.HTTPProtocol.http1
    var tls: BackendTLS?
    var balance = Backend.Balance.leastRequest

    func apply(to backend: inout Backend) {
        backend.timeouts.connect = connectTimeout
        backend.protocol = self.protocol
        backend.tls = tls
        backend.balance = balance
    }
}

extension IngressPolicies {
    func backendSettings() -> IngressBackendSettings {
        var settings = IngressBackendSettings()
        annotations.seconds("proxy-connect-timeout").map { settings.connectTimeout = $0 }
        setProtocol(&settings)
        settings.balance = balance()
        return settings
    }

    private func setProtocol(_ settings: inout IngressBackendSettings) {
        let name = "backend-protocol"
        let text = annotations.text(name)?.uppercased() ?? "HTTP"
        switch text {
        case "HTTP": break
        case "HTTPS": settings.tls = BackendTLS()
        case "GRPC": settings.protocol = .http2
        case "GRPCS":
            settings.protocol = .http2
            settings.tls = BackendTLS()
        case "AUTO_HTTP":
            annotations.error(name, "'AUTO_HTTP' leaves the scheme to the client, write \"HTTP\" or \"HTTPS\"")
        default:
            annotations.error(
                name, "'\(name)' must be HTTP, HTTPS, GRPC or GRPCS, not \(Wording.quoted(text)), write one of them")
        }
        verification(&settings.tls)
    }

    /// The certificates of services are always verified here, which ingress-nginx has to be asked for.
    private func verification(_ tls: inout BackendTLS?) {
        let verify = annotations.choice("proxy-ssl-verify", [("on", true), ("off", false)])
        if let name = annotations.text("proxy-ssl-name") {
            if HostName.isValid(name) {
                tls?.serverName = name.lowercased()
            } else {
                annotations.error("proxy-ssl-name", "'proxy-ssl-name' must be a host name, not \(Wording.quoted(name))")
            }
        }
        guard tls != nil, verify != true else { return }
        if verify == false {
            annotations.error(
                "proxy-ssl-verify",
                "'proxy-ssl-verify' cannot be \"off\": leave it out and give the service a certificate for its name, or "
                    + "write a native backend with 'tls: { ca: … }'")
        } else {
            annotations.warning(
                "backend-protocol",
                "the service's certificate is verified, which ingress-nginx did not do: it needs one for its name from an "
                    + "authority that the system trusts")
        }
    }

    /// In the order in which ingress-nginx decides: affinity, then the hash, then the algorithm.
    private func balance() -> Backend.Balance {
        let algorithm = loadBalance()
        let hash = hashKey()
        if let cookie = affinityCookie() { return .hash(.cookie(cookie.name)) }
        return hash.map { .hash($0) } ?? algorithm ?? .leastRequest
    }

    private func loadBalance() -> Backend.Balance? {
        let balance = annotations.choice(
            "load-balance",
            [
                ("round_robin", Backend.Balance.roundRobin), ("ewma", .leastRequest), ("least_conn", .leastRequest),
                ("ip_hash", .hash(.clientAddress)),
            ])
        if annotations.text("load-balance")?.lowercased() == "ewma" {
            annotations.note(
                "load-balance", "'ewma' is 'leastRequest' here: the endpoint with fewer requests under way is taken")
        }
        return balance
    }

    private func hashKey() -> Backend.HashKey? {
        let name = "upstream-hash-by"
        guard let text = annotations.text(name) else { return nil }
        var variable = text[...]
        if variable.hasPrefix("${"), variable.hasSuffix("}") {
            variable = variable.dropFirst(2).dropLast()
        } else if variable.hasPrefix("$") {
            variable = variable.dropFirst()
        } else {
            variable = ""
        }
        let isName = variable.utf8.allSatisfy {
            $0 == UInt8(ascii: "_") || HeaderText.isToken(String(UnicodeScalar($0))) && $0 != UInt8(ascii: "$")
        }
        switch variable {
        case "remote_addr", "binary_remote_addr", "http_x_forwarded_for", "http_x_real_ip": return .clientAddress
        case _ where isName && variable.hasPrefix("http_") && variable != "http_host" && variable.utf8.count > 5:
            return .header(variable.dropFirst("http_".count).lowercased().replacing("_", with: "-"))
        case _ where isName && variable.hasPrefix("cookie_") && variable.utf8.count > 7:
            return .cookie(String(variable.dropFirst("cookie_".count)))
        default:
            annotations.error(
                name,
                "'\(name)' has \(Wording.quoted(text)), write $remote_addr, one header such as $http_x_user or one cookie "
                    + "such as $cookie_session")
            return nil
        }
    }
}
