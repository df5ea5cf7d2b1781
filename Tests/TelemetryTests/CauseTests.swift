import Testing

@testable import Telemetry

@Suite struct CauseTests {
    /// The contract with clients, logs and dashboards, written out once more so that a slip in the table shows.
    static let contract: [Int: [String]] = [
        200: [""],
        400: ["bad_request"],
        401: ["unauthorized"],
        403: ["forbidden"],
        404: ["no_route", "model_not_found"],
        408: ["header_timeout"],
        413: ["body_too_large"],
        414: ["uri_too_long"],
        429: ["rate_limited"],
        431: ["headers_too_large"],
        499: ["client_closed"],
        // Made on purpose; the route's `fault` says which status it really is.
        500: ["fault"],
        501: ["not_implemented"],
        502: ["connect_failed", "upstream_reset", "upstream_protocol", "tls_handshake"],
        503: [
            "no_endpoint", "queue_full", "queue_timeout", "draining", "overloaded", "auth_overloaded",
            "activation_failed",
        ],
        504: ["connect_timeout", "first_byte_timeout", "try_timeout", "idle_timeout", "exchange_timeout"],
    ]

    @Test func everyCauseHasItsNameAndStatus() {
        let table = Dictionary(grouping: Cause.allCases, by: \.status).mapValues { Set($0.map(\.description)) }
        #expect(table == Self.contract.mapValues(Set.init))
        #expect(Cause.allCases.count == Self.contract.values.reduce(0) { $0 + $1.count })
    }

    @Test(arguments: Cause.allCases)
    func messagesNeedNoEscaping(cause: Cause) {
        #expect(cause.message.isEmpty == (cause == .none))
        #expect(cause.message.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C })
        #expect("\(cause.name)" == cause.description)
    }
}
