import CSSL
import Glibc

/// An X.509 certificate. Never changed, so safe on any thread; OpenSSL counts references atomically.
final class Certificate: @unchecked Sendable {
    let handle: OpaquePointer

    /// Takes the reference over.
    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { X509_free(handle) }

    /// The DNS names of subjectAltName in lower case, wildcards included. The common name is no host name (RFC 9525
    /// section 2).
    var names: [String] {
        var names: [String] = []
        withUnsafeMutablePointer(to: &names) { target in
            sluice_x509_dns_names(
                handle,
                { owner, bytes, count in
                    guard let owner, let bytes else { return }
                    let text = String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
                    owner.assumingMemoryBound(to: [String].self).pointee.append(text.lowercased())
                }, target)
        }
        ErrorQueue.clear()
        return names
    }

    /// The type of key that it certifies, as OpenSSL numbers them; all curves of ECDSA are one.
    var keyType: Int32 {
        guard let key = X509_get0_pubkey(handle) else { return 0 }
        return EVP_PKEY_get_base_id(key)
    }

    /// The subject as RFC 2253 text, in ASCII.
    var subject: String { Self.subject(of: handle) }

    static func subject(of handle: OpaquePointer) -> String {
        guard let name = X509_get_subject_name(handle), let target = BIO_new(BIO_s_mem()) else { return "" }
        defer { BIO_free(target) }
        guard sluice_x509_print_name(target, name) >= 0 else {
            ErrorQueue.clear()
            return ""
        }
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(target))
        let read = bytes.withUnsafeMutableBytes { BIO_read(target, $0.baseAddress, Int32($0.count)) }
        return String(decoding: bytes.prefix(max(Int(read), 0)), as: UTF8.self)
    }

    /// The last common name of the subject; `nil` for none, and for one with a zero byte in it.
    static func commonName(of handle: OpaquePointer) -> String? {
        guard let name = X509_get_subject_name(handle) else { return nil }
        var index: Int32 = -1
        var last: Int32 = -1
        while true {
            index = X509_NAME_get_index_by_NID(name, NID_commonName, index)
            guard index >= 0 else { break }
            last = index
        }
        guard last >= 0, let entry = X509_NAME_get_entry(name, last), let data = X509_NAME_ENTRY_get_data(entry)
        else { return nil }
        var text: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&text, data)
        defer { sluice_ssl_free(text) }
        guard count > 0, let text else {
            ErrorQueue.clear()
            return nil
        }
        let bytes = UnsafeBufferPointer(start: text, count: Int(count))
        return bytes.contains(0) ? nil : String(decoding: bytes, as: UTF8.self)
    }

    /// Seconds since 1970 between which it holds, both included.
    var validity: ClosedRange<Int64>? {
        guard let first = Self.seconds(X509_get0_notBefore(handle)),
            let last = Self.seconds(X509_get0_notAfter(handle)),
            first <= last
        else { return nil }
        return first...last
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else {
            ErrorQueue.clear()
            return nil
        }
        return Int64(timegm(&parts))
    }
}

/// A private key; OpenSSL erases it when the last reference goes.
final class PrivateKey: @unchecked Sendable {
    let handle: OpaquePointer

    /// Takes the reference over.
    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { EVP_PKEY_free(handle) }
}
