/// Which fields a configuration may not touch, because the gateway answers for them.
package enum HeaderRules {
    package enum Message: Sendable { case request, response }

    /// What says where a message ends, and what is meant for the next hop only (RFC 9110 sections 7.6.1 and 10.1.1, RFC 9112
    /// section 6, RFC 9113 section 8.2.2). Changing it would be a way to smuggle requests.
    package static let framing: Set<String> = [
        "connection", "content-length", "expect", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding",
        "upgrade",
    ]
    /// What the gateway says of itself and of the client on every request, after it has removed what it does not believe.
    private static let writtenOnRequests: Set<String> = [
        "forwarded", "traceparent", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id",
    ]
    /// The time of the answer (RFC 9110 section 6.6.1), and how a gRPC call ended.
    private static let writtenOnAnswers: Set<String> = ["date", "grpc-message", "grpc-status"]

    /// What keeps a configuration from changing a field, as the second half of a sentence, or `nil`.
    ///
    /// - Parameter name: in any case.
    package static func problem(changing name: String, of message: Message) -> String? {
        let name = name.lowercased()
        guard HeaderText.isToken(name) else { return "is no header name, write one such as x-tenant" }
        if framing.contains(name) { return "frames or routes the message, which is the gateway's to do, leave it out" }
        if name.hasPrefix("x-sluice-") {
            return "belongs to the gateway, choose a name that does not begin with x-sluice-"
        }
        switch message {
        case .request:
            if name == "host" { return "is where the request goes, write it as 'host' in 'rewrite'" }
            if writtenOnRequests.contains(name) { return "is written by the gateway itself, leave it out" }
        case .response:
            if writtenOnAnswers.contains(name) {
                return "is written by the gateway or the endpoint alone, leave it out"
            }
        }
        return nil
    }
}
