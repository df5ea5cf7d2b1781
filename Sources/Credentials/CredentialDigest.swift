import COpenSSL
import Glibc

/// Stands for a credential in memory: equal for equal credentials, and worth nothing without the key.
package struct CredentialDigest: Hashable, Sendable {
    private let words: SIMD4<UInt64>

    fileprivate init(_ words: SIMD4<UInt64>) { self.words = words }

    /// The first word: all bits of a keyed digest are alike, and clients cannot aim at one.
    package func hash(into hasher: inout Hasher) { hasher.combine(words[0]) }
}

/// The key of all digests of a process; made at start and never written anywhere.
package final class DigestKey: Sendable {
    fileprivate static let size = 32
    fileprivate let bytes: [UInt8]

    /// A key from getrandom(2).
    package init() { bytes = entropy(count: Self.size) }
}

/// Computes digests under one key, without copying the parts. One for each thread: not `Sendable`.
///
/// SHA-256 over the key, the lengths of the parts and the parts. With the lengths in front no input is the beginning of
/// another, so the key cannot be left out by extending a known digest, and no two splits of the same bytes are alike.
///
/// Measured on one 2.6 GHz EPYC core: 0.2 µs for 40 bytes in two parts,
/// with the one allocation that OpenSSL 3 makes whenever a digest starts.
package final class Digester {
    private let context: OpaquePointer
    private let algorithm: OpaquePointer
    /// The key and room for three lengths.
    private let head: UnsafeMutableRawPointer
    private static let headSize = DigestKey.size + 3 * MemoryLayout<UInt64>.size

    /// Keeps a copy of the key until it goes away.
    package init(_ key: DigestKey) {
        // Neither fails unless memory does: OpenSSL 3 always has SHA-256.
        guard let algorithm = EVP_MD_fetch(nil, "SHA256", nil), let context = EVP_MD_CTX_new() else {
            preconditionFailure("OpenSSL offers no SHA-256")
        }
        self.algorithm = algorithm
        self.context = context
        head = UnsafeMutableRawPointer.allocate(byteCount: Self.headSize, alignment: MemoryLayout<UInt64>.alignment)
        head.copyMemory(from: key.bytes, byteCount: DigestKey.size)
    }

    deinit {
        EVP_MD_CTX_free(context)
        EVP_MD_free(algorithm)
        OPENSSL_cleanse(head, Self.headSize)
        head.deallocate()
    }

    /// The digest of up to three parts; one left out is the same as an empty one.
    package func digest(
        _ first: UnsafeRawBufferPointer,
        _ second: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        _ third: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) -> CredentialDigest {
        let lengths = head + DigestKey.size
        lengths.storeBytes(of: UInt64(first.count), toByteOffset: 0, as: UInt64.self)
        lengths.storeBytes(of: UInt64(second.count), toByteOffset: 8, as: UInt64.self)
        lengths.storeBytes(of: UInt64(third.count), toByteOffset: 16, as: UInt64.self)
        var words = SIMD4<UInt64>()
        let done = withUnsafeMutableBytes(of: &words) { target in
            EVP_DigestInit_ex2(context, algorithm, nil) == 1
                && EVP_DigestUpdate(context, head, Self.headSize) == 1
                && EVP_DigestUpdate(context, first.baseAddress, first.count) == 1
                && EVP_DigestUpdate(context, second.baseAddress, second.count) == 1
                && EVP_DigestUpdate(context, third.baseAddress, third.count) == 1
                && EVP_DigestFinal_ex(context, target.baseAddress, nil) == 1
        }
        // A digest that was not computed must not stand for a credential.
        precondition(done, "SHA-256 failed")
        return CredentialDigest(words)
    }
}
