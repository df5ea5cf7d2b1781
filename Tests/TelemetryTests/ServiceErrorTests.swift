import Telemetry
import Testing

@Suite struct ServiceErrorTests {
    @Test(
        arguments: [
            (200, Cause.none, nil, false),
            (404, .none, nil, false),
            (500, .none, nil, true),
            (503, .queueFull, nil, true),
            // An answer had begun.
            (200, .upstreamReset, nil, true),
            (401, .unauthorized, nil, false),
            (429, .rateLimited, 8, false),
            (499, .clientClosed, nil, false),
            (501, .notImplemented, 12, false),
            (200, .none, 0, false),
            // NOT_FOUND and CANCELLED are the caller's; INTERNAL and UNAVAILABLE are not.
            (200, .none, 5, false),
            (200, .none, 1, false),
            (200, .none, 13, true),
            (200, .none, 14, true),
            (404, .noRoute, 12, false),
        ] as [(UInt16, Cause, UInt8?, Bool)])
    func isOfTheService(status: UInt16, cause: Cause, grpcStatus: UInt8?, expected: Bool) {
        #expect(ServiceError.happened(status: status, cause: cause, grpcStatus: grpcStatus) == expected)
    }
}
