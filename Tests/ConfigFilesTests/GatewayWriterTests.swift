import Base
import Configuration
import Foundation
import Testing

@testable import ConfigFiles

/// Configurations as they are written.
@Suite struct GatewayWriterTests {
    /// What is written means the same, whatever it is.
    @Test(arguments: 0..<200)
    func readsBack(seed: UInt64) throws {
        var random = RandomGateway(seed: seed)
        let gateway = random.gateway()
        let yaml = GatewayWriter().yaml(gateway)
        let scratch = try ScratchDirectory(["sluice.yaml": yaml])
        let outcome = scratch.load()
        let errors = outcome.diagnostics.filter { $0.severity == .error }
        #expect(errors == [], "seed \(seed):\n\(yaml)")
        #expect(outcome.gateway == gateway, "seed \(seed):\n\(yaml)")
        #expect(yaml.split(separator: "\n").allSatisfy { !$0.hasSuffix(" ") || $0.contains("|") }, "\(yaml)")
    }

    /// With certificates, keys and a file of users, whose names and hashes are written out.
    @Test func everyKeyReadsBack() throws {
        let path = ExampleTests.repository + "/config/full.yaml"
        let outcome = ConfigurationLoader.load(path: path)
        let gateway = try #require(outcome.gateway)
        let yaml = outcome.writer(from: [path]).yaml(gateway)
        let scratch = try ScratchDirectory(["sluice.yaml": yaml])
        #expect(scratch.lines(scratch.load()) == [])
        #expect(scratch.load().gateway == gateway, "\(yaml)")
        #expect(yaml.hasPrefix("# Converted by 'sluice convert' from full.yaml.\n\nloops: 2\n"))
    }

    @Test func smallestReadsAsItIsWrittenByHand() throws {
        let text = """
            listeners:
              - address: 0.0.0.0:8080

            admin: { address: 127.0.0.1:9901 }

            backends:
              stable: { endpoints: [127.0.0.1:8000] }
              canary: { endpoints: [127.0.0.1:8100] }
              shadow: { endpoints: [127.0.0.1:8200] }

            routes:
              - name: infer
                match: [{ path: { prefix: /v2 } }]
                backends:
                  - { name: stable, weight: 80 }
                  - { name: canary, weight: 20 }
                mirrors: [{ backend: shadow }]
                basicAuth:
                  realm: Inference
                  users:
                    ann: $2y$10$sFqjdhrrZKn6Xo.DHzhacujwTYUII2IdHF38y8EJaXjaUNaHSL4UO

            """
        let scratch = try ScratchDirectory(["sluice.yaml": text])
        let gateway = try #require(scratch.load().gateway)
        #expect(GatewayWriter().yaml(gateway) == text)
    }
}
