import Base
import Configuration
import TLS

/// TLS on listeners and towards backends.
extension GatewayReader {
    private static let certificateExample = "[{ certificate: tls.crt, privateKey: tls.key }]"

    func listenerTLS(_ entry: YAMLNode.Entry) -> ListenerTLS? { listenerTLS(entry, .listenerTLS) }

    /// - Parameter schema: says whether clients may have certificates.
    func listenerTLS(_ entry: YAMLNode.Entry, _ schema: Schema) -> ListenerTLS? {
        guard let section = Section(entry.value, schema, title: "'tls'", report) else { return nil }
        var tls = ListenerTLS()
        if let entry = section.entry("certificates", report) {
            for item in Section.items(entry, Self.certificateExample, isRequired: true, report) {
                guard let section = Section(item, .certificate, title: "a certificate", report) else { continue }
                certificate(section).map { tls.certificates.append($0) }
            }
        } else if !section.has("certificates") {
            report.error(
                section.position, "'tls' needs a certificate, write 'certificates: \(Self.certificateExample)'")
        }
        if schema.reads("clientCA") { clientAuthentication(section, &tls) }
        let versions = ListenerTLS.Version.allCases.map { ($0.rawValue, $0) }
        section.choice("minVersion", versions, report).map { tls.minimumVersion = $0 }
        section.duration("handshakeTimeout", report).map { tls.handshakeTimeout = $0 }
        if !report.hasErrors { check(tls, section) }
        return tls
    }

    private func clientAuthentication(_ section: Section, _ tls: inout ListenerTLS) {
        tls.clientCA = file("clientCA", "the authorities of clients", section)
        let modes = ListenerTLS.ClientAuthentication.allCases.map { ($0.rawValue, $0) }
        let mode = section.choice("clientAuth", modes, report)
        // Whoever names authorities means clients to need them.
        tls.clientAuthentication = mode ?? (section.has("clientCA") ? .require : .none)
        if let mode, mode != .none, !section.has("clientCA") {
            report.error(
                section.position(of: "clientAuth"),
                "'clientAuth: \(mode.rawValue)' needs to know whose certificates are good, add 'clientCA: ca.crt'")
        }
    }

    /// Makes of the files what will be made of them, so that what is wrong with them is found now.
    private func check(_ tls: ListenerTLS, _ section: Section) {
        do throws(TLSConfigurationError) {
            let context = try TLSServerContext(TLSServerSettings(tls), tickets: TicketKeys(now: .now()))
            warn(context.certificates, section.position(of: "certificates"))
        } catch {
            report.error(position(of: error.part, section), "\(Self.title(of: error.part)): \(error.message)")
        }
    }

    private func check(_ tls: BackendTLS, _ section: Section) {
        do throws(TLSConfigurationError) {
            let context = try TLSClientContext(TLSClientSettings(tls))
            warn(context.certificate.map { [$0] } ?? [], section.position(of: "certificate"))
        } catch {
            report.error(position(of: error.part, section), "\(Self.title(of: error.part)): \(error.message)")
        }
    }

    private func warn(_ certificates: [TLSCertificateSummary], _ position: Position) {
        let now = Int64(wallClockNanoseconds() / 1_000_000_000)
        for certificate in certificates {
            guard let problem = certificate.problem(at: now) else { continue }
            report.warning(position, "the certificate \(Wording.quoted(certificate.subject)): \(problem)")
        }
    }

    private func position(of part: TLSConfigurationError.Part, _ section: Section) -> Position {
        let keys: [String] =
            switch part {
            case .certificate: ["certificates", "certificate"]
            case .privateKey: ["certificates", "privateKey"]
            case .authorities: ["clientCA", "ca"]
            case .alpn: []
            }
        return keys.first { section.has($0) }.map { section.position(of: $0) } ?? section.position
    }

    private static func title(of part: TLSConfigurationError.Part) -> String {
        switch part {
        case .certificate(let index): "certificate \(index + 1)"
        case .privateKey(let index): "the private key of certificate \(index + 1)"
        case .authorities: "the authorities"
        case .alpn: "the application protocols"
        }
    }

    func backendTLS(_ entry: YAMLNode.Entry) -> BackendTLS? {
        guard let section = Section(entry.value, .backendTLS, title: "'tls'", report) else { return nil }
        var tls = BackendTLS()
        tls.authorities = file("ca", "the authorities", section)
        if let entry = section.entry("serverName", report) { tls.serverName = hostName(entry.value, "'serverName'") }
        if section.written(["certificate", "privateKey"]).count > 0 {
            tls.certificate = certificate(section)
        }
        if !report.hasErrors { check(tls, section) }
        return tls
    }

    /// A certificate and its key, which need each other.
    private func certificate(_ section: Section) -> CertificateFiles? {
        for key in ["certificate", "privateKey"] where !section.has(key) {
            report.error(section.position, "a certificate and its key belong together, add '\(key)'")
        }
        let chain = file("certificate", "the certificate", section)
        let privateKey = file("privateKey", "the private key", section)
        guard let chain, let privateKey else { return nil }
        return CertificateFiles(chain: chain, privateKey: privateKey)
    }

    func file(_ key: String, _ title: String, _ section: Section) -> [UInt8]? {
        guard let entry = section.entry(key, report), let path = section.text(key, report) else { return nil }
        return sources.contents(at: path, title, position: entry.value.position)
    }
}
