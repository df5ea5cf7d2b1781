import CSSL
import TLS
import Testing

/// A private key made for the tests.
final class TestKey: @unchecked Sendable {
    enum Kind { case rsa, ec, weakRSA }

    let handle: OpaquePointer

    init(_ kind: Kind) throws {
        let context = try #require(EVP_PKEY_CTX_new_from_name(nil, kind == .ec ? "EC" : "RSA", nil))
        defer { EVP_PKEY_CTX_free(context) }
        try #require(EVP_PKEY_keygen_init(context) == 1)
        switch kind {
        case .ec: try #require(EVP_PKEY_CTX_ctrl_str(context, "ec_paramgen_curve", "P-256") == 1)
        case .rsa: try #require(EVP_PKEY_CTX_ctrl_str(context, "rsa_keygen_bits", "2048") == 1)
        case .weakRSA: try #require(EVP_PKEY_CTX_ctrl_str(context, "rsa_keygen_bits", "1024") == 1)
        }
        var key: OpaquePointer?
        try #require(EVP_PKEY_generate(context, &key) == 1)
        handle = try #require(key)
    }

    deinit { EVP_PKEY_free(handle) }

    func pem(password: String? = nil) throws -> [UInt8] {
        try text { target in
            guard let password else { return PEM_write_bio_PrivateKey(target, handle, nil, nil, 0, nil, nil) }
            let bytes = Array(password.utf8)
            return PEM_write_bio_PrivateKey(target, handle, EVP_aes_256_cbc(), bytes, Int32(bytes.count), nil, nil)
        }
    }

    /// The binary form.
    func der() throws -> [UInt8] { try text { i2d_PrivateKey_bio($0, handle) } }
}

/// A certificate made for the tests, and its key.
final class TestCertificate: @unchecked Sendable {
    static let day = 86_400

    let handle: OpaquePointer
    let key: TestKey

    /// - Parameters:
    ///   - names: as in openssl.cnf: `DNS:a.test,IP:127.0.0.1`.
    ///   - days: when it holds, from now.
    ///   - issuer: signs it; itself if there is none.
    init(
        _ commonName: String, names: String? = nil, kind: TestKey.Kind = .ec, days: ClosedRange<Int> = -1...90,
        isAuthority: Bool = false, issuer: TestCertificate? = nil
    ) throws {
        key = try TestKey(kind)
        handle = try #require(X509_new())
        X509_set_version(handle, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(handle), Int.random(in: 1...1_000_000_000))
        X509_gmtime_adj(X509_getm_notBefore(handle), days.lowerBound * Self.day)
        X509_gmtime_adj(X509_getm_notAfter(handle), days.upperBound * Self.day)
        X509_set_pubkey(handle, key.handle)
        let subject = X509_get_subject_name(handle)
        // 0x1000: UTF-8 (MBSTRING_UTF8).
        X509_NAME_add_entry_by_txt(subject, "O", 0x1000, "Tests, Inc.", -1, -1, 0)
        X509_NAME_add_entry_by_txt(subject, "CN", 0x1000, commonName, -1, -1, 0)
        X509_set_issuer_name(handle, issuer.map { X509_get_subject_name($0.handle) } ?? subject)
        var extensions: [(Int32, String)] = [(NID_basic_constraints, "critical,CA:\(isAuthority ? "TRUE" : "FALSE")")]
        if let names { extensions.append((NID_subject_alt_name, names)) }
        for (kind, value) in extensions {
            var context = X509V3_CTX()
            X509V3_set_ctx(&context, issuer?.handle ?? handle, handle, nil, nil, 0)
            let made = try #require(X509V3_EXT_conf_nid(nil, &context, kind, value))
            X509_add_ext(handle, made, -1)
            X509_EXTENSION_free(made)
        }
        try #require(X509_sign(handle, (issuer?.key ?? key).handle, EVP_sha256()) > 0)
    }

    deinit { X509_free(handle) }

    var pem: [UInt8] { get throws { try text { PEM_write_bio_X509($0, handle) } } }
    var pair: TLSKeyPair { get throws { try TLSKeyPair(certificates: pem, privateKey: key.pem()) } }
}

/// Authorities and certificates that many tests use; made once.
struct TestWorld: Sendable {
    let authority: TestCertificate
    let server: TestCertificate
    let client: TestCertificate
    let otherAuthority: TestCertificate

    private init() throws {
        authority = try TestCertificate("Authority", isAuthority: true)
        otherAuthority = try TestCertificate("Other authority", isAuthority: true)
        server = try TestCertificate(
            "server", names: "DNS:server.test,DNS:*.wild.test,IP:127.0.0.1,IP:::1", issuer: authority)
        client = try TestCertificate("client", issuer: authority)
    }

    private static let made = Result { try TestWorld() }
    static var shared: TestWorld { get throws { try made.get() } }
}

/// What OpenSSL writes.
private func text(_ write: (OpaquePointer) -> Int32) throws -> [UInt8] {
    let target = try #require(BIO_new(BIO_s_mem()))
    defer { BIO_free(target) }
    try #require(write(target) == 1)
    var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(target))
    let count = bytes.withUnsafeMutableBytes { BIO_read(target, $0.baseAddress, Int32($0.count)) }
    try #require(Int(count) == bytes.count)
    return bytes
}
