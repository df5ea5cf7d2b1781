import Configuration

/// Reads the `trafficPolicy` of a DestinationRule or of one of its subsets.
struct TrafficPolicyReader {
    let report: Report
    let sources: SourceFiles

    func policy(_ fields: Fields) -> TrafficPolicy {
        var policy = parts(fields)
        policy.retryBudget = fields.fields("retryBudget", .retryBudget).map { $0.number("percent", in: 0...100) ?? 20 }
        for item in fields.list("portLevelSettings", .portTrafficPolicy) {
            let port = item.fields("port", .portSelector)?.integer("number", in: Bounds.port)
            let own = parts(item)
            guard let port = port.flatMap({ UInt16(exactly: $0) }) else {
                if !item.has("port") {
                    report.error(item.position, "port settings need a port, write 'port: { number: 80 }'")
                }
                continue
            }
            if policy.ports.updateValue(own, forKey: port) != nil {
                report.error(item.position(of: "port"), "the port \(port) is in this list already, keep one")
            }
        }
        return policy
    }

    private func parts(_ fields: Fields) -> TrafficPolicy {
        var policy = TrafficPolicy()
        policy.loadBalancer = fields.fields("loadBalancer", .loadBalancer).map(loadBalancer)
        policy.pool = fields.fields("connectionPool", .connectionPool).map(pool)
        policy.outliers = fields.fields("outlierDetection", .istioOutlierDetection).map(outliers)
        policy.tls = fields.fields("tls", .clientTLS).flatMap(tls)
        return policy
    }

    private func loadBalancer(_ fields: Fields) -> TrafficPolicy.LoadBalancer {
        var result = TrafficPolicy.LoadBalancer()
        if fields.has("simple"), fields.has("consistentHash") {
            report.error(
                fields.position(of: "consistentHash"),
                "'loadBalancer' has both 'simple' and 'consistentHash', keep one of them")
        }
        result.balance = simple(fields) ?? fields.fields("consistentHash", .consistentHash).flatMap(hash)
        result.slowStart = slowStart(fields)
        for key in ["localityLbSetting", "zoneAwareLbSetting"] {
            guard let setting = fields.fields(key, .localitySetting), setting.flag("enabled") != false else { continue }
            report.error(
                fields.position(of: key),
                "'\(key)' cannot be honoured: endpoints have no localities here, leave it out or write 'enabled: false'"
            )
        }
        return result
    }

    private func simple(_ fields: Fields) -> Backend.Balance? {
        let position = fields.valuePosition(of: "simple")
        switch fields.entry("simple")?.value.text {
        case "RANDOM":
            report.note(position, "'RANDOM' spreads requests evenly, as does 'roundRobin', which takes its place")
            return .roundRobin
        case "PASSTHROUGH":
            report.error(
                position, "'PASSTHROUGH' cannot be honoured: requests go to the addresses of the service, leave it out")
            return nil
        default:
            return fields.choice(
                "simple",
                [
                    ("LEAST_REQUEST", Backend.Balance.leastRequest), ("ROUND_ROBIN", .roundRobin),
                    ("LEAST_CONN", .leastRequest), ("UNSPECIFIED", .leastRequest),
                ])
        }
    }

    private func hash(_ fields: Fields) -> Backend.Balance? {
        let written = fields.written(["httpHeaderName", "httpCookie", "useSourceIp"])
        guard written.count < 2 else {
            report.error(
                fields.position(of: written[1]),
                "'consistentHash' has both '\(written[0])' and '\(written[1])', keep one of them")
            return nil
        }
        if let name = fields.text("httpHeaderName") {
            guard HeaderText.isToken(name) else {
                report.error(fields.valuePosition(of: "httpHeaderName"), "\(Wording.quoted(name)) is no header name")
                return nil
            }
            return .hash(.header(name.lowercased()))
        }
        if let cookie = fields.fields("httpCookie", .hashCookie) {
            guard let name = cookie.text("name"), HeaderText.isToken(name) else {
                report.error(cookie.position, "'httpCookie' needs the name of a cookie, write 'name: session'")
                return nil
            }
            return .hash(.cookie(name))
        }
        if fields.flag("useSourceIp") == true { return .hash(.clientAddress) }
        if written.isEmpty {
            report.error(fields.position, "'consistentHash' does not say what to go by, write 'httpHeaderName: x-user'")
        }
        return nil
    }

    private func slowStart(_ fields: Fields) -> Duration? {
        let old = fields.duration("warmupDurationSecs", in: Bounds.timeoutOrNone)
        guard let warmup = fields.fields("warmup", .warmup) else { return old.flatMap { $0 == .zero ? nil : $0 } }
        if let least = warmup.number("minimumPercent", in: 0...100), least != 10 {
            report.warning(
                warmup.position(of: "minimumPercent"),
                "an endpoint begins with 10 percent of its weight, whatever is written")
        }
        if let aggression = warmup.number("aggression", in: 0...1_000), aggression != 1 {
            report.warning(
                warmup.position(of: "aggression"),
                "the weight of an endpoint grows evenly with time, whatever is written")
        }
        guard let duration = warmup.duration("duration", in: Bounds.timeoutOrNone) else {
            if !warmup.has("duration") {
                report.error(warmup.position, "'warmup' needs a duration, write 'duration: 30s'")
            }
            return nil
        }
        return duration == .zero ? nil : duration
    }

    private func pool(_ fields: Fields) -> TrafficPolicy.Pool {
        var pool = TrafficPolicy.Pool()
        if let tcp = fields.fields("tcp", .poolTCP) {
            pool.connections = limit("maxConnections", from: 1, tcp)
            pool.connect = tcp.duration("connectTimeout", in: Bounds.timeout)
            pool.idle = idle(tcp)
        }
        if let http = fields.fields("http", .poolHTTP) {
            pool.queue = limit("http1MaxPendingRequests", from: 0, http)
            pool.inFlight = limit("http2MaxRequests", from: 1, http)
            idle(http).map { pool.idle = $0 }
            let protocols: [(String, Backend.HTTPProtocol?)] = [
                ("UPGRADE", .http2), ("DO_NOT_UPGRADE", .http1), ("DEFAULT", nil),
            ]
            pool.protocol = http.choice("h2UpgradePolicy", protocols) ?? nil
            // So many that nobody counts them is what the gateway does anyway.
            if let retries = http.integer("maxRetries", in: 0...Int(UInt32.max)), retries <= Bounds.count.upperBound {
                report.warning(
                    http.position(of: "maxRetries"),
                    "'maxRetries' is not taken over: retries are a share of the requests, write 'retryBudget'")
            }
        }
        return pool
    }

    /// 0s turns it off in Istio, which is as long as there is.
    private func idle(_ fields: Fields) -> Duration? {
        fields.duration("idleTimeout", in: Bounds.timeoutOrNone).map { $0 == .zero ? Bounds.timeout.upperBound : $0 }
    }

    /// A number that says "no limit" in Istio is beyond the largest that is counted here, and stands for that.
    private func limit(_ key: String, from least: Int, _ fields: Fields) -> Int? {
        // 0 is what protocol buffers have for a number that nobody wrote.
        guard let value = fields.integer(key, in: 0...Int(UInt32.max)), value >= least else { return nil }
        return min(value, Bounds.count.upperBound)
    }

    private func outliers(_ fields: Fields) -> TrafficPolicy.Outliers {
        var detection = Backend.OutlierDetection()
        let all = Bounds.consecutiveErrors
        let gateway = fields.integer("consecutiveGatewayErrors", in: all) ?? 0
        // The old name for both counts; 5 is what Istio has where none is written.
        let server =
            fields.integer("consecutive5xxErrors", in: all) ?? fields.integer("consecutiveErrors", in: all) ?? 5
        // Whichever count is reached first; 0 counts nothing.
        detection.consecutiveErrors = [gateway, server].filter { $0 > 0 }.min() ?? 0
        if server > 0, fields.has("consecutive5xxErrors") {
            report.warning(
                fields.position(of: "consecutive5xxErrors"),
                "of the answers with 5xx only 502 and 504 count, beside failures to connect, resets and timeouts: 500 and "
                    + "503 say nothing of an endpoint")
        }
        fields.duration("baseEjectionTime", in: Bounds.ejectionTime).map { detection.baseEjectionTime = $0 }
        detection.maxEjectionPercent = fields.integer("maxEjectionPercent", in: 0...100).map(Double.init) ?? 10
        if fields.flag("splitExternalLocalOriginErrors") == true {
            report.error(
                fields.position(of: "splitExternalLocalOriginErrors"),
                "'splitExternalLocalOriginErrors' cannot be honoured: failures to connect count like all others, leave it out"
            )
        }
        let healthy = fields.integer("minHealthPercent", in: 0...100) ?? 0
        return TrafficPolicy.Outliers(detection: detection, panicThreshold: Double(healthy))
    }
}
