import Base
import Testing
import Tracing

struct TraceSamplingTests {
    private func share(_ sender: Bool?, _ isTrusted: Bool, _ percent: Double) -> Double {
        var random = RandomSource(seed: 7)
        let samples = (0..<10_000).filter { _ in
            TraceSampling.samples(sender: sender, isTrusted: isTrusted, percent: percent, random: &random)
        }
        return Double(samples.count) / 100
    }

    @Test func aTrustedSenderDecides() {
        #expect(share(true, true, 0) == 100 && share(false, true, 100) == 0)
    }

    @Test(arguments: [(true, false), (false, false), (nil, true), (nil, false)] as [(Bool?, Bool)])
    func othersAreDrawn(_ sender: Bool?, _ isTrusted: Bool) {
        #expect(share(sender, isTrusted, 0) == 0 && share(sender, isTrusted, 100) == 100)
        #expect(abs(share(sender, isTrusted, 10) - 10) < 1)
    }

    /// What is the client's fault is an error of the client's side only.
    @Test(
        arguments: [
            (200, nil, false, false), (404, nil, false, true), (500, nil, true, true), (0, nil, false, true),
            (101, nil, false, false), (200, 0, false, false), (200, 5, false, true), (200, 12, true, true),
            (200, 14, true, true),
        ] as [(Int, UInt8?, Bool, Bool)])
    func sidesSeeErrorsDifferently(_ status: Int, _ grpcStatus: UInt8?, _ server: Bool, _ client: Bool) {
        #expect(TraceSampling.isServerSpanError(status: status, grpcStatus: grpcStatus) == server)
        #expect(TraceSampling.isClientSpanError(status: status, grpcStatus: grpcStatus) == client)
    }
}
