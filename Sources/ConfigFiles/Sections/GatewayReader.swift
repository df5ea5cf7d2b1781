import Configuration

/// Reads the merged mapping of all files into the model.
struct GatewayReader {
    let report: Report
    let sources: SourceFiles
    var weights = WeightTable()
    /// Routes may come from there, and listeners are asked for when everything has been read.
    var hasManifests = false

    func gateway(_ root: YAMLNode) -> Gateway {
        var gateway = Gateway()
        guard let section = Section(root, .gateway, title: "the configuration", report) else { return gateway }
        gateway.loops = section.integer("loops", report)
        gateway.memoryLimit = section.size("memoryLimit", report)
        gateway.resolve = resolve(section)
        let bound = boundAddresses(section, into: &gateway)
        checkOverlaps(bound)
        gateway.accessLog = section.entry("accessLog", report).flatMap(accessLog)
        gateway.tracing = section.entry("tracing", report).flatMap(tracing)
        section.entry("shutdown", report).map { gateway.shutdown = shutdown($0) }
        gateway.takeoverSocket = section.entry("takeover", report).flatMap(takeoverSocket)

        let backends = backends(section)
        gateway.backends = backends.read
        let references = BackendReferences(
            positions: backends.positions ?? [:], isComplete: backends.positions != nil && !sources.isIncomplete,
            report: report)
        gateway.routes = routes(section, references)
        references.warnAboutUnused()
        return gateway
    }

    /// An address that a socket will be bound to, and who said so.
    struct BoundAddress {
        var owner: String
        var address: Address
        var position: Position
    }

    private func boundAddresses(_ section: Section, into gateway: inout Gateway) -> [BoundAddress] {
        var bound: [BoundAddress] = []
        gateway.listeners = listeners(section, &bound)
        if let entry = section.entry("admin", report), let admin = admin(entry) {
            gateway.admin = admin.surface
            bound.append(BoundAddress(owner: "'admin'", address: admin.surface.address, position: admin.position))
        }
        if let entry = section.entry("metrics", report),
            let metrics = Section(entry.value, .metrics, title: "'metrics'", report)
        {
            if let address = metrics.listeningAddress("address", report) {
                gateway.metrics = address
                let position = metrics.position(of: "address")
                bound.append(BoundAddress(owner: "'metrics'", address: address, position: position))
            } else if !metrics.has("address") {
                report.error(metrics.position, "'metrics' needs an address, write 'address: 127.0.0.1:9902'")
            }
        }
        if let entry = section.entry("customMetrics", report), let (settings, position) = customMetrics(entry) {
            gateway.customMetrics = settings
            bound.append(BoundAddress(owner: "'customMetrics'", address: settings.address, position: position))
        }
        return bound
    }

    private func checkOverlaps(_ bound: [BoundAddress]) {
        for (index, later) in bound.enumerated() {
            guard let earlier = bound[..<index].first(where: { Self.overlap($0.address, later.address) }) else {
                continue
            }
            let place = report.place(earlier.position, from: later.position)
            report.error(
                later.position,
                "\(later.owner) listens on \(later.address), which \(earlier.owner) takes in \(place), choose another "
                    + (later.address.hostPort == nil ? "socket" : "port")
            )
        }
    }

    private func resolve(_ section: Section) -> [String: HostPort] {
        guard let entry = section.entry("resolve", report) else { return [:] }
        var result: [String: HostPort] = [:]
        for pair in Section.pairs(entry, "{ triton.example.com: 10.0.0.7:8000 }", report) {
            let name = pair.key.lowercased()
            guard HostName.isValid(name), IPAddress(name) == nil else {
                report.error(
                    pair.position,
                    "\(Wording.quoted(pair.key)) is no host name, write a name without a port or final dot")
                continue
            }
            guard let address = Section.hostPort(pair.value, Wording.quoted(pair.key), report) else { continue }
            guard address.port != 0 else {
                report.error(pair.value.position, "\(Wording.quoted(pair.key)) needs a port above 0")
                continue
            }
            if result.updateValue(address, forKey: name) != nil {
                report.error(
                    pair.position, "\(Wording.quoted(pair.key)) is pinned twice (case does not count), keep one")
            }
        }
        return result
    }

    private func accessLog(_ entry: YAMLNode.Entry) -> AccessLog? {
        guard let section = Section(entry.value, .accessLog, title: "'accessLog'", report) else { return nil }
        var log = AccessLog()
        if let path = section.text("path", report) {
            switch path {
            case "stdout": log.sink = .standardOutput
            case "stderr": log.sink = .standardError
            default:
                let file = report.name(of: section.position(of: "path").file)
                log.sink = .file(FilePath.absolute(FilePath.resolve(path, relativeTo: file)))
            }
        }
        section.choice("format", [("json", AccessLog.Format.json), ("text", .text)], report).map { log.format = $0 }
        section.percent("samplePercent", report).map { log.samplePercent = $0 }
        return log
    }

    private func shutdown(_ entry: YAMLNode.Entry) -> Shutdown {
        var shutdown = Shutdown()
        guard let section = Section(entry.value, .shutdown, title: "'shutdown'", report) else { return shutdown }
        section.duration("delay", report).map { shutdown.delay = $0 }
        section.duration("drain", report).map { shutdown.drain = $0 }
        return shutdown
    }
}
