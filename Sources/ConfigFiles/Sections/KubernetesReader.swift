import Configuration
import TLS

/// What concerns a Kubernetes cluster: Services whose pods are endpoints, and what autoscalers are served.
extension GatewayReader {
    /// An endpoint that is written as a Service.
    ///
    /// - Returns: `nil` for one that is written in another way; without a service after a report.
    func service(
        _ node: YAMLNode, of backend: Backend
    ) -> (service: Backend.KubernetesService?, position: Position)? {
        guard node.names("kubernetes") else { return nil }
        guard let section = Section(node, .endpoint, title: "an endpoint", report) else { return (nil, node.position) }
        let weight = section.integer("weight", report)
        let own = serverPorts(section, backend.server, ofBackend: false)
        for key in section.written(["address", "pod"]) {
            report.error(
                section.position(of: key), "'kubernetes' says where its endpoints are, leave '\(key)' out")
        }
        let position = section.position(of: "kubernetes")
        guard let entry = section.entry("kubernetes", report),
            let written = Section(entry.value, .kubernetesService, title: "'kubernetes'", report)
        else { return (nil, position) }
        let namespace = kubernetesName("namespace", written)
        let name = kubernetesName("service", written)
        let port = servicePort(written)
        let missing = ["namespace", "service", "port"].filter { !written.has($0) }
        if !missing.isEmpty {
            report.error(
                written.position,
                "'kubernetes' needs \(Wording.list(missing.map { "'\($0)'" }, "and")), write it such as "
                    + "{ namespace: ml, service: triton, port: http }")
        }
        guard let namespace, let name, let port else { return (nil, position) }
        var service = Backend.KubernetesService(namespace: namespace, service: name, port: port)
        service.weight = weight ?? 1
        service.grpcPort = own.grpc ?? backend.grpcPort
        service.metricsPort = own.metrics ?? backend.metricsPort
        return (service, position)
    }

    /// A DNS label (RFC 1123 section 2.1), as namespaces and Services have them.
    func kubernetesName(_ key: String, _ section: Section) -> String? {
        guard let text = section.text(key, report) else { return nil }
        guard Self.isLabel(text) else {
            report.error(
                section.valuePosition(of: key, report),
                "'\(key)' must be a name in Kubernetes, not \(Wording.quoted(text)): lower-case letters, digits and '-', "
                    + "at most 63 of them")
            return nil
        }
        return text
    }

    /// A name of a port, or a number.
    private func servicePort(_ section: Section) -> String? {
        guard let text = section.text("port", report) else { return nil }
        let isNumber = text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        let isGood = isNumber ? UInt16(text).map { $0 > 0 && String($0) == text } == true : Self.isLabel(text)
        guard isGood else {
            report.error(
                section.valuePosition(of: "port", report),
                "'port' must be the name of a port of the Service, or its number at the pods, not \(Wording.quoted(text))"
            )
            return nil
        }
        return text
    }

    /// DNS labels with dots between them.
    func podName(_ section: Section) -> String? {
        guard let text = section.text("pod", report) else { return nil }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= HostName.maximumBytes, labels.allSatisfy({ Self.isLabel(String($0)) }) else {
            report.error(
                section.valuePosition(of: "pod", report),
                "'pod' must be the name of a pod, such as triton-0, not \(Wording.quoted(text))")
            return nil
        }
        return text
    }

    /// Two endpoints of one pod, such as those of two containers, would count twice in what it is scaled by.
    func checkPods(_ endpoints: [(endpoint: Backend.Endpoint, position: Position)]) {
        var taken: [String: Address] = [:]
        for (endpoint, position) in endpoints {
            guard let pod = endpoint.pod else { continue }
            if let other = taken[pod] {
                report.warning(
                    position, "the pod of \(endpoint.address) is also that of \(other), what both say of it is added up"
                )
            } else {
                taken[pod] = endpoint.address
            }
        }
    }

    private static func isLabel(_ text: String) -> Bool {
        let hyphen = UInt8(ascii: "-")
        return (1...63).contains(text.utf8.count) && text.utf8.first != hyphen && text.utf8.last != hyphen
            && text.utf8.allSatisfy { $0 == hyphen || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }
    }

    // MARK: customMetrics

    /// What autoscalers are served, and where its address stands.
    func customMetrics(_ entry: YAMLNode.Entry) -> (settings: CustomMetrics, position: Position)? {
        guard let section = Section(entry.value, .customMetrics, title: "'customMetrics'", report) else { return nil }
        let tls = section.entry("tls", report).flatMap { listenerTLS($0, .customMetricsTLS) }
        let address = section.listeningAddress("address", report)
        if !section.has("address") {
            report.error(section.position, "'customMetrics' needs an address, write 'address: 0.0.0.0:6443'")
        }
        if !section.has("tls") {
            report.error(
                section.position,
                "'customMetrics' is served over TLS only, write 'tls: { certificates: [{ certificate: tls.crt, "
                    + "privateKey: tls.key }] }'")
        }
        if section.written(["requestHeaderCA", "tokenFile"]).isEmpty {
            report.error(
                section.position,
                "'customMetrics' would let nobody in, write 'requestHeaderCA: front-proxy-ca.crt' for the API server, "
                    + "'tokenFile: token' for direct use, or both")
        }
        guard var settings = address.map({ CustomMetrics(address: $0, tls: tls ?? ListenerTLS()) }) else { return nil }
        kubernetesName("namespace", section).map { settings.namespace = $0 }
        settings.requestHeaderCA = authorities(section)
        settings.requestHeaderNames = requestHeaderNames(section)
        settings.tokenFile = token(section)
        if let entry = section.entry("dcgmExporters", report) { settings.dcgmExporters = exporters(entry) }
        return (settings, section.position(of: "address"))
    }

    private func authorities(_ section: Section) -> [UInt8]? {
        guard let bytes = file("requestHeaderCA", "the authorities of the API server", section) else { return nil }
        do throws(TLSConfigurationError) {
            try TLSServerSettings.checkAuthorities(bytes)
        } catch {
            report.error(
                section.valuePosition(of: "requestHeaderCA", report),
                "the authorities of the API server: \(error.message)")
        }
        return bytes
    }

    private func requestHeaderNames(_ section: Section) -> [String] {
        guard let entry = section.entry("requestHeaderNames", report) else { return [] }
        if !section.has("requestHeaderCA") {
            report.error(
                entry.position, "'requestHeaderNames' are those in certificates of 'requestHeaderCA', add that")
        }
        return Section.items(entry, "[front-proxy-client]", report).compactMap {
            Section.text($0, "a name of a certificate", report)
        }
    }

    /// Nothing of it is ever in a message.
    private func token(_ section: Section) -> [UInt8]? {
        guard let bytes = file("tokenFile", "the token", section) else { return nil }
        let position = section.valuePosition(of: "tokenFile", report)
        guard let token = CustomMetrics.token(in: bytes) else {
            report.error(position, "the token's file is empty, fill it such as with 'openssl rand -hex 32'")
            return bytes
        }
        if !token.allSatisfy({ (0x21...0x7E).contains($0) }) {
            report.error(position, "the token must be one word of visible ASCII, make one with 'openssl rand -hex 32'")
        } else if token.count < Self.shortestToken {
            report.error(
                position,
                "the token has less than \(Self.shortestToken) characters, and could be guessed: make one with "
                    + "'openssl rand -hex 32'")
        }
        return bytes
    }

    /// 64 bits, where it is written in hexadecimal digits.
    private static let shortestToken = 16

    private func exporters(_ entry: YAMLNode.Entry) -> [HostPort] {
        var exporters: [HostPort] = []
        for item in Section.items(entry, "[dcgm-exporter.gpu-operator.svc:9400]", report) {
            guard let place = Section.hostPort(item, "a DCGM exporter", report) else { continue }
            guard place.port != 0, IPAddress(place.host)?.isUnspecified != true else {
                report.error(item.position, "nothing can be reached at \(place), write the exporter's address and port")
                continue
            }
            if exporters.contains(place) {
                report.error(item.position, "\(place) is written twice, keep one")
            } else {
                exporters.append(place)
            }
        }
        return exporters
    }
}
