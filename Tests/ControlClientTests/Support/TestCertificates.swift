import CSSL
import Configuration
import TLS
import Testing

/// A certificate made for the tests, and its key: P-256, good for a day.
final class TestCertificate: @unchecked Sendable {
    private let handle: OpaquePointer
    private let key: OpaquePointer

    /// - Parameters:
    ///   - names: as in openssl.cnf: `DNS:a.test,IP:127.0.0.1`.
    ///   - issuer: signs it; itself if there is none.
    init(_ commonName: String, names: String? = nil, issuer: TestCertificate? = nil) throws {
        key = try Self.makeKey()
        handle = try #require(X509_new())
        X509_set_version(handle, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(handle), Int.random(in: 1...1_000_000_000))
        X509_gmtime_adj(X509_getm_notBefore(handle), -86_400)
        X509_gmtime_adj(X509_getm_notAfter(handle), 86_400)
        X509_set_pubkey(handle, key)
        let subject = X509_get_subject_name(handle)
        // 0x1000: UTF-8 (MBSTRING_UTF8).
        X509_NAME_add_entry_by_txt(subject, "CN", 0x1000, commonName, -1, -1, 0)
        X509_set_issuer_name(handle, issuer.map { X509_get_subject_name($0.handle) } ?? subject)
        var extensions = [(NID_basic_constraints, "critical,CA:\(issuer == nil ? "TRUE" : "FALSE")")]
        if let names { extensions.append((NID_subject_alt_name, names)) }
        for (kind, value) in extensions {
            let made = try #require(X509V3_EXT_conf_nid(nil, nil, kind, value))
            X509_add_ext(handle, made, -1)
            X509_EXTENSION_free(made)
        }
        try #require(X509_sign(handle, issuer?.key ?? key, EVP_sha256()) > 0)
    }

    private static func makeKey() throws -> OpaquePointer {
        let context = try #require(EVP_PKEY_CTX_new_from_name(nil, "EC", nil))
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        try #require(EVP_PKEY_keygen_init(context) == 1)
        try #require(EVP_PKEY_CTX_ctrl_str(context, "ec_paramgen_curve", "P-256") == 1)
        try #require(EVP_PKEY_generate(context, &key) == 1)
        return try #require(key)
    }

    deinit {
        X509_free(handle)
        EVP_PKEY_free(key)
    }

    var pem: [UInt8] { get throws { try text { PEM_write_bio_X509($0, handle) } } }
    var keyPEM: [UInt8] {
        get throws { try text { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) } }
    }
    var pair: TLSKeyPair { get throws { try TLSKeyPair(certificates: pem, privateKey: keyPEM) } }
    var files: CertificateFiles { get throws { try CertificateFiles(chain: pem, privateKey: keyPEM) } }
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
