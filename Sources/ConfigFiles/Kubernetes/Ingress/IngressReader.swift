import Configuration

/// Reads the manifest of one Ingress.
struct IngressReader {
    let conversion: ManifestConversion
    let manifest: Manifest
    private var report: Report { conversion.report }

    init(_ conversion: ManifestConversion, _ manifest: Manifest) {
        self.conversion = conversion
        self.manifest = manifest
    }

    /// `nil` after a report.
    func resource() -> IngressResource? {
        let annotations = IngressAnnotations(manifest.annotations, report)
        guard let spec = manifest.spec(.ingressSpec, report) else { return nil }
        var resource = IngressResource(manifest: manifest, policies: IngressPolicies(annotations: annotations))
        checkClass(spec)
        for rule in spec.list("rules", .ingressRule) { add(rule, to: &resource) }
        resource.defaultService = spec.fields("defaultBackend", .ingressBackend).flatMap(service)
        resource.secureHosts = secureHosts(spec)
        if spec.isEmpty || (resource.hosts.isEmpty && !spec.has("defaultBackend") && !spec.has("rules")) {
            report.error(
                manifest.position, "\(manifest.title) has neither 'rules' nor 'defaultBackend', add one of them")
        }
        return resource
    }

    /// Controllers are told apart by a class; here every Ingress counts.
    private func checkClass(_ spec: Fields) {
        let old = manifest.annotations.first { $0.key == "kubernetes.io/ingress.class" }
        let written: (text: String?, position: Position)? =
            spec.has("ingressClassName")
            ? (spec.text("ingressClassName"), spec.position(of: "ingressClassName"))
            : old.map { ($0.value.text, $0.position) }
        guard let written, let text = written.text, text != "nginx" else { return }
        report.warning(
            written.position,
            "the class \(Wording.quoted(text)) may be meant for another controller; it is read as nginx would read it, leave "
                + "the Ingress out if it is not for this gateway")
    }

    private func add(_ rule: Fields, to resource: inout IngressResource) {
        guard let host = host(rule) else { return }
        if !resource.hosts.contains(host) { resource.hosts.append(host) }
        guard let http = rule.fields("http", .ingressHTTP) else { return }
        for fields in http.list("paths", .ingressPath) {
            if let path = path(fields, host: host, index: resource.nextIndex) { resource.paths.append(path) }
            resource.nextIndex += 1
        }
    }

    /// Lower case; `""` for any. `nil` after a report.
    private func host(_ rule: Fields) -> String? {
        guard let entry = rule.entry("host"), entry.value.text != "" else { return "" }
        guard let text = rule.text("host")?.lowercased() else { return nil }
        let name = text.hasPrefix("*.") ? text.dropFirst(2) : text[...]
        guard HostName.isValid(name), IPAddress(text) == nil else {
            report.error(
                rule.valuePosition(of: "host"),
                "\(Wording.quoted(text)) is no host of a rule, write a name, or '*.' and a name")
            return nil
        }
        if text.hasPrefix("*.") {
            report.note(
                rule.valuePosition(of: "host"),
                "\(Wording.quoted(text)) takes names of any depth here, not of one label alone")
        }
        return text
    }

    private func path(_ fields: Fields, host: String, index: Int) -> IngressResource.Path? {
        let types = IngressResource.PathType.allCases.map { ($0.rawValue, $0) }
        let type = fields.choice("pathType", types)
        if type == nil, !fields.has("pathType") {
            report.error(fields.position, "a path needs a type, write 'pathType: Prefix'")
        }
        let text = fields.text("path") ?? "/"
        guard let backend = fields.fields("backend", .ingressBackend) else {
            if !fields.has("backend") {
                report.error(fields.position, "a path needs a backend, write 'backend: { service: … }'")
            }
            return nil
        }
        guard let service = service(backend), let type else { return nil }
        return IngressResource.Path(
            host: host, text: text, type: type, service: service, index: index,
            position: fields.valuePosition(of: "path"))
    }

    private func service(_ backend: Fields) -> IngressResource.Service? {
        guard let service = backend.fields("service", .ingressService) else {
            if !backend.has("service"), !report.hasErrors {
                report.error(
                    backend.position, "a backend needs a service, write 'service: { name: …, port: { number: 80 } }'")
            }
            return nil
        }
        guard let name = service.text("name"), HostName.isValid(name), !name.contains(".") else {
            report.error(service.position, "a service needs the name of a Service, write 'name: web'")
            return nil
        }
        guard let port = service.fields("port", .ingressPort) else {
            report.error(
                service.position, "the service \(Wording.quoted(name)) needs a port, write 'port: { number: 80 }'")
            return nil
        }
        var reference = ServiceReference(host: name, namespace: manifest.namespace, port: 80)
        if let number = port.integer("number", in: 1...65535) {
            reference.port = UInt16(number)
        } else if !conversion.backends.isPinned(reference) || !port.has("name") {
            let name = port.text("name").map {
                "the port \(Wording.quoted($0)) has a name, which only Kubernetes knows"
            }
            report.error(
                port.position,
                (name ?? "a port needs a number") + ", write 'number: 80'"
                    + (name == nil ? "" : ", or where the service is: 'resolve: { \(reference.host): HOST:PORT }'"))
            return nil
        }
        return IngressResource.Service(reference: reference, position: service.position)
    }

    private func secureHosts(_ spec: Fields) -> [String]? {
        guard spec.has("tls") else { return nil }
        report.note(spec.position(of: "tls"), "'tls' takes no certificate from a Secret: the listener's 'tls' has them")
        var hosts: [String] = []
        for item in spec.list("tls", .ingressTLS) {
            guard item.has("hosts") else { return [] }
            hosts += item.texts("hosts").map { $0.text.lowercased() }
        }
        return hosts
    }
}
