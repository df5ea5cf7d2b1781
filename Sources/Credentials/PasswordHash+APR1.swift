import COpenSSL

extension PasswordHash {
    /// The 22 digits behind the salt of an `$apr1$` hash: Poul-Henning Kamp's MD5-crypt with Apache's name in it, 1000
    /// rounds. `nil` where OpenSSL has no MD5 (FIPS) or there is no memory.
    static func apr1Digest(password: UnsafeRawBufferPointer, salt: String) -> [UInt8]? {
        guard let hasher = MD5() else { return nil }
        let salt = Array(salt.utf8)
        return salt.withUnsafeBytes { apr1Digest(password, $0, hasher) }
    }

    private static func apr1Digest(
        _ password: UnsafeRawBufferPointer, _ salt: UnsafeRawBufferPointer, _ hasher: borrowing MD5
    ) -> [UInt8]? {
        var state = [UInt8](repeating: 0, count: MD5.size)
        defer { state.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        func add(_ bytes: UnsafeRawBufferPointer) -> Bool { hasher.update(bytes) }
        func addState(_ count: Int) -> Bool {
            state.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
        func finish() -> Bool { state.withUnsafeMutableBytes { hasher.finish(into: $0) } }

        guard hasher.start(), add(password), add(salt), add(password), finish(), hasher.start(), add(password),
            hasher.update("$apr1$"), add(salt)
        else { return nil }
        var left = password.count
        while left > 0 {
            guard addState(min(left, MD5.size)) else { return nil }
            left -= MD5.size
        }
        // One byte for each bit of the length: zero for a one, the password's first for a zero.
        left = password.count
        while left > 0 {
            let done = left & 1 == 1 ? hasher.update("\0") : add(UnsafeRawBufferPointer(rebasing: password[..<1]))
            guard done else { return nil }
            left >>= 1
        }
        guard finish() else { return nil }
        for round in 0..<1000 {
            let isOdd = round & 1 == 1
            guard hasher.start(), isOdd ? add(password) : addState(MD5.size), round % 3 == 0 || add(salt),
                round % 7 == 0 || add(password), isOdd ? addState(MD5.size) : add(password), finish()
            else { return nil }
        }
        return digits(state)
    }

    /// 16 bytes in crypt's base 64, in MD5-crypt's order: three at a time, least significant digit first.
    private static func digits(_ state: [UInt8]) -> [UInt8] {
        let alphabet = Array("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        var text: [UInt8] = []
        func append(_ value: Int, _ count: Int) {
            for digit in 0..<count { text.append(alphabet[value >> (6 * digit) & 63]) }
        }
        for (high, middle, low) in [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)] {
            append(Int(state[high]) << 16 | Int(state[middle]) << 8 | Int(state[low]), 4)
        }
        append(Int(state[11]), 2)
        return text
    }
}

/// One MD5 computation after another on the same context.
private struct MD5: ~Copyable {
    static let size = 16

    private let context: OpaquePointer
    private let algorithm: OpaquePointer

    init?() {
        guard let algorithm = EVP_MD_fetch(nil, "MD5", nil) else { return nil }
        guard let context = EVP_MD_CTX_new() else {
            EVP_MD_free(algorithm)
            return nil
        }
        self.context = context
        self.algorithm = algorithm
    }

    deinit {
        EVP_MD_CTX_free(context)
        EVP_MD_free(algorithm)
    }

    func start() -> Bool { EVP_DigestInit_ex2(context, algorithm, nil) == 1 }

    func update(_ bytes: UnsafeRawBufferPointer) -> Bool {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1
    }

    func update(_ text: StaticString) -> Bool { EVP_DigestUpdate(context, text.utf8Start, text.utf8CodeUnitCount) == 1 }

    func finish(into target: UnsafeMutableRawBufferPointer) -> Bool {
        guard target.count >= Self.size else { return false }
        return EVP_DigestFinal_ex(context, target.baseAddress, nil) == 1
    }
}
