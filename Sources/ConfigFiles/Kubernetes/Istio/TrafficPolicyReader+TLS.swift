import Configuration
import TLS

/// TLS towards the endpoints of a service.
extension TrafficPolicyReader {
    private enum Mode { case disable, simple, mutual, mesh }

    func tls(_ fields: Fields) -> TrafficPolicy.TLS? {
        let modes = [
            ("SIMPLE", Mode.simple), ("MUTUAL", .mutual), ("DISABLE", .disable), ("ISTIO_MUTUAL", .mesh),
        ]
        let mode = fields.choice("mode", modes) ?? .disable
        var tls = BackendTLS()
        switch mode {
        case .disable: return fields.has("mode") && fields.entry("mode")?.value.text != "DISABLE" ? nil : .off
        case .mesh:
            report.error(
                fields.valuePosition(of: "mode"),
                "'ISTIO_MUTUAL' cannot be honoured: its certificates are those of a mesh, write MUTUAL and their files")
            return nil
        case .simple: break
        case .mutual:
            for key in ["clientCertificate", "privateKey"] where !fields.has(key) {
                report.error(fields.position, "'MUTUAL' needs a certificate and its key, add '\(key)'")
            }
            let chain = file("clientCertificate", "the certificate", fields)
            let privateKey = file("privateKey", "the private key", fields)
            if let chain, let privateKey { tls.certificate = CertificateFiles(chain: chain, privateKey: privateKey) }
        }
        // Istio's word for the authorities that the system knows.
        if fields.text("caCertificates") != "system" {
            tls.authorities = file("caCertificates", "the authorities", fields)
        }
        tls.serverName = serverName(fields)
        if fields.flag("insecureSkipVerify") == true {
            report.error(
                fields.position(of: "insecureSkipVerify"),
                "'insecureSkipVerify' cannot be honoured: certificates are always verified, write 'caCertificates'")
        }
        if !report.hasErrors { check(tls, fields) }
        return .on(tls)
    }

    /// One name is asked for and held against the certificate; Istio may have others for that.
    private func serverName(_ fields: Fields) -> String? {
        let sni = fields.text("sni")
        let names = fields.texts("subjectAltNames")
        for (name, position) in names.dropFirst() + (sni == nil ? [] : names.prefix(1)) where name != sni {
            report.error(
                position, "the name in the certificate must be the one that is asked for, keep one name and 'sni' alike"
            )
        }
        guard let name = (sni ?? names.first?.text)?.lowercased() else { return nil }
        guard HostName.isValid(name) || IPAddress(name) != nil else {
            report.error(fields.position, "\(Wording.quoted(name)) is no host name, write one without '*' and scheme")
            return nil
        }
        return name
    }

    private func file(_ key: String, _ title: String, _ fields: Fields) -> [UInt8]? {
        guard let path = fields.text(key) else { return nil }
        return sources.contents(at: path, title, position: fields.valuePosition(of: key))
    }

    /// Makes of the files what will be made of them, so that what is wrong with them is found now.
    private func check(_ tls: BackendTLS, _ fields: Fields) {
        do throws(TLSConfigurationError) {
            _ = try TLSClientContext(TLSClientSettings(tls))
        } catch {
            let key =
                switch error.part {
                case .certificate: "clientCertificate"
                case .privateKey: "privateKey"
                case .authorities: "caCertificates"
                case .alpn: "mode"
                }
            report.error(fields.position(of: key), "'\(key)': \(error.message)")
        }
    }
}
