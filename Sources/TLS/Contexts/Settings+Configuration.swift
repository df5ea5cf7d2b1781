package import Configuration

/// The configuration's words in those of the TLS floor.
extension TLSServerSettings {
    package init(_ settings: ListenerTLS) {
        self.init(
            certificates: settings.certificates.map(TLSKeyPair.init), clientCA: settings.clientCA,
            clientAuthentication: TLSClientAuthentication(settings.clientAuthentication),
            minVersion: settings.minimumVersion == .tls13 ? .tls13 : .tls12, alpn: ["h2", "http/1.1"])
    }
}

extension TLSClientAuthentication {
    fileprivate init(_ mode: ListenerTLS.ClientAuthentication) {
        self =
            switch mode {
            case .none: .none
            case .request: .request
            case .require: .require
            }
    }
}

extension TLSKeyPair {
    fileprivate init(_ files: CertificateFiles) {
        self.init(certificates: files.chain, privateKey: files.privateKey)
    }
}

extension TLSClientSettings {
    package init(_ settings: BackendTLS) {
        self.init(
            authorities: settings.authorities, certificate: settings.certificate.map(TLSKeyPair.init))
    }
}
