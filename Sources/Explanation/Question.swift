package import Configuration

/// A request that nobody has sent, as the command line describes it.
package struct Question: Sendable {
    /// As it will stand in the request line.
    package var method: String
    package var url: RequestURL
    /// In the order given.
    package var headers: [(name: String, value: String)] = []
    /// `user` or `user:password`, said with `Authorization: Basic` unless that field is given.
    package var credentials: String?
    /// Where the connection comes from; without it nothing is decided by address.
    package var client: IPAddress?
    /// The name of the listener; without it the one that fits the URL best.
    package var listener: String?
    /// What the message of a gRPC call names.
    package var messageModel: MessageModel?

    /// - Throws: what is wrong with the method, to be read behind the text itself.
    package init(method: String, url: RequestURL) throws(InvalidValue) {
        guard !method.isEmpty, method.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw InvalidValue("is not a method, write one such as GET or POST")
        }
        self.method = method
        self.url = url
    }

    /// Adds `name: value`.
    ///
    /// - Throws: what is wrong with the text, to be read behind it.
    package mutating func addHeader(_ text: String) throws(InvalidValue) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), colon > text.startIndex else {
            throw InvalidValue("is not a header, write 'name: value'")
        }
        guard !text.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A }) else {
            throw InvalidValue("has a line break, write one header for each -H")
        }
        let value = text[text.utf8.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        headers.append((String(text[..<colon]), String(value)))
    }

    func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
}

/// Where a request goes: `http://host/path`, `https://host:8443/path`, or a path alone.
package struct RequestURL: Sendable, Equatable {
    /// As given, without the fragment, which no client sends.
    package var text: String
    /// `nil` for a path alone.
    package var scheme: Match.Scheme?
    /// Host and port as written; `nil` for a path alone.
    package var authority: String?
    /// What stands behind the host's last colon, if it is a number.
    package var port: UInt16?
    /// Path and query as the request line has them.
    package var target: String

    /// - Throws: what is wrong, to be read behind the text itself. What a client could send and the gateway refuses is no
    ///   error here.
    package init(parsing text: String) throws(InvalidValue) {
        guard !text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
            throw InvalidValue("has a blank or a control character, write it percent-encoded, such as %20")
        }
        let text = text.utf8.firstIndex(of: UInt8(ascii: "#")).map { text[..<$0] } ?? text[...]
        self.text = String(text)
        if text.hasPrefix("/") || text == "*" {
            target = String(text)
            return
        }
        guard let end = text.firstRange(of: "://") else {
            throw InvalidValue("is not a URL, write http://host/path or a path alone, such as /v2/models")
        }
        guard let scheme = Match.Scheme(rawValue: text[..<end.lowerBound].lowercased()) else {
            throw InvalidValue("is not a URL for a gateway, write it with http:// or https://")
        }
        let rest = text[end.upperBound...]
        let hostEnd = rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        var authority = rest[..<hostEnd]
        guard !authority.contains("@") else {
            throw InvalidValue("holds credentials, which no client sends that way: write -u user:password")
        }
        guard !authority.isEmpty else { throw InvalidValue("has no host, write http://host/path") }
        self.scheme = scheme
        if let colon = authority.lastIndex(of: ":"), let port = UInt16(authority[authority.index(after: colon)...]) {
            self.port = port
            // Clients leave the port out where the scheme says it.
            if port == scheme.defaultPort { authority = authority[..<colon] }
        }
        self.authority = String(authority)
        let target = rest[hostEnd...]
        self.target = target.hasPrefix("/") ? String(target) : "/" + target
    }
}

extension Match.Scheme {
    var defaultPort: UInt16 { self == .https ? 443 : 80 }
}

/// The model that the message of a gRPC call names, and perhaps its version.
package struct MessageModel: Sendable, Equatable {
    package var name: String
    /// Empty where the choice is left to the server.
    package var version: String

    package init(name: String, version: String) {
        self.name = name
        self.version = version
    }

    /// Reads `NAME` or `NAME:VERSION`.
    package init(parsing text: String) throws(InvalidValue) {
        let colon = text.lastIndex(of: ":")
        name = String(colon.map { text[..<$0] } ?? text[...])
        version = colon.map { String(text[text.index(after: $0)...]) } ?? ""
        guard !name.isEmpty else { throw InvalidValue("names no model, write NAME or NAME:VERSION") }
    }
}
