package import Base

/// A model, a version, or both, that take the place of those a v2 request names.
package struct ModelNames: Sendable {
    package let model: [UInt8]?
    package let version: [UInt8]?
    /// As elements of a path.
    private let escapedModel: [UInt8]?
    private let escapedVersion: [UInt8]?

    /// - Returns: `nil` where both are.
    package init?(model: String?, version: String?) {
        if model == nil && version == nil { return nil }
        self.model = model.map { Array($0.utf8) }
        self.version = version.map { Array($0.utf8) }
        escapedModel = self.model.map(Self.escaped)
        escapedVersion = self.version.map(Self.escaped)
    }

    /// What a path element may hold as it is (RFC 3986 section 3.3: `pchar`); all else is escaped.
    package static func escaped(_ name: [UInt8]) -> [UInt8] {
        let plain = Array("-._~!$&'()*+,;=:@".utf8)
        let digits = Array("0123456789ABCDEF".utf8)
        return name.flatMap { byte -> [UInt8] in
            let isPlain = byte &- 0x30 < 10 || lowercased(byte) &- 0x61 < 26 || plain.contains(byte)
            return isPlain ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }

    /// Appends the path with these names in it: `/v2/models/{model}[/versions/{version}][/…]`.
    ///
    /// - Returns: false, and nothing is appended, for a path that names no model.
    package func rewrite(_ path: UnsafeRawBufferPointer, into result: inout ByteBuffer) -> Bool {
        guard let named = InferencePath(path) else { return false }
        result.append("/v2/models/")
        if let escapedModel { result.append(escapedModel) } else { result.append(named.model) }
        if let escapedVersion {
            result.append("/versions/")
            result.append(escapedVersion)
        } else if named.hasVersion {
            result.append("/versions/")
            result.append(named.version)
        }
        result.append(named.rest)
        return true
    }

    /// Calls `body` with the names that are in force for a request that names these.
    package func replacing<Result>(
        _ model: UnsafeRawBufferPointer, _ version: UnsafeRawBufferPointer,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Result
    ) -> Result {
        (self.model ?? []).withUnsafeBytes { newModel in
            (self.version ?? []).withUnsafeBytes { newVersion in
                body(self.model == nil ? model : newModel, self.version == nil ? version : newVersion)
            }
        }
    }
}
