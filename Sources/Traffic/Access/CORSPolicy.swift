package import Base
package import Configuration
package import HTTP

/// What a route tells browsers about pages of other origins (the Fetch standard, "CORS protocol").
package struct CORSPolicy: Sendable {
    /// An allowed origin that a request names.
    package enum CrossOrigin {
        /// Allowed because all are, which excludes credentials.
        case any
        /// Its place in the request's header.
        case named(HeadRange)
    }

    private let origins: [Origin]
    private let allowsAny: Bool
    private let allowsCredentials: Bool
    private let forwardsUnmatched: Bool
    private let methods: FieldList
    private let headers: FieldList
    private let exposed: FieldList
    private let maxAge: UInt64?

    /// One way to be allowed, other than because all are.
    private enum Origin: Sendable {
        case exact([UInt8])
        case start([UInt8])
        case wildcard(prefix: [UInt8], suffix: [UInt8])
        case pattern(Pattern)

        init?(_ match: Route.CORS.OriginMatch) {
            switch match {
            case .any: return nil
            case .exact(let text): self = .exact(Array(text.utf8))
            case .startsWith(let text): self = .start(Array(text.utf8))
            case .wildcard(let prefix, let suffix):
                self = .wildcard(prefix: Array(prefix.utf8), suffix: Array(suffix.utf8))
            case .regex(let pattern): self = .pattern(pattern)
            }
        }

        /// - Parameter lower: the same as `origin` in lower case.
        func matches(_ origin: UnsafeRawBufferPointer, _ lower: UnsafeRawBufferPointer) -> Bool {
            switch self {
            case .exact(let text): return equals(lower, text)
            // Sandboxed and local pages send it. Many have it, of whomever: only who writes it means it.
            case _ where equals(lower, "null"): return false
            case .start(let text): return hasPrefix(lower, text)
            case .pattern(let pattern): return pattern.matchesWhole(origin)
            case .wildcard(let prefix, let suffix):
                guard lower.count > prefix.count + suffix.count, hasPrefix(lower, prefix),
                    equals(UnsafeRawBufferPointer(rebasing: lower.suffix(suffix.count)), suffix)
                else { return false }
                return lower[prefix.count..<(lower.count - suffix.count)].allSatisfy(CORSPolicy.isHostByte)
            }
        }
    }

    /// Names for one field; `*` among them stands for all.
    private struct FieldList: Sendable {
        var text: [UInt8]
        var isAny: Bool

        init(_ names: [String]) {
            isAny = names.contains("*")
            text = Array((isAny ? "*" : names.joined(separator: ", ")).utf8)
        }
    }

    package init(_ cors: Route.CORS) {
        origins = cors.allowOrigins.compactMap(Origin.init)
        allowsAny = cors.allowOrigins.contains(.any)
        allowsCredentials = cors.allowCredentials
        forwardsUnmatched = cors.forwardsUnmatchedPreflights
        methods = FieldList(cors.allowMethods)
        headers = FieldList(cors.allowHeaders)
        exposed = FieldList(cors.exposeHeaders)
        maxAge = cors.maxAge.map { UInt64(max($0.components.seconds, 0)) }
    }

    // MARK: The request

    /// The origin of the page that sends the request; `nil` where it names none, or one that is not allowed.
    package func crossOrigin(_ head: MessageHead) -> CrossOrigin? {
        guard let index = Self.only("origin", head) else { return nil }
        if allows(head.value(index)) { return .named(head.field(index).value) }
        return allowsAny ? .any : nil
    }

    /// Whether the request asks what another one may do. One of an origin that is not allowed may be the endpoint's to
    /// answer.
    package func isPreflight(_ head: MessageHead, from origin: CrossOrigin?) -> Bool {
        guard head.method == .options, head.first(named: "origin") != nil,
            head.first(named: "access-control-request-method") != nil
        else { return false }
        return origin != nil || !forwardsUnmatched
    }

    private func allows(_ origin: UnsafeRawBufferPointer) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: origin.count, alignment: 1) { folded in
            for index in 0..<origin.count { folded[index] = lowercased(origin[index]) }
            let lower = UnsafeRawBufferPointer(folded)
            return origins.contains { $0.matches(origin, lower) }
        }
    }

    /// What a star may stand for: no port, path or user.
    private static func isHostByte(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            || byte &- UInt8(ascii: "0") < 10 || byte &- UInt8(ascii: "a") < 26
    }

    private static func only(_ name: StaticString, _ head: MessageHead) -> Int? {
        guard let index = head.first(named: name) else { return nil }
        for later in (index + 1)..<max(head.fieldCount, index + 1) where equalsIgnoringCase(head.name(later), name) {
            return nil
        }
        return index
    }

    // MARK: The answer

    /// What an endpoint says about origins is not its to say here, unless the preflight of this origin is.
    package func removeFields(from answer: MessageHead, to origin: CrossOrigin?) {
        if origin == nil && forwardsUnmatched { return }
        answer.remove(where: { name in
            let prefix: StaticString = "access-control-"
            return name.count > prefix.utf8CodeUnitCount
                && equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: name[..<prefix.utf8CodeUnitCount]), prefix)
        })
    }

    /// Adds what every answer says.
    ///
    /// - Parameters:
    ///   - request: the head in which `origin` is.
    ///   - isPreflight: nothing of the answer to a preflight is shown to a page.
    package func addFields(
        for origin: CrossOrigin?, of request: MessageHead, isPreflight: Bool, to answer: MessageHead
    ) {
        // Also where the origin is not allowed, or missing: what is kept for one must not be used for another.
        if !origins.isEmpty { answer.add("Vary", staticBytes("Origin")) }
        switch origin {
        case nil: return
        case .any: answer.add("Access-Control-Allow-Origin", staticBytes("*"))
        case .named(let range):
            answer.add("Access-Control-Allow-Origin", request.slice(range))
            if allowsCredentials { answer.add("Access-Control-Allow-Credentials", staticBytes("true")) }
        }
        if !isPreflight, !exposed.text.isEmpty { add("Access-Control-Expose-Headers", exposed.text, to: answer) }
    }

    /// Adds what the answer to a preflight says beside that.
    package func addPreflightFields(
        for origin: CrossOrigin?, of request: MessageHead, to answer: MessageHead, scratch: inout ByteBuffer
    ) {
        guard let origin else { return }
        // To requests with credentials `*` is only a name (Fetch, "CORS protocol and credentials").
        var echoes = false
        if case .named = origin { echoes = allowsCredentials }
        add("Access-Control-Allow-Methods", methods, "access-control-request-method", of: request, echoes, to: answer)
        add("Access-Control-Allow-Headers", headers, "access-control-request-headers", of: request, echoes, to: answer)
        if let maxAge {
            scratch.removeAll()
            scratch.append(decimal: maxAge)
            answer.add("Access-Control-Max-Age", scratch.bytes)
        }
    }

    private func add(
        _ name: StaticString, _ list: FieldList, _ asked: StaticString, of request: MessageHead, _ echoes: Bool,
        to answer: MessageHead
    ) {
        if list.isAny && echoes {
            answer.add("Vary", staticBytes(asked))
            if let index = request.first(named: asked) { answer.add(name, request.value(index)) }
        } else if !list.text.isEmpty {
            add(name, list.text, to: answer)
        }
    }

    private func add(_ name: StaticString, _ text: [UInt8], to answer: MessageHead) {
        text.withUnsafeBytes { answer.add(name, $0) }
    }
}
