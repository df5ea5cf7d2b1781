import CDashboard

/// A file of the dashboard, as it lies in the binary.
///
/// Unchecked: the bytes are constants of the program.
package struct DashboardFile: @unchecked Sendable {
    package let path: String
    package let contentType: String
    package let bytes: UnsafeRawBufferPointer
    /// Of the content, so that it changes with it and with nothing else.
    package let tag: String

    private init(_ file: dashboard_file) {
        path = String(cString: file.path)
        contentType = String(cString: file.content_type)
        bytes = UnsafeRawBufferPointer(start: file.bytes, count: file.count)
        tag = EntityTag.of(bytes)
    }

    package static let all: [DashboardFile] = (0..<dashboard_file_count).map {
        DashboardFile(dashboard_file_at($0).pointee)
    }

    private static let byPath = Dictionary(all.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })

    package static func at(_ path: String) -> DashboardFile? { byPath[path] }
}

extension AdminResponse {
    /// What the dashboard's pages may do: use what this address serves, and nothing else. No other page may show them in a
    /// frame, no form is sent, no script stands in a page (Content Security Policy Level 3).
    private static let pagePolicy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'",
        "font-src 'self'", "manifest-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; ")

    private static let pageFields = [
        Field(name: "Content-Security-Policy", value: pagePolicy), Field(name: "X-Frame-Options", value: "DENY"),
        Field(name: "Referrer-Policy", value: "no-referrer"),
        Field(name: "Cross-Origin-Opener-Policy", value: "same-origin"),
        Field(name: "Cross-Origin-Resource-Policy", value: "same-origin"),
        // Kept by browsers, and asked for again each time: a newer binary's pages show at once.
        Field(name: "Cache-Control", value: "no-cache"),
    ]

    /// - Parameter ifNoneMatch: what the client has already.
    static func file(_ file: DashboardFile, ifNoneMatch: String?) -> AdminResponse {
        let fields = pageFields + [Field(name: "ETag", value: file.tag)]
        if let ifNoneMatch, EntityTag.matches(ifNoneMatch, file.tag) { return AdminResponse(304, fields) }
        var response = AdminResponse(200, fields + [Field(name: "Content-Type", value: file.contentType)])
        response.body = .file(file)
        return response
    }
}
