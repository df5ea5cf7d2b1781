import CSSL

/// Certificates and keys in the text form of RFC 7468, as OpenSSL reads it: what stands around and between the blocks
/// is passed over.
enum PEM {
    /// All certificates of a file, in its order; at least one.
    static func certificates(
        _ bytes: [UInt8], _ part: TLSConfigurationError.Part
    ) throws(TLSConfigurationError) -> [Certificate] {
        guard let source = source(bytes) else { throw TLSConfigurationError(part, "the file is empty") }
        defer { BIO_free(source) }
        ErrorQueue.clear()
        var found: [Certificate] = []
        while let handle = PEM_read_bio_X509(source, nil, refusePassword, nil) { found.append(Certificate(handle)) }
        let code = ErrorQueue.take()
        if let code, !isEnd(code) {
            let number = found.count + 1
            throw TLSConfigurationError(part, "certificate \(number) of the file is damaged: \(ErrorQueue.text(code))")
        }
        guard !found.isEmpty else { throw TLSConfigurationError(part, hint(bytes, wanted: "CERTIFICATE")) }
        return found
    }

    /// The first private key of a file.
    static func privateKey(
        _ bytes: [UInt8], _ part: TLSConfigurationError.Part
    ) throws(TLSConfigurationError) -> PrivateKey {
        guard let source = source(bytes) else { throw TLSConfigurationError(part, "the file is empty") }
        defer { BIO_free(source) }
        ErrorQueue.clear()
        var wasAsked = false
        let handle = withUnsafeMutablePointer(to: &wasAsked) {
            PEM_read_bio_PrivateKey(source, nil, refusePassword, UnsafeMutableRawPointer($0))
        }
        ErrorQueue.clear()
        if let handle { return PrivateKey(handle) }
        if wasAsked {
            throw TLSConfigurationError(
                part,
                "the private key is encrypted, and nobody is there to type its password: "
                    + "decrypt it with 'openssl pkey' and protect the file instead")
        }
        guard contains(bytes, "PRIVATE KEY-----") else {
            throw TLSConfigurationError(part, hint(bytes, wanted: "PRIVATE KEY"))
        }
        throw TLSConfigurationError(part, "the private key is damaged, or of a kind that OpenSSL does not know")
    }

    /// No further block of the kind in the file.
    private static func isEnd(_ code: UInt) -> Bool {
        ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE
    }

    /// Reads a copy of `bytes`, which OpenSSL can keep as long as it likes.
    private static func source(_ bytes: [UInt8]) -> OpaquePointer? {
        guard !bytes.isEmpty, let source = BIO_new(BIO_s_mem()) else { return nil }
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int(Int32.max))
            let written = piece.withUnsafeBytes { BIO_write(source, $0.baseAddress, Int32($0.count)) }
            guard written > 0 else { break }
            rest = rest.dropFirst(Int(written))
        }
        return source
    }

    /// Why there was nothing of the kind in the file.
    private static func hint(_ bytes: [UInt8], wanted: String) -> String {
        let name = wanted == "CERTIFICATE" ? "certificate" : "private key"
        let marker = "-----BEGIN \(wanted)-----"
        if bytes.first == 0x30 {
            return "this is not PEM text but seems to be DER: write it as PEM, which begins with '\(marker)'"
        }
        let other = wanted == "CERTIFICATE" ? "PRIVATE KEY-----" : "-----BEGIN CERTIFICATE-----"
        if contains(bytes, other) {
            let found = wanted == "CERTIFICATE" ? "private key" : "certificate"
            return "no \(name) in it, but a \(found): are two files mixed up?"
        }
        return "no \(name) in it: it has to be PEM text, which begins with '\(marker)'"
    }

    private static func contains(_ bytes: [UInt8], _ text: String) -> Bool {
        let wanted = Array(text.utf8)
        guard bytes.count >= wanted.count else { return false }
        return (0...bytes.count - wanted.count).contains { bytes[$0...].starts(with: wanted) }
    }
}

/// A pem_password_cb(3) that notes in the flag it is given that a password was asked for; without one OpenSSL would ask
/// on the terminal.
private func refusePassword(
    _ password: UnsafeMutablePointer<CChar>?, _ capacity: Int32, _ isForWriting: Int32, _ flag: UnsafeMutableRawPointer?
) -> Int32 {
    flag?.storeBytes(of: true, as: Bool.self)
    return -1
}
